"""In which order the elements of a plane are coded, and which neighbors are known by then.

A schedule is a sequence of passes; the elements of a pass, in all channels, are
coded at once. Two schedules, the numbers are the passes::

    COARSE_TO_FINE          DIAGONAL
    0 4 2 4 0 4 2 4         0  1  2  3  4  5  6  7
    4 3 4 3 4 3 4 3         2  3  4  5  6  7  8  9
    2 4 1 4 2 4 1 4         4  5  6  7  8  9 10 11
    4 3 4 3 4 3 4 3         6  7  8  9 10 11 12 13
    0 4 2 4 0 4 2 4         8  9 10 11 12 13 14 15

The first has few passes and, from the second on, neighbors on all sides. The
second has neighbors next to every element, which small planes need.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.signedinteger[Any]]

COARSE_TO_FINE = 0
DIAGONAL = 1
# A pass's type: its number for COARSE_TO_FINE, 5 for DIAGONAL.
TYPES = 6
_DIAGONAL_TYPE = 5
# Filter taps of a type; a tap is the sum of several neighbors.
TAPS = (0, 3, 3, 3, 3, 9)
MOST_TAPS = max(TAPS)

_CORNERS = ((-1, -1), (1, 1)), ((-1, 1), (1, -1))
_SIDES = ((-1, 0), (1, 0)), ((0, -1), (0, 1))
# Beyond them: the known neighbors at a knight's move of one kind or the other.
_BEYOND_CORNERS = ((-1, -3), (-1, 3), (1, -3), (1, 3), (-3, -1), (-3, 1), (3, -1), (3, 1))
_BEYOND_SIDES = ((-1, -2), (-1, 2), (1, -2), (1, 2), (-2, -1), (-2, 1), (2, -1), (2, 1))


@dataclass(frozen=True, eq=False)
class Pass:
    """Elements that are coded at once.

    Args:
        type: which weights it takes, 0 ... TYPES - 1.
        first: its first place in coding order.
        stop: the first place behind it.
        taps: one (m, n) array of places a tap of the filter; place H * W is the channel's center.
        near: (4, n) places of the four nearest known neighbors.
    """

    type: int
    first: int
    stop: int
    taps: tuple[IntArray, ...]
    near: IntArray


@dataclass(frozen=True, eq=False)
class Lattice:
    """A schedule over an H x W plane.

    Args:
        order: (H * W,) for each place in coding order its index in raster order.
        passes: those that have elements.
    """

    order: IntArray
    passes: tuple[Pass, ...]


@functools.lru_cache(maxsize=4)
def lattice(height: int, width: int, schedule: int) -> Lattice:
    """Lay out the passes of a plane."""
    y, x = np.mgrid[:height, :width]
    if schedule == DIAGONAL:
        numbers = 2 * y + x
    else:
        numbers = np.where((y + x) % 2, 4, 3)
        even = (y % 2 == 0) & (x % 2 == 0)
        numbers = np.where(even, np.where((y + x) % 4, 2, np.where(y % 4, 1, 0)), numbers)
    flat = numbers.reshape(-1)
    order = np.argsort(flat, kind="stable")
    firsts = np.flatnonzero(np.diff(flat[order], prepend=-1))
    stops = np.append(firsts[1:], len(order))
    known = _Known(numbers, order)
    build = _diagonal_pass if schedule == DIAGONAL else _coarse_to_fine_pass
    passes = tuple(build(known, int(a), int(b)) for a, b in zip(firsts, stops, strict=True))
    return Lattice(order, passes)


@functools.lru_cache(maxsize=4)
def known_passes(height: int, width: int, schedule: int) -> tuple[Pass, ...]:
    """Lay out a plane that is known already: passes of a type are one, so there are few."""
    passes = lattice(height, width, schedule).passes
    if schedule != DIAGONAL:
        return passes
    taps = zip(*(part.taps for part in passes), strict=True)
    together = tuple(np.concatenate(tap, axis=1) for tap in taps)
    near = np.concatenate([part.near for part in passes], axis=1)
    return (Pass(_DIAGONAL_TYPE, 0, passes[-1].stop, together, near),)


class _Known:
    """Answers where an element's neighbor is held, if it is known by then."""

    def __init__(self, numbers: IntArray, order: IntArray) -> None:
        self.numbers, self.order = numbers, order
        self.height, self.width = numbers.shape
        self.center = numbers.size
        self.place = np.empty(numbers.size, np.int64)
        self.place[order] = np.arange(numbers.size)

    def elements(self, first: int, stop: int) -> tuple[IntArray, IntArray]:
        """Return the rows and columns of a pass's elements."""
        rows, columns = np.divmod(self.order[first:stop], self.width)
        return rows, columns

    def at(self, number: int, rows: IntArray, columns: IntArray, otherwise: IntArray) -> IntArray:
        """Return the places of elements of passes before ``number``, else ``otherwise``."""
        inside = (rows >= 0) & (rows < self.height) & (columns >= 0) & (columns < self.width)
        rows, columns = np.where(inside, rows, 0), np.where(inside, columns, 0)
        inside &= self.numbers[rows, columns] < number
        return np.where(inside, self.place[rows * self.width + columns], otherwise)


def _coarse_to_fine_pass(known: _Known, first: int, stop: int) -> Pass:
    """Neighbors at the same distance on all sides; at an edge, those opposite stand in."""
    rows, columns = known.elements(first, stop)
    number = int(known.numbers[rows[0], columns[0]])
    center = np.full(stop - first, known.center)
    if number == 0:
        return Pass(0, first, stop, (), np.stack([center] * 4))
    reach = 2 if number in (1, 2) else 1
    pairs = _CORNERS if number in (1, 3) else _SIDES
    near = []
    for dy, dx in (offset for pair in pairs for offset in pair):
        down, right = rows + reach * dy, columns + reach * dx
        down = np.where((down < 0) | (down >= known.height), rows - reach * dy, down)
        right = np.where((right < 0) | (right >= known.width), columns - reach * dx, right)
        near.append(known.at(number, down, right, center))
    beyond = [
        known.at(number, rows + reach * dy, columns + reach * dx, near[index % 4])
        for index, (dy, dx) in enumerate(_BEYOND_CORNERS if number in (1, 3) else _BEYOND_SIDES)
    ]
    taps = (np.stack(near[:2]), np.stack(near[2:]), np.stack(beyond))
    return Pass(number, first, stop, taps, np.stack(near))


def _diagonal_pass(known: _Known, first: int, stop: int) -> Pass:
    """Nine neighbors above and to the left; at an edge, the nearest other one stands in."""
    rows, columns = known.elements(first, stop)
    number = int(known.numbers[rows[0], columns[0]])
    center = np.full(stop - first, known.center)

    def at(dy: int, dx: int, otherwise: IntArray) -> IntArray:
        return known.at(number, rows + dy, columns + dx, otherwise)

    west = at(0, -1, at(-1, 0, center))
    north = at(-1, 0, west)
    northwest = at(-1, -1, np.where(rows == 0, west, north))
    northeast = at(-1, 1, north)
    north2 = at(-2, 0, north)
    others = (at(0, -2, west), north2, at(-2, -1, north2), at(-2, 1, north2), at(-1, -2, northwest))
    near = np.stack([west, north, northwest, northeast])
    return Pass(_DIAGONAL_TYPE, first, stop, tuple(a[None] for a in (*near, *others)), near)
