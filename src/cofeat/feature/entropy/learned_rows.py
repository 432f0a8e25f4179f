"""Fixed rows of frequencies: a logistic distribution of levels, by its scale and its mean.

A row is one of ``RATIOS`` scales, quarters of an octave from 1/16 of a level up, and one of
``FRACTIONS`` places of the mean within a level. Symbol j of a row stands for the levels from
``(j - MIDDLE) << k`` up to the next symbol's first, counted from the level nearest to the mean,
k being the row's shift; the first and the last symbol say that the level stands elsewhere.

``docs/bitstream.md`` is the norm.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from cofeat.feature.entropy.rans import FREQUENCY_BITS, TOTAL
from cofeat.feature.entropy.tables import logistic

Int64Array = npt.NDArray[np.int64]

SYMBOLS = 32
MIDDLE = 16
FRACTIONS = 16
RATIOS = 44
# The ratio of a scale of one level.
_ONE_LEVEL = 16
# round(2 ** 15 / scale in levels), which may not depend on a machine's exponential.
# fmt: off
INVERSES = np.array([
    524288, 440872, 370728, 311744, 262144, 220436, 185364, 155872, 131072, 110218, 92682,
    77936, 65536, 55109, 46341, 38968, 32768, 27554, 23170, 19484, 16384, 13777, 11585, 9742,
    8192, 6889, 5793, 4871, 4096, 3444, 2896, 2435, 2048, 1722, 1448, 1218, 1024, 861, 724, 609,
    512, 431, 362, 304,
], np.int64)
# fmt: on
# Low bits of a level that are written as they are: a scale is two buckets wide at most.
SHIFTS = np.maximum(-(-(np.arange(RATIOS) - _ONE_LEVEL - 4) // 4), 0)


class FixedRows:
    """Rows that never learn; see ``AdaptiveTables``, whose place they take.

    Args:
        slots: whether to keep the symbol of each slot, for a decoder.
    """

    symbols = SYMBOLS

    def __init__(self, slots: bool) -> None:
        starts = _starts()
        frequencies = np.diff(starts, axis=1, append=TOTAL)
        self.entries: Int64Array = (frequencies | starts << FREQUENCY_BITS).reshape(-1)
        self.slots = np.zeros(0, np.uint8)
        if slots:
            symbols = np.tile(np.arange(SYMBOLS, dtype=np.uint8), len(starts))
            self.slots = np.repeat(symbols, frequencies.reshape(-1))

    def copy(self) -> FixedRows:
        """Return itself, which nothing changes."""
        return self

    def learn(self, indices: Int64Array) -> None:
        """Learn nothing."""


@functools.cache
def fixed_rows(slots: bool) -> FixedRows:
    """Return the rows, made once."""
    return FixedRows(slots)


def _starts() -> Int64Array:
    """(RATIOS * FRACTIONS, SYMBOLS) first slots: one for every symbol, the rest by the logistic."""
    edges = 16 * ((np.arange(1, SYMBOLS) - MIDDLE) << SHIFTS[:, None, None])
    # Half a level below the first level, counted from the mean, in sixteenths of a level.
    edges = edges - 8 - (np.arange(FRACTIONS)[:, None] - FRACTIONS // 2)
    below = logistic(edges * INVERSES[:, None, None] >> 12)
    starts = np.zeros((RATIOS, FRACTIONS, SYMBOLS), np.int64)
    starts[..., 1:] = np.arange(1, SYMBOLS) + (below * (TOTAL - SYMBOLS) >> 16)
    return starts.reshape(-1, SYMBOLS)
