"""Interleaved range asymmetric numeral systems: symbols to 16-bit words and back.

Every symbol comes with (start, frequency) of a total of 2^12. The symbols of a
step go to as many lanes, one each, so one numpy call moves them all. A lane's
state is in 2^16 ... 2^32 - 1 between symbols; when it falls below, the lane
takes one word from those that all lanes share.

A lane costs nothing at its end: towards the end of the tensor lanes retire, and
what a retiring lane holds beside 2^16 goes back in front of the words. So the
encoder, which walks backwards, starts a lane with a word that it has written
before.

Source: Duda, "Asymmetric numeral systems", 2013; Giesen, "Interleaved entropy
coders", 2014; Townsend et al., "Bits back with ANS", ICLR 2019.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from cofeat.errors import BitstreamError
from cofeat.feature.entropy import harm

PRECISION_BITS = 12
TOTAL = 1 << PRECISION_BITS
LOWEST_STATE = 1 << 16
# A symbol's entry in a table: frequency in the low bits, start above.
FREQUENCY_BITS = 13
_FREQUENCY_MASK = (1 << FREQUENCY_BITS) - 1
LEAST_LANES = 8
# Symbols that a lane still has to code when it retires.
_TAIL_BITS = 4
MOST_LANES_BITS = 10

Uint32Array = npt.NDArray[np.uint32]
Int64Array = npt.NDArray[np.int64]
Uint16Array = npt.NDArray[np.uint16]


def power_of_two(number: int) -> int:
    """Return the largest power of two up to ``number``, or 1."""
    return 1 << max(number, 1).bit_length() - 1


class Lanes:
    """How many lanes code a step: fewer and fewer towards the end, never more again.

    Args:
        count: a power of two.
        least: how many are left at the end; each of those costs two bytes.
    """

    def __init__(self, count: int, least: int = LEAST_LANES) -> None:
        self.count, self._least = count, least

    def steps(self, symbols: int, elements_after: int) -> Iterator[tuple[int, int, int]]:
        """Yield (first symbol, number of symbols, lanes) of the steps of a block.

        Args:
            symbols: how many the block has.
            elements_after: elements of the tensor that no block up to this one codes.
        """
        first = 0
        while first < symbols:
            left = symbols - first + elements_after
            if left < self.count << _TAIL_BITS and self.count > self._least:
                self.count = min(self.count, max(power_of_two(left >> _TAIL_BITS), self._least))
            size = min(self.count, symbols - first)
            yield first, size, self.count
            first += size


class RansEncoder:
    """Collects symbols block by block, and codes them backwards at the end.

    Args:
        lanes: a power of two, the most that ever run.
        least: how many run to the end.
    """

    def __init__(self, lanes: int, least: int = LEAST_LANES) -> None:
        self._lanes = Lanes(lanes, least)
        self._most = self._lanes.count
        self._blocks: list[tuple[Uint32Array, list[tuple[int, int, int]]]] = []

    def put(self, entries: Int64Array, elements_after: int) -> None:
        """Add a block of symbols, (n,) entries of an encoder's table, in decoding order."""
        self._blocks.append(
            (entries.astype(np.uint32), list(self._lanes.steps(len(entries), elements_after)))
        )

    def finish(self) -> tuple[Uint32Array, Uint16Array]:
        """Return (the states of the lanes, the words), as the decoder takes them."""
        state = np.full(self._most, LOWEST_STATE, np.uint32)
        running = self._lanes.count
        stack: list[Uint32Array] = []
        threshold_at = np.uint32(32 - PRECISION_BITS)
        for entries, steps in reversed(self._blocks):
            frequencies = entries & np.uint32(_FREQUENCY_MASK)
            starts = entries >> np.uint32(FREQUENCY_BITS)
            gaps = TOTAL - frequencies
            for first, size, lanes in reversed(steps):
                if lanes > running:
                    state[running:lanes] += _pop(stack, lanes - running)
                    running = lanes
                frequency = frequencies[first : first + size]
                x = state[:size]
                full = ((x >> threshold_at) >= frequency).nonzero()[0]
                if full.size:
                    high = x[full]
                    stack.append(high & np.uint32(0xFFFF))
                    x[full] = high >> np.uint32(16)
                # quotient * 2^12 + remainder + start, with the remainder written out
                quotient = x // frequency
                quotient *= gaps[first : first + size]
                quotient += starts[first : first + size]
                x += quotient
        if running < self._most:
            state[running:] += _pop(stack, self._most - running)
        stack.reverse()
        words = np.concatenate(stack) if stack else np.zeros(0, np.uint32)
        return state, words.astype(np.uint16)


def _pop(stack: list[Uint32Array], count: int) -> Uint32Array:
    """Take the last ``count`` words back, in decoding order; zeros where there are no more."""
    taken: list[Uint32Array] = []
    while count and stack:
        last = stack.pop()
        if last.size > count:
            stack.append(last[count:])
            last = last[:count]
        taken.append(last)
        count -= last.size
    return np.concatenate([*taken, np.zeros(count, np.uint32)])


class RansDecoder:
    """Gives back the symbols of ``RansEncoder``, block by block.

    Args:
        states: (lanes,) as the encoder left them.
        words: the encoder's, and whatever stands behind them.
        least: as the encoder was told.
    """

    def __init__(self, states: Int64Array, words: Uint16Array, least: int = LEAST_LANES) -> None:
        self._lanes = Lanes(len(states), least)
        self._running = self._lanes.count
        # 64 bits, so that states and slots are indices without a conversion.
        self._state = states.astype(np.int64)
        # Retiring lanes give words back; there is room for all of them in front.
        self._words = np.concatenate([np.zeros(self._running, np.int64), words.astype(np.int64)])
        self._room = self._position = self._running

    def get(
        self, slots: npt.NDArray[np.uint8], entries: Int64Array, rows: Int64Array, after: int
    ) -> Int64Array:
        """Decode a block of symbols of a large alphabet.

        Args:
            slots: (R * 2^12,) the symbol of each slot, row after row.
            entries: (R * S,) frequency in the low 13 bits and start above, row after row.
            rows: (n,) the row of each symbol.
            after: as the encoder's ``put`` was told.

        Returns:
            (n,) indices into ``entries``: row * S + symbol.

        Raises:
            BitstreamError: the words end before the symbols.
        """
        slot_bases = rows << PRECISION_BITS
        indices = rows * (len(entries) * TOTAL // len(slots))
        for first, size, lanes in self._lanes.steps(len(rows), after):
            if lanes < self._running:
                self._retire(lanes)
            x = self._state[:size]
            index = indices[first : first + size]
            slot = x & (TOTAL - 1)
            index += slots.take(slot_bases[first : first + size] + slot)
            entry = entries.take(index)
            x >>= PRECISION_BITS
            x *= entry & _FREQUENCY_MASK
            entry >>= FREQUENCY_BITS
            slot -= entry
            x += slot
            self._refill(x)
        return indices

    def get_bits(self, ones: Int64Array, after: int) -> npt.NDArray[np.bool_]:
        """Decode a block of symbols 0 and 1.

        Args:
            ones: (n,) the frequency of 1, which starts at 0; 0 starts behind it.
            after: as the encoder's ``put`` was told.

        Returns:
            (n,) whether the symbol is 1.

        Raises:
            BitstreamError: the words end before the symbols.
        """
        bits = np.empty(len(ones), np.bool_)
        zeros = TOTAL - ones
        for first, size, lanes in self._lanes.steps(len(ones), after):
            if lanes < self._running:
                self._retire(lanes)
            x = self._state[:size]
            one = ones[first : first + size]
            bit = bits[first : first + size]
            slot = x & (TOTAL - 1)
            np.less(slot, one, out=bit)
            x >>= PRECISION_BITS
            x *= np.where(bit, one, zeros[first : first + size])
            x += slot
            x -= np.where(bit, 0, one)
            self._refill(x)
        return bits

    def _refill(self, x: Int64Array) -> None:
        """Give a word to each lane that fell below the lowest state."""
        empty = (x < LOWEST_STATE).nonzero()[0]
        if empty.size:
            position = self._position + empty.size
            fresh = self._words[self._position : position]
            if fresh.size < empty.size:
                raise BitstreamError(harm.WORDS_END)
            self._position = position
            high = x.take(empty)
            high <<= 16
            high |= fresh
            x[empty] = high

    def _retire(self, lanes: int) -> None:
        """Stop the lanes from ``lanes`` on, and put what they hold in front of the words.

        Raises:
            BitstreamError: a lane holds more than a word.
        """
        given = self._state[lanes : self._running] - LOWEST_STATE
        # In a harmed stream a lane may hold anything.
        if np.any((given < 0) | (given >= LOWEST_STATE)) or given.size > self._position:
            raise BitstreamError(harm.NOT_TOGETHER)
        self._words[self._position - given.size : self._position] = given
        self._position -= given.size
        self._running = lanes

    def finish(self, words: int) -> None:
        """Check that ``words`` words were used and every lane is where the encoder began.

        Raises:
            BitstreamError: it is not so.
        """
        end = self._room + words
        if self._position > end or np.any(self._words[self._position : end]):
            raise BitstreamError(harm.NOT_AT_END)
        if np.any(self._state[: self._running] != LOWEST_STATE):
            raise BitstreamError(harm.NOT_AT_LOWEST)
