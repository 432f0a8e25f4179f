"""The two directions of coding: tables, lanes and raw bits put together."""

from __future__ import annotations

import functools
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cofeat.errors import BitstreamError
from cofeat.feature.entropy import harm, tables
from cofeat.feature.entropy.adaptive import AdaptiveTables
from cofeat.feature.entropy.rans import (
    FREQUENCY_BITS,
    LEAST_LANES,
    LOWEST_STATE,
    MOST_LANES_BITS,
    RansDecoder,
    RansEncoder,
    power_of_two,
)
from cofeat.feature.entropy.rawbits import MOST_BITS, RawBitsReader, RawBitsWriter

Array = npt.NDArray[Any]
Int64Array = npt.NDArray[np.int64]

CHANNELS, ZEROS, VALUES = range(3)  # the kinds of tables
_FIELD_BITS = 4  # of the number of lanes, and of a state's exponent
# More elements than any tensor has: no lane retires while channels are told.
_ALL_AFTER = 1 << 40
_FIRST_BLOCK = 16


class Teller(Protocol):
    """Either direction, for what is told before the elements."""

    def listed(self, row: int, given: Array | None, count: int) -> Array:
        """Code (count,) symbols of one row of the tables CHANNELS, and return them.

        16 symbols, then as many as there were before, and so on, so that the row learns.
        """
        ...

    def raw(self, given: Array | None, widths: Array) -> Array:
        """Code (n,) fields of 0 to 8 bits as they are, and return them."""
        ...


class Coder(Teller, Protocol):
    """Either direction: it is given symbols, or gives them."""

    def symbols(self, kind: int, rows: Array, given: Array | None, after: int) -> Array:
        """Code (n,) symbols, each by a row of the tables of a kind, and return them.

        Args:
            kind: CHANNELS, ZEROS or VALUES.
            rows: (n,) of that kind's tables.
            given: the symbols to encode; None to decode.
            after: elements, and values of this block's elements, that come after the block.
        """
        ...


def lanes_to_use(about: int, least: int = LEAST_LANES) -> int:
    """Return how many lanes an encoder uses for a wish."""
    return min(max(power_of_two(about), least), 1 << MOST_LANES_BITS)


def _listed(coder: Coder, row: int, given: Array | None, count: int) -> Array:
    """Code a list block by block."""
    out = np.empty(count, np.int64)
    first, stop = 0, _FIRST_BLOCK
    while first < count:
        block = slice(first, min(stop, count))
        rows = np.full(block.stop - first, row)
        part = None if given is None else given[block]
        out[block] = coder.symbols(CHANNELS, rows, part, _ALL_AFTER)
        first, stop = stop, 2 * stop
    return out


@functools.cache
def _fresh_tables(slots: bool) -> tuple[AdaptiveTables, ...]:
    """Return tables that have learned nothing, to be copied."""
    return (
        AdaptiveTables(tables.channel_prior(), slots),
        AdaptiveTables(tables.zero_prior(), False),
        AdaptiveTables(tables.value_prior(), slots),
    )


def _state_widths(exponents: Int64Array) -> Int64Array:
    """(4, lanes) widths of the pieces of states: two of 8 bits, and what is above them."""
    full = np.full(len(exponents), MOST_BITS)
    return np.stack([full, full, np.minimum(exponents, 8), np.maximum(exponents - 8, 0)])


class Rows(Protocol):
    """Gives the rows' first weights by kind, for either direction."""

    @property
    def rows_to_encode(self) -> tuple[Any, ...]:
        """Tables as ``AdaptiveTables``, to be copied."""
        ...

    @property
    def rows_to_decode(self) -> tuple[Any, ...]:
        """The same, with slots."""
        ...


class EncodingCoder:
    """Takes symbols.

    Args:
        lanes: about how many; more are faster.
        fitted: gives the rows' first weights, where there is one.
        least: how many lanes run to the end.
    """

    def __init__(self, lanes: int, fitted: Rows | None = None, least: int = LEAST_LANES) -> None:
        fresh = fitted.rows_to_encode if fitted else _fresh_tables(False)
        self._tables = [table.copy() for table in fresh]
        self._rans = RansEncoder(lanes_to_use(lanes, least), least)
        self._raw = RawBitsWriter()

    def symbols(self, kind: int, rows: Array, given: Array | None, after: int) -> Array:
        """See ``Coder``."""
        if given is None:
            raise TypeError("an encoder has to be given the symbols")
        table = self._tables[kind]
        index = rows.astype(np.int64) * table.symbols + given
        self._rans.put(table.entries.take(index), after)
        table.learn(index)
        return given

    def listed(self, row: int, given: Array | None, count: int) -> Array:
        """See ``Teller``."""
        return _listed(self, row, given, count)

    def raw(self, given: Array | None, widths: Array) -> Array:
        """See ``Teller``."""
        if given is None:
            raise TypeError("an encoder has to be given the fields")
        self._raw.put(given, widths)
        return given

    def finish(self) -> bytes:
        """Return the words, then the raw bits backwards, of which the states come first."""
        states, words = self._rans.finish()
        states = states.astype(np.int64)
        exponents = np.frexp(states)[1].astype(np.int64) - 17
        head = RawBitsWriter()
        head.put(np.array([len(states).bit_length() - 1]), np.array([_FIELD_BITS]))
        head.put(exponents, np.full(len(states), _FIELD_BITS))
        high = (states >> 16) - (1 << exponents)
        pieces = np.stack([states & 0xFF, states >> 8 & 0xFF, high & 0xFF, high >> 8])
        head.put(pieces.reshape(-1), _state_widths(exponents).reshape(-1))
        head.extend(self._raw)
        return words.astype("<u2").tobytes() + head.finish()[::-1]


class DecodingCoder:
    """Gives the symbols back.

    Args:
        payload: what ``EncodingCoder.finish`` returned.
        fitted: what that was given.
        least: likewise.

    Raises:
        BitstreamError: it is too short, or has too many lanes.
    """

    def __init__(
        self, payload: bytes, fitted: Rows | None = None, least: int = LEAST_LANES
    ) -> None:
        fresh = fitted.rows_to_decode if fitted else _fresh_tables(True)
        self._tables = [table.copy() for table in fresh]
        self._bytes = len(payload)
        self._raw = RawBitsReader(payload[::-1])
        lanes_bits = int(self._raw.get(np.array([_FIELD_BITS]))[0])
        if lanes_bits > MOST_LANES_BITS:
            raise BitstreamError(harm.MANY_LANES.format(lanes=1 << lanes_bits))
        self.lanes = 1 << lanes_bits
        exponents = self._raw.get(np.full(self.lanes, _FIELD_BITS)).astype(np.int64)
        pieces = self._raw.get(_state_widths(exponents).reshape(-1)).astype(np.int64)
        pieces = pieces.reshape(4, self.lanes)
        states = LOWEST_STATE << exponents
        states |= pieces[0] | pieces[1] << 8 | pieces[2] << 16 | pieces[3] << 24
        self._rans = RansDecoder(states, np.frombuffer(payload, "<u2", len(payload) // 2), least)

    def symbols(self, kind: int, rows: Array, given: Array | None, after: int) -> Array:  # noqa: ARG002
        """See ``Coder``."""
        table = self._tables[kind]
        rows = rows.astype(np.int64)
        starts = rows * table.symbols
        if kind == ZEROS:
            # Symbol 0 starts at slot 0.
            zero_frequencies = table.entries[0::2] & ((1 << FREQUENCY_BITS) - 1)
            index = starts + 1 - self._rans.get_bits(zero_frequencies.take(rows), after)
        else:
            index = self._rans.get(table.slots, table.entries, rows, after)
        table.learn(index)
        return np.asarray(index - starts)

    def listed(self, row: int, given: Array | None, count: int) -> Array:
        """See ``Teller``."""
        return _listed(self, row, given, count)

    def raw(self, given: Array | None, widths: Array) -> Array:  # noqa: ARG002
        """See ``Teller``."""
        return self._raw.get(widths)

    def finish(self) -> None:
        """Check that all bytes were used.

        Raises:
            BitstreamError: they were not.
        """
        rest = self._bytes - self._raw.finish()
        if rest % 2:
            raise BitstreamError(harm.HALF_WORD)
        self._rans.finish(rest // 2)
