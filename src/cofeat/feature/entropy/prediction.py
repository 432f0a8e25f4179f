"""What the neighbors and other channels say of an element, in quarters of a level."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.feature.entropy import tables
from cofeat.feature.entropy.lattice import Pass, known_passes

Int16Array = npt.NDArray[np.int16]
Int32Array = npt.NDArray[np.int32]
Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.signedinteger[Any]]

# Far enough beyond 0 and 4 * 255; differences of such numbers fit 16 bits.
_LOWEST, _HIGHEST = -1024, 2047


def limited(prediction: Int32Array) -> Int16Array:
    """Keep predictions within what 16 bits can work with."""
    return np.clip(prediction, _LOWEST, _HIGHEST).astype(np.int16)


def filtered(planes: Int16Array, center: Int16Array, filters: IntArray, part: Pass) -> Int16Array:
    """Predict a pass from the neighbors alone: (C, n).

    Args:
        planes: (C, H * W + 1) values in coding order, the center last.
        center: (C,).
        filters: (C, MOST_TAPS) in 64ths.
        part: the pass.
    """
    total = np.zeros((len(planes), part.stop - part.first), np.int32)
    for index, tap in enumerate(part.taps):
        around = planes.take(tap[0], axis=1)
        for places in tap[1:]:
            around += planes.take(places, axis=1)
        around -= (len(tap) * center)[:, None]
        total += around * filters[:, index, None].astype(np.int32)
    total >>= 4
    total += (4 * center.astype(np.int32))[:, None]
    return limited(total)


def tap_sums(by_place: Array, part: Pass) -> Array:
    """Sum the places of each tap of a pass over planes that are known: (taps, n, C).

    Args:
        by_place: (H * W + 1, C) in coding order, the center last. A place's neighbors in all
            channels are moved at once, which is quick.
        part: the pass.
    """
    sums = np.empty((len(part.taps), part.stop - part.first, by_place.shape[1]), by_place.dtype)
    one = np.empty_like(sums[:1])
    for total, tap in zip(sums, part.taps, strict=True):
        by_place.take(tap[0], axis=0, out=total, mode="clip")
        for places in tap[1:]:
            by_place.take(places, axis=0, out=one[0], mode="clip")
            total += one[0]
    return sums


def bases(
    by_place: Int16Array, filters: IntArray, size: tuple[int, int], schedule: int
) -> Int16Array:
    """Predict planes that are known already as ``filtered`` does, all passes: (H * W, C).

    Args:
        by_place: (H * W + 1, C) values in coding order, the center last.
        filters: (C, TYPES, MOST_TAPS) in 64ths.
        size: (height, width) of a plane.
        schedule: COARSE_TO_FINE or DIAGONAL.
    """
    center = by_place[-1]
    total = np.zeros((len(by_place) - 1, len(center)), np.int32)
    for part in known_passes(*size, schedule):
        for index, around in enumerate(tap_sums(by_place, part)):
            around -= len(part.taps[index]) * center
            total[part.first : part.stop] += around * filters[:, part.type, index].astype(np.int32)
    total >>= 4
    total += 4 * center.astype(np.int32)
    return limited(total)


class References:
    """Which channels' deviations some channels add to their predictions, and how much of them.

    A deviation is four times the value, less what the neighbors alone predicted.

    Args:
        references: (C, MOST_REFERENCES) channels, or -1.
        coefficients: (C, MOST_REFERENCES) indices into tables.COEFFICIENTS.
    """

    def __init__(self, references: IntArray, coefficients: IntArray) -> None:
        # One entry a rank: the channels that have such a reference, those, how much of them.
        self._ranks: list[tuple[IntArray, IntArray, IntArray]] = []
        for rank in range(tables.MOST_REFERENCES):
            has = np.flatnonzero(references[:, rank] >= 0)
            if has.size:
                factors = tables.COEFFICIENTS[coefficients[has, rank], None]
                self._ranks.append((has, references[has, rank], factors))
        self._channels = len(references)

    def said(self, deviations: Int16Array) -> Int32Array | None:
        """Return what they add, (C, n) in quarters, or None where no channel refers to any.

        Args:
            deviations: (all channels, n), valid for those that are referred to.
        """
        if not self._ranks:
            return None
        total = np.zeros((self._channels, deviations.shape[1]), np.int32)
        for channels, references, factors in self._ranks:
            said = deviations[references] * factors
            said >>= tables.COEFFICIENT_BITS
            total[channels] += said
        return total
