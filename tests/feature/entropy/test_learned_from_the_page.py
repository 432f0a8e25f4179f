"""Golden streams of codec 18, and a decoder of them written from docs/bitstream.md alone.

It is plain Python on integers, one element after the other, and takes the constants from the
page. ``COFEAT_WRITE_GOLDEN=1 pytest tests/feature/entropy`` writes what is missing; a file that
is there is never written again.
"""

from __future__ import annotations

import itertools
import os
import re
import struct
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cofeat.errors import BitstreamError
from cofeat.feature.bitstream import unpack
from cofeat.feature.pipeline import compress_quantized, decompress_quantized
from cofeat.feature.quantizer import Quantized, stepped_range
from cofeat.feature.tables import read_tables

ROOT = Path(__file__).parents[3]
FOLDER, PAGE = ROOT / "tests" / "golden" / "learned", ROOT / "docs" / "bitstream.md"
TABLES_FILE = FOLDER / "made.bin"
# name -> (shape, bits, setting); the tables are of five channels.
CASES = {
    "usual": ((5, 9, 11), 8, 16),
    "lanes": ((5, 40, 36), 8, 4),
    "deep": ((5, 6, 7), 12, 0),
    "coarse": ((5, 8, 8), 10, 24),
    "flat": ((5, 3, 4), 8, 16),
    "bare": ((3, 7, 9), 8, 16),
    "bare-deep": ((2, 5, 6), 12, 4),
    "bare-binary": ((4, 1, 1), 1, 0),
}


def values_of(name: str) -> np.ndarray:
    """Return integers that every machine computes alike: waves around the middle, and a few far."""
    shape, bits, _ = CASES[name]
    middle, top = 1 << bits - 1, (1 << bits) - 1
    dtype = np.uint8 if bits <= 8 else np.uint16
    if name == "flat":
        return np.full(shape, middle, dtype)
    c, y, x = np.indices(shape)
    hash_ = (c * 7919 + y * 104729 + x * 1299709 + c * y * x * 31) % 65521
    noise = hash_ * hash_ % 65521 % 9 - 4
    wave = (np.abs((y * 5 + x * 3) % 40 - 20) - 10) * (1 + c % 3) + noise
    far = np.where(hash_ % 37 == 0, (hash_ % 3 - 1) * middle, 0)
    return np.clip(middle + wave * (1 << max(bits - 9, 0)) + far, 0, top).astype(dtype)


def page_constants() -> dict[str, list[int]]:
    """All numbers of the page's code blocks."""
    blocks = "".join(re.findall(r"```\n(.*?)```", PAGE.read_text(), re.DOTALL))
    found = re.findall(r"^([A-Z_]+):\n([-\d\s]+)", blocks, re.MULTILINE)
    return {name: [int(number) for number in numbers.split()] for name, numbers in found}


class PageTables:
    """The file of learned tables, as the page describes it."""

    def __init__(self, data: bytes) -> None:
        magic, version, groups, self.hidden, self.channels, size = struct.unpack(
            "<4sBBBHI", data[:13]
        )
        assert (magic, version) == (b"CFTL", 2)
        assert struct.unpack("<I", data[13 + size :]) == (zlib.crc32(data[: 13 + size]),)
        body = zlib.decompress(data[13 : 13 + size])
        self.bounds = [i * self.channels // groups for i in range(groups + 1)]
        count = 2 * self.channels + 2 * groups * self.hidden
        biases = iter(struct.unpack_from(f"<{count}i", body))
        numbers = iter(struct.unpack(f"<{(len(body) - 4 * count) // 2}h", body[4 * count :]))

        def take(given, *counts):
            if len(counts) == 1:
                return [next(given) for _ in range(counts[0])]
            return [take(given, *counts[1:]) for _ in range(counts[0])]

        def known(first, stop):
            """(other channel, dy, dx) -> weight."""
            places = [
                (j, dy, dx)
                for dy, dx in itertools.product((-1, 0, 1), repeat=2)
                for j in range(first)
            ]
            places += [(j, -1, dx) for j in range(first, stop) for dx in (-1, 0, 1)]
            return dict(zip(places, take(numbers, len(places)), strict=True))

        groups_of = list(itertools.pairwise(self.bounds))
        self.mean_bias, self.scale_bias = take(biases, 2, self.channels)
        self.hidden_bias = take(biases, 2, groups, self.hidden)
        self.mean = [known(*group) for group in groups_of for _ in range(*group)]
        self.first = [[known(*group) for _ in range(self.hidden)] for group in groups_of]
        self.second = take(numbers, groups, self.hidden, self.hidden)
        # (the means' weights, the scales') of each group
        self.told = [take(numbers, 2, stop - first, self.hidden) for first, stop in groups_of]
        assert next(numbers, None) is None
        assert next(biases, None) is None


class NoTables:
    """What a decoder without tables takes for them."""

    def __init__(self, channels: int) -> None:
        self.bounds = [0, channels]
        self.mean_bias = self.scale_bias = [0] * channels
        self.hidden_bias: list[list[list[int]]] = [[[]], [[]]]
        self.mean: list[dict[tuple[int, int, int], int]] = [{} for _ in range(channels)]
        self.first: list[list[dict[tuple[int, int, int], int]]] = [[]]
        self.second: list[list[list[int]]] = [[]]
        self.told: list[list[list[list[int]]]] = [[[[]] * channels, [[]] * channels]]


class Decoder:
    """The page's section, in its order."""

    def __init__(self, payload: bytes, shape, bits: int, setting: int, tables) -> None:
        self.k = page_constants()
        self.payload, self.shape, self.bits, self.tables = payload, shape, bits, tables
        self.step = self.k["STEP"][setting]
        self.bit = self.word = 0
        self.seen: Counter[str] = Counter()
        self.lanes = 1 << self.raw(4)
        exponents = [self.raw(4) for _ in range(self.lanes)]
        self.states = [1 << 16 + e for e in exponents]
        for position, widths in (
            (0, [8] * self.lanes),
            (8, [8] * self.lanes),
            (16, [min(e, 8) for e in exponents]),
            (24, [max(e - 8, 0) for e in exponents]),
        ):
            for lane, width in enumerate(widths):
                self.states[lane] |= self.raw(width) << position
        self.pushed: list[int] = []
        self.rows: dict[tuple[int, int], list[int]] = {}
        self.seen["most lanes"] = self.lanes

    def raw(self, width: int) -> int:
        value = 0
        for i in range(width):
            byte = self.payload[len(self.payload) - 1 - self.bit // 8]
            value |= (byte >> self.bit % 8 & 1) << i
            self.bit += 1
        return value

    def next_word(self) -> int:
        if self.pushed:
            return self.pushed.pop(0)
        self.word += 1
        return int.from_bytes(self.payload[2 * self.word - 2 : 2 * self.word], "little")

    def logistic(self, x: int) -> int:
        if x < 0:
            return 65536 - self.logistic(-x)
        i, table = min(x >> 3, 159), self.k["LOGISTIC"]
        return table[i] + ((table[i + 1] - table[i]) * (x % 8) >> 3)

    def starts(self, r: int, f: int) -> list[int]:
        """Where the 32 symbols of a row start, and 4096."""
        if (r, f) not in self.rows:
            k, inverse = max(r - 17 >> 2, 0), self.k["INVERSE"][r]
            edges = [(16 * (j - 16 << k) - f) * inverse >> 12 for j in range(1, 32)]
            later = [j + (4064 * self.logistic(edge) >> 16) for j, edge in enumerate(edges, 1)]
            self.rows[r, f] = [0, *later, 4096]
        return self.rows[r, f]

    def symbols(self, rows: list[list[int]], after: int) -> list[int]:
        out: list[int] = []
        while len(out) < len(rows):
            left = len(rows) - len(out)
            if self.lanes > 1 and left + after < 16 * self.lanes:
                fewer = 1 << max(left + after >> 4, 1).bit_length() - 1
                retired = self.states[fewer : self.lanes]
                assert all(1 << 16 <= state < 1 << 17 for state in retired)
                self.pushed = [state - (1 << 16) for state in retired] + self.pushed
                self.lanes = min(self.lanes, fewer)
            step = min(self.lanes, left)
            for lane in range(step):
                starts, t = rows[len(out)], self.states[lane] % 4096
                symbol = max(j for j in range(32) if starts[j] <= t)
                f = starts[symbol + 1] - starts[symbol]
                self.states[lane] = f * (self.states[lane] >> 12) + t - starts[symbol]
                out.append(symbol)
            for lane in range(step):
                if self.states[lane] < 1 << 16:
                    self.states[lane] = self.states[lane] << 16 | self.next_word()
        return out

    def decode(self) -> list[int]:
        """The integers, in the order of (C, H, W)."""
        channels, height, width = self.shape
        self.shift = self.raw(8) - 128
        # What is not there, as beyond the edges, counts 0.
        self.values: dict[tuple[int, int, int], int] = {}
        self.magnitudes: dict[tuple[int, int, int], int] = {}
        levels: dict[tuple[int, int, int], int] = {}
        left = channels * height * width
        for first, stop in itertools.pairwise(self.tables.bounds):
            for y in range(height):
                places = [(c, y, x) for c in range(first, stop) for x in range(width)]
                left -= len(places)
                row = self.block(places, left)
                for place, level in zip(places, row, strict=True):
                    levels[place] = level
                    value = level * self.step
                    a = abs(value) + 256
                    e = a.bit_length() - 1
                    self.values[place] = value
                    size = 64 * (e - 9) + (64 * a >> e)
                    self.magnitudes[place] = -size if value < 0 else size
        assert all(state == 1 << 16 for state in self.states[: self.lanes])
        words = len(self.payload) - (self.bit + 7) // 8
        assert words % 2 == 0
        assert not any(self.pushed)
        assert not any(self.payload[2 * self.word : words])
        assert self.bit % 8 == 0 or not self.payload[words] >> self.bit % 8
        most = -(-(1 << self.bits + 3) // self.step)
        assert all(abs(level) <= most for level in levels.values())
        middle, top = 1 << self.bits - 1, (1 << self.bits) - 1
        return [
            max(0, min(top, middle + (levels[place] * self.step + 8 >> 4)))
            for place in sorted(levels)
        ]

    def block(self, places: list[tuple[int, int, int]], after: int) -> list[int]:
        expected = [self.expect(*place) for place in places]
        symbols = self.symbols([self.starts(r, p % 16) for p, r in expected], after)
        fields = []
        for (_, r), j in zip(expected, symbols, strict=True):
            k = max(r - 17 >> 2, 0)
            self.seen[f"k {k}"] += 1
            fields.append(self.raw(8 if j in (0, 31) else k))
        seconds = [self.raw(8) if j in (0, 31) else 0 for j in symbols]
        levels = []
        for (p, r), j, field, second in zip(expected, symbols, fields, seconds, strict=True):
            k = max(r - 17 >> 2, 0)
            if j in (0, 31):
                self.seen["elsewhere"] += 1
                levels.append(field + 256 * second - (1 << 15))
            else:
                levels.append((p >> 4) + (j - 16 << k) + field)
        return levels

    def expect(self, c: int, y: int, x: int) -> tuple[int, int]:
        """(p, r) of an element."""
        tables = self.tables
        group = max(i for i, first in enumerate(tables.bounds) if first <= c)

        def told(weights, given):
            return sum(
                weight * given.get((j, y + dy, x + dx), 0)
                for (j, dy, dx), weight in weights.items()
            )

        def layer(biases, sums):
            units = [
                max(0, min((1 << 15) - 1, b + total >> 10))
                for b, total in zip(biases, sums, strict=True)
            ]
            self.seen["silent"] += sum(unit == 0 for unit in units)
            self.seen["loud"] += sum(unit == (1 << 15) - 1 for unit in units)
            return units

        sums = [told(weights, self.magnitudes) for weights in tables.first[group]]
        first = layer(tables.hidden_bias[0][group], sums)
        sums = [dot(weights, first) for weights in tables.second[group]]
        second = layer(tables.hidden_bias[1][group], sums)
        means, scales = tables.told[group]
        own = c - tables.bounds[group]
        mean = tables.mean_bias[c] + told(tables.mean[c], self.values) + dot(means[own], second)
        mean >>= 10
        scale = tables.scale_bias[c] + dot(scales[own], second) + (1 << 13) >> 14
        p = (16 * mean + (self.step >> 1)) // self.step + 8
        return p, max(0, min(43, scale - self.shift))


def dot(weights: list[int], units: list[int]) -> int:
    return sum(weight * unit for weight, unit in zip(weights, units, strict=True))


def tables_for(name: str):
    return None if name.startswith("bare") else read_tables(TABLES_FILE.read_bytes())


def decoder_of(name: str) -> Decoder:
    shape, bits, setting = CASES[name]
    stream = unpack((FOLDER / f"{name}.cft").read_bytes())
    assert (stream.codec_id, stream.setting) == (18, setting)
    assert (stream.shape, stream.bits) == (shape, bits)
    without = name.startswith("bare")
    tables = NoTables(shape[0]) if without else PageTables(TABLES_FILE.read_bytes())
    return Decoder(stream.payload, shape, bits, setting, tables)


@pytest.mark.parametrize("name", CASES)
def test_golden_stream(name):
    _, bits, setting = CASES[name]
    path = FOLDER / f"{name}.cft"
    if os.environ.get("COFEAT_WRITE_GOLDEN") == "1" and not path.exists():
        quantized = Quantized(values_of(name), stepped_range(0.25, bits), bits)
        spec = f"cofeat-learned:{setting}"
        path.write_bytes(compress_quantized(quantized, spec, tables=tables_for(name)))
        decoded, _ = decompress_quantized(path.read_bytes(), tables=tables_for(name))
        np.save(path.with_suffix(".npy"), decoded.values)
        pytest.skip(f"wrote {path.name}")
    decoded, _ = decompress_quantized(path.read_bytes(), tables=tables_for(name))
    expected = np.load(path.with_suffix(".npy"))
    np.testing.assert_array_equal(decoded.values, expected)
    assert decoded.values.dtype == expected.dtype
    # What it holds is what was coded, up to half a step.
    step = page_constants()["STEP"][setting]
    error = np.abs(expected.astype(int) - values_of(name))
    assert error.max() <= step / 32 + 0.5


@pytest.mark.parametrize("name", CASES)
def test_decoder_from_the_page_agrees(name):
    expected = np.load(FOLDER / f"{name}.npy")
    assert decoder_of(name).decode() == expected.ravel().tolist()


def test_golden_streams_reach_every_part():
    seen: Counter[str] = Counter()
    for name in CASES:
        decoder = decoder_of(name)
        decoder.decode()
        seen |= decoder.seen
    assert seen["elsewhere"] > 10
    assert seen["most lanes"] >= 8
    assert all(seen[f"k {k}"] for k in range(3))
    tables = PageTables(TABLES_FILE.read_bytes())
    assert len(tables.bounds) == 4
    assert len({weight for row in tables.mean for weight in row.values()}) > 50
    assert tables.hidden == 4
    # Units of all kinds: none is 0 or at its limit everywhere.
    assert seen["silent"] > 1000
    assert seen["loud"] > 5


def test_streams_with_tables_are_refused_without():
    with pytest.raises(BitstreamError, match="give the model"):
        decompress_quantized((FOLDER / "usual.cft").read_bytes())


def test_no_file_is_left_over():
    expected = {f"{name}{ending}" for name in CASES for ending in (".cft", ".npy")}
    assert {path.name for path in FOLDER.iterdir()} == expected | {TABLES_FILE.name}
