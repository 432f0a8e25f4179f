from __future__ import annotations

import numpy as np
import pytest

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs.cofeat import CofeatCodec
from cofeat.feature.entropy import tables
from cofeat.feature.entropy.engine import compiled
from cofeat.feature.entropy.fitted import OFFSETS
from cofeat.feature.entropy.fitted_plan import FittedPlan
from cofeat.feature.entropy.fitting import fit_tables
from cofeat.feature.entropy.lattice import COARSE_TO_FINE, lattice
from cofeat.feature.entropy.prediction import filtered, limited
from cofeat.feature.entropy.ways import ENGINE, NUMPY
from cofeat.feature.quantizer import quantize

needs_engine = pytest.mark.skipif(compiled() is None, reason="wasmtime is not installed")


def there_and_back(codec, values, bits=8):
    payload = codec.encode(values, bits, codec.default_setting)
    decoded = codec.decode(payload, values.shape, bits, codec.default_setting)
    np.testing.assert_array_equal(decoded, values)
    return payload


def test_tables_save_a_tenth_on_images_that_they_were_not_fitted_to(fitted, made_features):
    held_out = [quantize(made_features(seed)).values for seed in range(1000, 1008)]
    plain, tabled = CofeatCodec(NUMPY), CofeatCodec(NUMPY, fitted)
    without = sum(len(there_and_back(plain, values)) for values in held_out)
    with_ = sum(len(there_and_back(tabled, values)) for values in held_out)
    assert with_ < 0.9 * without


@pytest.mark.parametrize("bits", [1, 4, 8, 12])
@pytest.mark.parametrize("relu", [True, False])
def test_every_depth_comes_back(fitted, fitted_signed, made_features, bits, relu):
    values = quantize(made_features(7, relu), bits).values
    there_and_back(CofeatCodec(NUMPY, fitted if relu else fitted_signed), values, bits)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 5), (16, 8)])
def test_other_sizes_come_back(fitted, made_features, size):
    values = quantize(made_features(5, shape=(12, *size))).values
    there_and_back(CofeatCodec(NUMPY, fitted), values)


@pytest.mark.parametrize("dead", [slice(0, 12), slice(0, 5), slice(6, 12), slice(3, 11, 2)])
def test_channels_of_zeros_come_back(fitted, made_features, dead):
    values = quantize(made_features(3)).values.copy()
    values[dead] = 0
    there_and_back(CofeatCodec(NUMPY, fitted), values)


def test_what_no_model_makes_comes_back(fitted):
    values = np.random.default_rng(0).integers(0, 256, (12, 8, 16), dtype=np.uint8)
    assert len(there_and_back(CofeatCodec(NUMPY, fitted), values)) < 1.2 * values.size
    there_and_back(CofeatCodec(NUMPY, fitted), np.full((12, 8, 16), 255, np.uint8))


@needs_engine
def test_engine_and_numpy_make_the_same_bytes_and_read_each_other(fitted, made_features):
    for seed, dead in ((1, slice(0)), (2, slice(0, 5)), (3, slice(0, 12))):
        values = quantize(made_features(seed)).values.copy()
        values[dead] = 0
        payload = there_and_back(CofeatCodec(NUMPY, fitted), values)
        assert there_and_back(CofeatCodec(ENGINE, fitted), values) == payload


def test_prediction_is_what_the_norm_says(fitted, made_features):
    """One element at a time, in Python's own integers."""
    height, width = 4, 6
    values = quantize(made_features(11, shape=(12, height, width))).values.astype(int)
    zero, gain = 3, 5000
    plan = FittedPlan(fitted, np.arange(12), (height, width), zero, gain)
    plan.center = np.arange(12, dtype=np.int16) + 2
    layout = lattice(height, width, COARSE_TO_FINE)
    planes = values.reshape(12, -1)[:, layout.order].astype(np.int16)
    planes = np.concatenate([planes, plan.center[:, None]], axis=1)
    generation = 3
    first, stop = plan.bounds[generation : generation + 2]
    said = plan.said(first, stop, planes, planes[:, :-1])
    filters = plan.channel_filters(first, stop)
    for part in layout.passes:
        base = filtered(planes[first:stop], plan.center[first:stop], filters[:, part.type], part)
        got = limited(base + said[:, part.first : part.stop])
        for channel in range(first, stop):
            center = int(plan.center[channel])
            own = [int(weight) for weight in fitted.own[channel, part.type]]
            for index, place in enumerate(range(part.first, part.stop)):
                y, x = divmod(int(layout.order[place]), width)
                taps = [[int(planes[channel, at[index]]) for at in tap] for tap in part.taps]
                total = sum(
                    w * sum(v - center for v in tap) for w, tap in zip(own[1:], taps, strict=False)
                )
                expected = min(max(4 * center + (total >> 4), -1024), 2047)
                others = 0
                for (dy, dx), matrix in zip(OFFSETS, fitted.weights[generation], strict=False):
                    near = min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)
                    for j in range(first):
                        weight = int(matrix[channel - first, j])
                        others += weight * (int(values[j][near]) - zero)
                expected += others >> (int(fitted.shift[channel]) - 2)
                expected += (int(fitted.intercept[channel]) * gain + 2048) >> 12
                weight = own[0] + sum(w * len(tap) for w, tap in zip(own[1:], taps, strict=False))
                difference = center - zero
                expected += (weight * difference >> 4) - 4 * difference
                assert got[channel - first, index] == min(max(expected, -1024), 2047)


def test_center_out_of_range_is_refused(fitted, made_features):
    # Tables whose plain centers may be told beyond what two bits hold.
    values = quantize(made_features(1), 2).values
    payload = bytearray(CofeatCodec(NUMPY, fitted).encode(values, 2, 4))
    codec = CofeatCodec(NUMPY, fitted)
    refused = 0
    for place in range(len(payload)):
        harmed = bytearray(payload)
        harmed[place] ^= 0xFF
        try:
            decoded = codec.decode(bytes(harmed), values.shape, 2, 4)
        except BitstreamError:
            refused += 1
        else:
            assert decoded.shape == values.shape
            assert decoded.max() < 4
    assert refused > len(payload) // 2


def test_wrong_number_of_channels_is_refused(fitted):
    values = np.zeros((5, 4, 4), np.uint8)
    with pytest.raises(BitstreamError, match="of 12 channels, not of 5"):
        CofeatCodec(NUMPY, fitted).decode(bytes(100), values.shape, 8, 4)


def test_tensors_that_cannot_be_fitted_to_are_refused(made_features):
    one, other = quantize(made_features(0)), quantize(made_features(0, shape=(3, 8, 16)))
    for tensors in ([], [one, other]):
        with pytest.raises(InvalidInputError, match="same shape and bits"):
            fit_tables(tensors)
    with pytest.raises(InvalidInputError, match="up to 8 bits, not 12"):
        fit_tables([quantize(made_features(0), 12)])


def test_rows_of_fitted_tables_can_code_every_symbol(fitted):
    assert np.all(fitted.zero_rows > 0)
    np.testing.assert_array_equal(fitted.value_rows > 0, tables.value_prior() > 0)
