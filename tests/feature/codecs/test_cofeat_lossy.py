from __future__ import annotations

import numpy as np
import pytest

from cofeat.errors import BitstreamError
from cofeat.feature.codecs.cofeat import COFEAT
from cofeat.feature.codecs.cofeat_lossy import COFEAT_LOSSY, STEPS

ALL = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)


def back(values, bits, setting):
    payload = COFEAT_LOSSY.encode(values, bits, setting)
    return COFEAT_LOSSY.decode(payload, values.shape, bits, setting)


def test_steps_are_quarters_of_an_octave():
    expected = [round(16 * 2 ** (setting / 4)) for setting in range(25)]
    assert list(STEPS) == expected


def test_worked_values():
    # Setting 4 is a step of two: halves go to even multiples, 0, 4, 8, ...
    values = np.array([0, 1, 2, 3, 4, 5, 6, 7, 254, 255], np.uint8).reshape(1, 2, 5)
    expected = [0, 0, 2, 4, 4, 4, 6, 8, 254, 255]
    assert back(values, 8, 4).reshape(-1).tolist() == expected
    # Setting 8 is a step of four of 8 bits: none of 6 bits, whose integers lie four apart.
    six = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    np.testing.assert_array_equal(back(six, 6, 8), six)


@pytest.mark.parametrize("setting", range(25))
def test_error_is_at_most_half_a_step(setting):
    error = back(ALL, 8, setting).astype(int) - ALL
    assert np.abs(error).max() <= STEPS[setting] / 32 + 0.5


@pytest.mark.parametrize("setting", [4, 8, 12, 16])
def test_halves_go_both_ways_so_that_no_mean_drifts(setting):
    step = STEPS[setting] // 16
    error = back(ALL, 8, setting).astype(int) - ALL
    # From 0 on, errors cancel every two steps.
    assert error.reshape(-1)[: 256 - 2 * step].reshape(-1, 2 * step).sum(axis=1).tolist() == [0] * (
        128 // step - 1
    )


def test_setting_of_least_loss_loses_nothing():
    for bits in range(1, 9):
        values = ALL[:, :4, :4] * 17 & (1 << bits) - 1
        np.testing.assert_array_equal(back(values, bits, 0), values)


def test_coarser_steps_take_fewer_bytes():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(8, 18, 18))
    smooth = sum(noise[:, y : y + 16, x : x + 16] for y in range(3) for x in range(3))
    values = np.clip(smooth * 25, 0, 255).astype(np.uint8)
    sizes = [len(COFEAT_LOSSY.encode(values, 8, setting)) for setting in range(0, 25, 4)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < 0.8 * sizes[0]


def test_level_beyond_the_last_is_refused():
    # Setting 24 is a step of 64: levels 0 to 4, in three bits.
    payload = COFEAT.encode(np.full((1, 4, 4), 5, np.uint8), 3, 4)
    with pytest.raises(BitstreamError, match="level 5, and the last is 4"):
        COFEAT_LOSSY.decode(payload, (1, 4, 4), 8, 24)
