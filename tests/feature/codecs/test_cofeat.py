from __future__ import annotations

import zlib

import numpy as np
import pytest

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs.cofeat import COFEAT, MOST_ELEMENTS, MOST_PLACES
from cofeat.feature.entropy.coder import CHANNELS, EncodingCoder
from cofeat.feature.entropy.plan import Plan, code_plan, code_zero_classes


def relu_maps(shape, seed=0):
    """Smooth noise below which half is cut off, as behind a ReLU."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(shape[0], shape[1] + 2, shape[2] + 2))
    smooth = sum(noise[:, y : y + shape[1], x : x + shape[2]] for y in range(3) for x in range(3))
    return np.clip(smooth * 25, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(32, 8, 16), (16, 32, 32)])
def test_is_smaller_than_deflate(shape):
    values = relu_maps(shape)
    assert len(COFEAT.encode(values, 8, 8)) < 0.87 * len(zlib.compress(values.tobytes(), 9))


def test_channels_of_zeros_cost_next_to_nothing():
    some = relu_maps((20, 16, 16))
    padded = np.zeros((200, 16, 16), np.uint8)
    padded[::10] = some
    assert len(COFEAT.encode(padded, 8, 8)) < len(COFEAT.encode(some, 8, 8)) + 60


def test_channels_that_follow_others_cost_less():
    base = relu_maps((16, 32, 32))
    noise = np.random.default_rng(1).integers(0, 3, base.shape)
    copies = np.clip(base.astype(int) * 3 // 4 + noise, 0, 255).astype(np.uint8)
    alone = len(COFEAT.encode(base, 8, 8)) + len(COFEAT.encode(copies, 8, 8))
    assert len(COFEAT.encode(np.concatenate([base, copies]), 8, 8)) < 0.8 * alone


def test_noise_grows_by_little():
    values = np.random.default_rng(0).integers(0, 256, (16, 16, 16), dtype=np.uint8)
    assert len(COFEAT.encode(values, 8, 8)) < 1.05 * values.size


@pytest.mark.parametrize("shape", [(2100, 1, 2), (3, 1, 600), (3, 600, 1), (1, 70, 90)])
def test_odd_shapes_come_back(shape):
    values = np.random.default_rng(0).integers(0, 40, shape, dtype=np.uint8)
    payload = COFEAT.encode(values, 8, 8)
    np.testing.assert_array_equal(COFEAT.decode(payload, shape, 8, 8), values)


def test_too_large_tensors_are_refused():
    plane = np.broadcast_to(np.uint8(0), (1, 1, MOST_PLACES + 1))
    many = np.broadcast_to(np.uint8(0), (MOST_ELEMENTS // 64 + 1, 8, 8))
    for values in (plane, many):
        with pytest.raises(InvalidInputError, match="use another codec"):
            COFEAT.encode(values, 8, 8)
        with pytest.raises(BitstreamError, match="too large"):
            COFEAT.decode(bytes(100), values.shape, 8, 8)


def test_few_bytes_do_not_cost_much_time():
    payload = COFEAT.encode(relu_maps((8, 8, 8)), 8, 8)
    with pytest.raises(BitstreamError, match="too few"):
        COFEAT.decode(payload, (8, 1024, 512), 8, 8)


def header(zero_class, schedule, generations):
    """A payload up to the plan's first fields, for channels of 1 x 200 places."""
    coder = EncodingCoder(8)
    code_zero_classes(coder, np.array(zero_class), len(zero_class))
    coder.raw(np.array([schedule, generations - 1]), np.array([1, 4]))
    return coder.finish()


@pytest.mark.parametrize(("schedule", "generations"), [(0, 3), (1, 2)])
def test_generations_have_limits(schedule, generations):
    # Two channels make no three generations; diagonals of 400 x 1 places no two.
    with pytest.raises(BitstreamError, match="generations"):
        COFEAT.decode(header([1, 0], schedule, generations), (2, 200, 1), 8, 8)


class Harming(EncodingCoder):
    """Writes a reference to channel 3 where one to channel 2 is told."""

    def raw(self, given, widths):
        super().raw(np.where((given == 2) & (widths == 2), 3, given), widths)
        return given


def test_references_go_back():
    plan = Plan.empty(np.zeros(6, np.int64), schedule=0, generations=2)
    plan.references[4, 0] = 2
    for coder, message in ((Harming(8), "not known yet"), (EncodingCoder(8), "does not end")):
        code_zero_classes(coder, plan.zero_class, 6)
        code_plan(coder, plan, plan.zero_class, (4, 4), 8)
        with pytest.raises(BitstreamError, match=message):
            COFEAT.decode(coder.finish(), (6, 4, 4), 8, 8)


def test_encoder_has_to_be_given_something():
    coder = EncodingCoder(8)
    with pytest.raises(TypeError):
        coder.symbols(CHANNELS, np.zeros(1, np.int64), None, 0)
    with pytest.raises(TypeError):
        coder.raw(None, np.ones(1, np.int64))
