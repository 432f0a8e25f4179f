from __future__ import annotations

import numpy as np
import pytest

from cofeat.feature.entropy.lattice import COARSE_TO_FINE, DIAGONAL, lattice

SHAPES = [(1, 1), (1, 9), (9, 1), (2, 3), (8, 8), (7, 13)]


@pytest.mark.parametrize("schedule", [COARSE_TO_FINE, DIAGONAL])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_place_is_coded_once_from_known_neighbors(shape, schedule):
    layout = lattice(*shape, schedule)
    size = shape[0] * shape[1]
    assert sorted(layout.order) == list(range(size))
    stop = 0
    for part in layout.passes:
        assert part.first == stop
        stop = part.stop
        for places in (part.near, *part.taps):
            known = (places < part.first) | (places == size)
            assert known.all()
    assert stop == size


def test_coarse_to_fine_by_hand():
    layout = lattice(8, 8, COARSE_TO_FINE)
    numbers = np.empty(64, int)
    for part in layout.passes:
        numbers[layout.order[part.first : part.stop]] = part.type
    np.testing.assert_array_equal(
        numbers.reshape(8, 8)[:4, :4], [[0, 4, 2, 4], [4, 3, 4, 3], [2, 4, 1, 4], [4, 3, 4, 3]]
    )
    # The element at (7, 7) has (6, 6) on all sides: the others are beyond the edge.
    part = layout.passes[3]
    index = list(layout.order[part.first : part.stop]).index(63)
    assert layout.order[part.near[:, index]].tolist() == [54] * 4


def test_diagonal_by_hand():
    layout = lattice(3, 4, DIAGONAL)
    # (1, 1) is in pass 3 with (0, 3), which comes first in raster order.
    part = layout.passes[3]
    assert layout.order[part.first : part.stop].tolist() == [3, 5]
    near = layout.order[part.near]
    assert near[:, 1].tolist() == [4, 1, 0, 2]  # west, north, northwest, northeast
    assert near[:, 0].tolist() == [2, 2, 2, 2]  # in the top row all are the one to the west
