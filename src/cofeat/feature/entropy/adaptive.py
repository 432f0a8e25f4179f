"""Rows of symbol frequencies that follow what was coded so far."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.feature.entropy.rans import FREQUENCY_BITS, TOTAL

IntArray = npt.NDArray[np.signedinteger[Any]]
Int64Array = npt.NDArray[np.int64]
# What one coded symbol adds to the weights that the prior starts with.
COUNT_WEIGHT = 16


class AdaptiveTables:
    """R rows of S symbols; a row is made anew when its weight has doubled.

    Args:
        prior: (R, S) integers >= 0, what is believed before the first symbol; a symbol of
            weight 0 cannot be coded. Each row has two symbols or more.
        slots: whether to keep the symbol of each slot, for a decoder.
    """

    def __init__(self, prior: IntArray, slots: bool) -> None:
        self._weights = prior.astype(np.int64)
        self._possible = (prior > 0).astype(np.int64)
        self._totals = self._weights.sum(axis=1)
        self._due_at = 2 * self._totals
        self.symbols = prior.shape[1]
        self._entries = np.empty(prior.shape, np.int64)
        self._slots = np.empty((len(prior), TOTAL), np.uint8) if slots else None
        self._make(np.arange(len(prior)))

    def copy(self) -> AdaptiveTables:
        """Return tables that learn on their own."""
        other = copy.copy(self)
        other._weights, other._totals = self._weights.copy(), self._totals.copy()
        other._due_at, other._entries = self._due_at.copy(), self._entries.copy()
        other._slots = None if self._slots is None else self._slots.copy()
        return other

    @property
    def entries(self) -> Int64Array:
        """(R * S,) frequency in the low 13 bits and start above."""
        return self._entries.reshape(-1)

    @property
    def slots(self) -> npt.NDArray[np.uint8]:
        """(R * 2^12,) the symbol of each slot."""
        return np.zeros(0, np.uint8) if self._slots is None else self._slots.reshape(-1)

    def learn(self, indices: Int64Array) -> None:
        """Count a block of coded symbols, (n,) row * S + symbol."""
        counts = np.bincount(indices, minlength=self._weights.size).reshape(self._weights.shape)
        counts *= COUNT_WEIGHT
        self._weights += counts
        self._totals += counts.sum(axis=1)
        due = np.flatnonzero(self._totals >= self._due_at)
        if due.size:
            self._due_at[due] = 2 * self._totals[due]
            self._make(due)

    def _make(self, rows: IntArray) -> None:
        """Scale the weights of some rows to frequencies that add up to 2^12."""
        weights, possible = self._weights[rows], self._possible[rows]
        spare = TOTAL - possible.sum(axis=1, keepdims=True)
        frequencies = possible + weights * spare // weights.sum(axis=1, keepdims=True)
        # What rounding left over goes to the most frequent symbol, the first of equals.
        frequencies[np.arange(len(rows)), frequencies.argmax(axis=1)] += TOTAL - frequencies.sum(
            axis=1
        )
        starts = np.cumsum(frequencies, axis=1) - frequencies
        self._entries[rows] = frequencies | starts << FREQUENCY_BITS
        if self._slots is not None:
            symbols = np.tile(np.arange(self.symbols, dtype=np.uint8), len(rows))
            self._slots[rows] = np.repeat(symbols, frequencies.reshape(-1)).reshape(-1, TOTAL)
