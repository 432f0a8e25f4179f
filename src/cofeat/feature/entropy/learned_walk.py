"""The walk over all levels of a tensor, which both directions take.

Group after group, and row after row within a group, all channels of a row at once: what earlier
groups say is known for all rows of a group, what the row above says is added as they come.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.errors import BitstreamError
from cofeat.feature.entropy.coder import Coder
from cofeat.feature.entropy.learned import (
    ABOVE,
    AROUND,
    HIDDEN_BITS,
    LARGEST_HIDDEN,
    MEAN_BITS,
    OCTAVE,
    SCALE_BITS,
    LearnedTables,
)
from cofeat.feature.entropy.learned_rows import FRACTIONS, MIDDLE, RATIOS, SHIFTS, SYMBOLS

Array = npt.NDArray[Any]
Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

# Where a level stands elsewhere: it is written in two fields of 8 bits, from the lowest up.
LARGEST_LEVEL = (1 << 15) - 1
_OFFSET = 1 << 15
_HALF_SCALE = 1 << SCALE_BITS - 1
# Of a magnitude x, LOG_UNIT + x is taken, so that zero has a logarithm.
_LOG_UNIT_BITS = 8


def magnitudes(values: Float64Array) -> Float64Array:
    """Return 64ths of an octave of 1 + |value| / 2^8, linear between powers of two: whole numbers.

    Args:
        values: whole numbers, in sixteenths of an integer.
    """
    x = np.abs(values).astype(np.int64) + (1 << _LOG_UNIT_BITS)
    exponent = np.frexp(x.astype(np.float64))[1].astype(np.int64) - 1
    logarithm = OCTAVE * (exponent - _LOG_UNIT_BITS - 1) + (OCTAVE * x >> exponent)
    return logarithm.astype(np.float64)


class LearnedWalk:
    """Codes the levels of one tensor.

    Args:
        coder: either direction.
        tables: of C channels.
        size: (height, width) of a plane.
        step: of the levels, in sixteenths of an integer.
        shift: quarters of an octave by which all scales are less, in steps as in this image.
        levels: int64 (C, H, W) to encode, of a magnitude up to ``LARGEST_LEVEL``; None to decode.
        largest: what a decoded level may be at most, either sign.
    """

    def __init__(
        self,
        coder: Coder,
        tables: LearnedTables,
        size: tuple[int, int],
        step: int,
        shift: int,
        levels: Int64Array | None,
        largest: int,
    ) -> None:
        self._coder, self._tables, self._size = coder, tables, size
        self._step, self._shift, self._largest = step, shift, largest
        self._given = levels
        channels, (height, width) = tables.channels, size
        self._left = channels * height * width
        self.levels = np.zeros((channels, height, width), np.int64)
        # Values and signed magnitudes, with a border of zeros: doubles hold their sums exactly.
        self._around = np.zeros((2, channels, height + 2, width + 2))

    def run(self) -> Int64Array:
        """Code all levels, and return them: int64 (C, H, W)."""
        for group, (first, stop) in enumerate(itertools.pairwise(self._tables.bounds)):
            self._group(group, first, stop)
        return self.levels

    def _group(self, group: int, first: int, stop: int) -> None:
        height, width = self._size
        tables, taps = self._tables, AROUND * first
        # Of values to means, and of signed magnitudes to the first layer's units.
        direct = [part[group].astype(np.float64) for part in (tables.mean, tables.first)]
        second, told = (part[group].astype(np.float64) for part in (tables.second, tables.told))
        hidden_bias = tables.hidden_bias[:, group, :, None].astype(np.float64)
        said = [
            _of_earlier(part[:, :taps], around[:first], self._size)
            for part, around in zip(direct, self._around, strict=True)
        ]
        said[0] += tables.mean_bias[first:stop, None, None]
        said[1] += hidden_bias[0, :, :, None]
        for y in range(height):
            above = self._around[:, first:stop, y]
            sums = []
            for part, earlier, row in zip(direct, said, above, strict=True):
                total = earlier[:, y]
                if part.size:  # without tables there are no weights
                    windows = np.stack([row[:, dx : dx + width] for dx in range(ABOVE)], axis=1)
                    total = total + part[:, taps:] @ windows.reshape(-1, width)
                sums.append(total)
            hidden = _rectified(second @ _rectified(sums[1]) + hidden_bias[1])
            added = np.split(told @ hidden, 2)
            mean = (sums[0] + added[0]).astype(np.int64) >> MEAN_BITS
            scale = added[1].astype(np.int64) + tables.scale_bias[first:stop, None]
            levels = self._row(mean, scale + _HALF_SCALE >> SCALE_BITS, first, stop, y)
            values = (levels * self._step).astype(np.float64)
            self.levels[first:stop, y] = levels
            self._around[0, first:stop, y + 1, 1:-1] = values
            self._around[1, first:stop, y + 1, 1:-1] = np.sign(values) * magnitudes(values)

    def _row(self, mean: Int64Array, scale: Int64Array, first: int, stop: int, y: int) -> Array:
        """Code one row of a group's channels: (channels, W) levels."""
        shape = mean.shape
        sixteenths = (16 * mean.reshape(-1) + (self._step >> 1)) // self._step + FRACTIONS // 2
        nearest = sixteenths >> 4
        ratio = np.clip(scale.reshape(-1) - self._shift, 0, RATIOS - 1)
        widths = SHIFTS[ratio]
        levels = symbols = None
        if self._given is not None:
            levels = self._given[first:stop, y].reshape(-1)
            symbols = np.clip((levels - nearest >> widths) + MIDDLE, 0, SYMBOLS - 1)
        self._left -= len(nearest)
        rows = ratio * FRACTIONS + (sixteenths & 15)
        symbols = self._coder.symbols(0, rows, symbols, self._left)
        elsewhere = (symbols == 0) | (symbols == SYMBOLS - 1)
        low = np.where(elsewhere, 8, np.minimum(widths, 8))
        fields = None
        if levels is not None:
            fields = np.where(elsewhere, levels + _OFFSET, levels - nearest) & ((1 << low) - 1)
        fields = self._coder.raw(fields, low).astype(np.int64)
        upper = None if levels is None else (levels[elsewhere] + _OFFSET) >> 8
        upper = self._coder.raw(upper, np.full(int(elsewhere.sum()), 8)).astype(np.int64)
        found = nearest + ((symbols - MIDDLE) << widths) + fields
        found[elsewhere] = fields[elsewhere] + (upper << 8) - _OFFSET
        if np.any(np.abs(found) > self._largest):
            raise BitstreamError("the payload has a level out of range")
        return np.asarray(found.reshape(shape))


def _rectified(sums: Float64Array) -> Float64Array:
    """Return hidden units of their sums: whole numbers, 0 ... LARGEST_HIDDEN."""
    return np.clip(np.floor(sums / (1 << HIDDEN_BITS)), 0, LARGEST_HIDDEN)


def _of_earlier(weights: Float64Array, around: Float64Array, size: tuple[int, int]) -> Float64Array:
    """Weigh the channels of earlier groups, 3x3 around each place: (channels, H, W)."""
    height, width = size
    total = np.zeros((len(weights), height * width))
    if len(around):
        by_tap = weights.reshape(len(weights), AROUND, len(around))
        for tap in range(AROUND):
            dy, dx = divmod(tap, 3)
            planes = around[:, dy : dy + height, dx : dx + width].reshape(len(around), -1)
            total += by_tap[:, tap] @ planes
    return total.reshape(-1, height, width)
