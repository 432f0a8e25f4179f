from __future__ import annotations

import numpy as np
import pytest

from cofeat.errors import BitstreamError
from cofeat.feature.entropy.adaptive import AdaptiveTables
from cofeat.feature.entropy.rans import FREQUENCY_BITS, RansDecoder, RansEncoder

PRIOR = np.array([[100, 20, 5, 1, 0], [1, 1, 1, 1, 1], [0, 0, 4000, 1, 0]])


def blocks_of(seed, sizes):
    """Rows and symbols, drawn by the prior."""
    rng = np.random.default_rng(seed)
    chances = PRIOR / PRIOR.sum(axis=1, keepdims=True)
    for size in sizes:
        rows = rng.integers(0, len(PRIOR), size)
        yield rows, np.array([rng.choice(5, p=chances[row]) for row in rows], np.int64)


def encoded(blocks, lanes, left):
    table = AdaptiveTables(PRIOR, slots=False)
    encoder = RansEncoder(lanes)
    for rows, symbols in blocks:
        left -= len(rows)
        index = rows * table.symbols + symbols
        encoder.put(table.entries[index], left)
        table.learn(index)
    return encoder.finish()


def decoded(states, words, blocks, left):
    table = AdaptiveTables(PRIOR, slots=True)
    decoder = RansDecoder(states, words)
    for rows, symbols in blocks:
        left -= len(rows)
        index = decoder.get(table.slots, table.entries, rows, left)
        np.testing.assert_array_equal(index % table.symbols, symbols)
        table.learn(index)
    decoder.finish(len(words))


@pytest.mark.parametrize("lanes", [1, 8, 64, 1024])
@pytest.mark.parametrize("sizes", [(1,), (3000,), (7, 0, 900, 100, 2000, 1)])
def test_symbols_come_back(lanes, sizes):
    blocks = list(blocks_of(3, sizes))
    states, words = encoded(blocks, lanes, sum(sizes))
    assert len(states) == lanes
    decoded(states, words, blocks, sum(sizes))


def test_size_is_that_of_the_information():
    blocks = list(blocks_of(1, [20000]))
    rows, symbols = blocks[0]
    table = AdaptiveTables(PRIOR, slots=False)
    frequencies = table.entries[rows * 5 + symbols] & ((1 << FREQUENCY_BITS) - 1)
    bits = -np.log2(frequencies / 4096).sum()
    states, words = encoded(blocks, 64, len(rows))
    # The eight lanes that are left in the end begin with 16 bits that say nothing.
    written = 16 * len(words) + np.log2(states).sum() - 8 * 16
    assert bits - 1 <= written <= 1.01 * bits


def test_bits_of_the_two_decoders_agree():
    rng = np.random.default_rng(5)
    zero = rng.integers(1, 4096, 5000)
    symbols = (rng.integers(0, 4096, 5000) >= zero).astype(np.int64)
    entries = np.where(symbols, (4096 - zero) | zero << FREQUENCY_BITS, zero)
    encoder = RansEncoder(32)
    encoder.put(entries, 0)
    states, words = encoder.finish()
    decoder = RansDecoder(states, words)
    np.testing.assert_array_equal(decoder.get_bits(zero, 0), symbols == 0)
    decoder.finish(len(words))


def test_harm_is_refused():
    blocks = list(blocks_of(2, [3000]))
    states, words = encoded(blocks, 16, 3000)

    def read(states, words, claimed):
        table = AdaptiveTables(PRIOR, slots=True)
        decoder = RansDecoder(states, words)
        decoder.get(table.slots, table.entries, blocks[0][0], 0)
        decoder.finish(claimed)

    read(states, words, len(words))
    changed = words.copy()
    changed[len(words) // 2] ^= 1
    for harmed, claimed in (
        (words[:-1], len(words) - 1),
        (np.append(words, np.uint16(1)), len(words) + 1),
        (changed, len(words)),
    ):
        with pytest.raises(BitstreamError):
            read(states, harmed, claimed)


def test_row_is_made_anew_when_its_weight_has_doubled():
    table = AdaptiveTables(np.array([[32, 32], [32, 32]]), slots=False)

    def frequencies(row):
        return (table.entries.reshape(2, 2)[row] & ((1 << FREQUENCY_BITS) - 1)).tolist()

    assert frequencies(0) == [2048, 2048]
    table.learn(np.array([0, 0, 0]))  # row 0 weighs 64 + 48
    assert frequencies(0) == [2048, 2048]
    table.learn(np.array([0]))  # 64 + 64: weights 96 and 32, and one slot for each symbol
    assert frequencies(0) == [1 + 96 * 4094 // 128 + 1, 1 + 32 * 4094 // 128]
    assert frequencies(1) == [2048, 2048]


def test_impossible_symbols_have_no_slots():
    table = AdaptiveTables(PRIOR, slots=True)
    slots = table.slots.reshape(3, 4096)
    assert set(slots[0]) == {0, 1, 2, 3}
    assert set(slots[2]) == {2, 3}
