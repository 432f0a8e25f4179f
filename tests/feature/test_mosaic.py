from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cofeat.errors import InvalidInputError
from cofeat.feature.mosaic import grid, mosaic_size, tile, untile

TENSORS = st.sampled_from([np.uint8, np.uint16, np.float32]).flatmap(
    lambda dtype: hnp.arrays(
        dtype,
        st.tuples(st.integers(1, 20), st.integers(1, 4), st.integers(1, 4)),
        elements=st.integers(0, 200),
    )
)


def tile_by_loops(values: np.ndarray) -> np.ndarray:
    channels, height, width = values.shape
    cols = 2 ** math.ceil(math.log2(channels) / 2)
    rows = math.ceil(channels / cols)
    mosaic = np.zeros((rows * height, cols * width), values.dtype)
    for c in range(channels):
        for y in range(height):
            for x in range(width):
                mosaic[c // cols * height + y, c % cols * width + x] = values[c, y, x]
    return mosaic


@pytest.mark.parametrize(
    ("shape", "rows_cols", "size"),
    [
        ((512, 8, 16), (16, 32), (128, 512)),  # the paper's Encoder1
        ((256, 16, 32), (16, 16), (256, 512)),  # and Encoder2
        ((1, 3, 5), (1, 1), (3, 5)),
        ((2, 3, 5), (1, 2), (3, 10)),
        ((3, 1, 1), (2, 2), (2, 2)),
        ((5, 1, 1), (2, 4), (2, 4)),
        ((112, 16, 32), (7, 16), (112, 512)),
    ],
)
def test_worked_grids(shape, rows_cols, size):
    assert grid(shape[0]) == rows_cols
    assert mosaic_size(shape) == size


@given(st.integers(1, 1 << 40))
def test_grid_holds_all_channels_and_is_the_smallest_of_its_kind(channels):
    rows, cols = grid(channels)
    assert (rows - 1) * cols < channels <= rows * cols
    # cols = 2^k with the smallest k such that 4^k >= C, in exact arithmetic.
    assert cols**2 >= channels > Fraction(cols, 2) ** 2


@given(TENSORS)
def test_equals_plain_loops(values):
    np.testing.assert_array_equal(tile(values), tile_by_loops(values))
    assert tile(values).dtype == values.dtype


@given(TENSORS)
def test_untile_inverts_tile(values):
    restored = untile(tile(values), values.shape[0])
    np.testing.assert_array_equal(restored, values)
    assert restored.dtype == values.dtype
    assert restored.flags.c_contiguous


def test_no_channels_are_refused():
    with pytest.raises(InvalidInputError, match="0 channels"):
        grid(0)


def test_wrong_dimensions_are_refused():
    with pytest.raises(InvalidInputError, match="channels, height, width"):
        tile(np.zeros((2, 2), np.uint8))


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (4,)])
def test_image_that_does_not_divide_is_refused(shape):
    with pytest.raises(InvalidInputError, match="2 x 2 tiles"):
        untile(np.zeros(shape, np.uint8), 4)
