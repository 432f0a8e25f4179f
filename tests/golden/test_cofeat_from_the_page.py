"""Golden payloads of codec 16, and a decoder of them written from docs/bitstream.md alone.

It is plain Python, one element after the other, and takes the constants from the
page. ``COFEAT_WRITE_GOLDEN=1 pytest tests/golden`` writes the payloads that are
missing; one that is there is never written again.
"""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

import numpy as np
import pytest

from cofeat.feature.codecs import load_codec

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "bitstream.md"
# name -> (shape, bits): diagonal passes; coarse-to-fine ones with references; deep and shallow.
CASES = {
    "diagonal": ((11, 6, 10), 8),
    "references": ((48, 18, 20), 8),
    "deep": ((5, 9, 7), 12),
    "shallow": ((6, 17, 13), 3),
    "binary": ((9, 5, 5), 1),
    "column": ((3, 40, 1), 8),
    "zeros": ((4, 3, 3), 8),
}


def values_of(name: str) -> np.ndarray:
    """Return integers that every machine computes alike: waves, zeros, copies of channels."""
    shape, bits = CASES[name]
    top = 2**bits - 1
    if name == "zeros":
        return np.zeros(shape, np.uint8)
    c, y, x = np.indices(shape)
    hash_ = (c * 7919 + y * 104729 + x * 1299709 + c * y * x * 31) % 65521
    noise = hash_ * hash_ % 65521 % 29
    wave = np.abs((y * 5 + (c % 7) * x * 3) % 64 - 32) * 4 + noise
    copies = np.abs((y * 9 + x * 4) % 90 - 45) * (1 + c % 3) + noise // 3
    mixed = np.where(c % 2, wave, copies) + np.where(hash_ % 61 == 0, 180, 0)
    mixed = np.where(c % 3 == 0, np.maximum(mixed - 70, 0), mixed)
    mixed[shape[0] // 2] = 0
    levels = np.clip(mixed, 0, 255) * top // 255
    if bits > 8:
        levels = np.clip(levels + noise, 0, top)
    return levels.astype(np.uint8 if bits <= 8 else np.uint16)


def constants() -> dict[str, list[int]]:
    """The numbers of the code block at the end of the section."""
    section = PAGE.read_text().split("### 16: cofeat")[1].split("\n### ")[0]
    block = section.split("```")[1]
    found = re.findall(r"^([A-Z_]+):\n([-\d\s]+)", block, re.MULTILINE)
    return {name: [int(number) for number in numbers.split()] for name, numbers in found}


class Row:
    """A row that learns."""

    def __init__(self, weights: list[int]) -> None:
        self.weights = list(weights)
        self.make()

    def make(self) -> None:
        self.made_from = sum(self.weights)
        spare = 4096 - sum(weight > 0 for weight in self.weights)
        self.f = [1 + w * spare // self.made_from if w else 0 for w in self.weights]
        self.f[self.f.index(max(self.f))] += 4096 - sum(self.f)


class Decoder:
    """The section of the page, in its order."""

    def __init__(self, payload: bytes, shape: tuple[int, int, int], bits: int) -> None:
        self.k = constants()
        self.payload, self.shape = payload, shape
        self.low_bits = max(bits - 8, 0)
        self.b = bits - self.low_bits
        self.bit = 0
        self.word = 0
        self.lanes = 1 << self.raw(4)
        exponents = [self.raw(4) for _ in range(self.lanes)]
        states = [1 << 16 + e for e in exponents]
        for position, widths in (
            (0, [8] * self.lanes),
            (8, [8] * self.lanes),
            (16, [min(e, 8) for e in exponents]),
            (24, [max(e - 8, 0) for e in exponents]),
        ):
            for lane, width in enumerate(widths):
                states[lane] |= self.raw(width) << position
        self.states = states
        self.pushed: list[int] = []
        self.channel_rows = [Row([4] * size) for size in (16, 16, 28, 6, 64)]
        self.zero_rows = [Row(self.zero_weights(i)) for i in range(64)]
        self.value_rows = [Row(self.value_weights(i)) for i in range(22 * 6)]

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

    def symbols(self, rows: list[Row], after: int) -> list[int]:
        out: list[int] = []
        while len(out) < len(rows):
            left = len(rows) - len(out)
            if self.lanes > 8 and left + after < 16 * self.lanes:
                quotient = max(left + after >> 4, 1)
                fewer = max(8, 1 << quotient.bit_length() - 1)
                retired = self.states[fewer : self.lanes]
                assert all(1 << 16 <= state < 1 << 17 for state in retired)
                self.pushed = [state - (1 << 16) for state in retired] + self.pushed
                self.lanes = min(self.lanes, fewer)
            step = min(self.lanes, left)
            for lane in range(step):
                f, t = rows[len(out)].f, self.states[lane] % 4096
                symbol, start = 0, 0
                while t >= start + f[symbol]:
                    start += f[symbol]
                    symbol += 1
                self.states[lane] = f[symbol] * (self.states[lane] >> 12) + t - start
                out.append(symbol)
            for lane in range(step):
                if self.states[lane] < 1 << 16:
                    self.states[lane] = self.states[lane] << 16 | self.next_word()
        for row, symbol in zip(rows, out, strict=True):
            row.weights[symbol] += 16
        for row in set(rows):
            if sum(row.weights) >= 2 * row.made_from:
                row.make()
        return out

    def logistic(self, x: int) -> int:
        if x < 0:
            return 65536 - self.logistic(-x)
        i, table = min(x >> 3, 159), self.k["LOGISTIC"]
        return table[i] + ((table[i + 1] - table[i]) * (x % 8) >> 3)

    def zero_weights(self, i: int) -> list[int]:
        z = 2048 * self.logistic(32 * (i - 32)) >> 16
        return [max(z, 1), max(2048 - z, 1)]

    def value_weights(self, i: int) -> list[int]:
        level, room = divmod(i, 6)
        width = self.k["WIDTH"][level]
        edges = [self.logistic((2 * j - 41) * width) for j in range(41)]
        edges[0], edges[40] = 0, 65536
        first = 20 - self.k["MOST_ROOM"][room]
        masses = [max(1, 1536 * (edges[j + 1] - edges[j]) >> 16) for j in range(40)]
        return [mass if j >= first else 0 for j, mass in enumerate(masses)]

    def channel_list(self, row: int, count: int) -> list[int]:
        out: list[int] = []
        while len(out) < count:
            size = min(max(len(out), 16), count - len(out))
            out += self.symbols([self.channel_rows[row]] * size, 1 << 40)
        return out

    def decode(self) -> np.ndarray:
        channels, self.height, self.width = self.shape
        classes = self.channel_list(0, channels)
        live = [c for c in range(channels) if classes[c] != 15]
        out = np.zeros(self.shape, np.int64)
        if live:
            out[live] = self.decode_values([classes[c] for c in live])
        out <<= self.low_bits
        for index in range(out.size if self.low_bits else 0):
            out.flat[index] |= self.raw(self.low_bits)
        assert all(state == 1 << 16 for state in self.states[: self.lanes])
        words = len(self.payload) - (self.bit + 7) // 8
        assert words % 2 == 0
        assert not any(self.pushed)
        assert not any(self.payload[2 * self.word : words])
        return out

    def decode_values(self, classes: list[int]) -> np.ndarray:
        count = len(classes)
        self.classes, self.count = classes, count
        self.spiked = [int(c > 0) for c in classes]
        self.diagonal = self.raw(1)
        generations = self.raw(4) + 1
        bounds = [i * count // generations for i in range(generations + 1)]
        self.scale = self.channel_list(1, count)
        symbols = iter(self.channel_list(2, sum(self.spiked)))
        shift = max(self.b - 6, 0)
        self.center = [self.k["CENTER"][next(symbols)] if s else None for s in self.spiked]
        self.center = [self.raw(self.b - shift) << shift if c is None else c for c in self.center]
        self.filters: dict[tuple[int, int], list[int]] = {}
        for kind in sorted(set(self.spiked)):
            for type_ in (5,) if self.diagonal else (1, 2, 3, 4):
                taps = 9 if self.diagonal else 3
                self.filters[kind, type_] = [self.raw(8) - 128 for _ in range(taps)]
        self.read_references(bounds)

        places = self.height * self.width
        self.planes = [[0] * places + [center] for center in self.center]
        self.deviations = [[0] * places for _ in range(count)]
        self.surprise = [[0] * (places + 1), [0] * (places + 1)]
        self.left = count * places
        for first, stop in itertools.pairwise(bounds):
            before = [list(self.surprise[0]), list(self.surprise[1])]
            for number in sorted({self.pass_of(y, x) for y, x in self.grid()}):
                part = [(y, x) for y, x in self.grid() if self.pass_of(y, x) == number]
                self.decode_pass(range(first, stop), number, part, before)
        return np.array([plane[:-1] for plane in self.planes]).reshape(
            count, self.height, self.width
        )

    def read_references(self, bounds: list[int]) -> None:
        self.references: list[list[list[int]]] = [[] for _ in range(self.count)]
        if len(bounds) == 2:
            return
        counts = self.channel_list(3, self.count - bounds[1])
        every = []
        for channel, number in enumerate(counts, bounds[1]):
            base = max(bound for bound in bounds if bound <= channel)
            self.references[channel] = [[0, 0] for _ in range(number)]
            every += [
                (reference, (base - 1).bit_length()) for reference in self.references[channel]
            ]
        for reference, k in every:
            reference[0] = self.raw(min(k, 8))
        for reference, k in every:
            reference[0] |= self.raw(max(k - 8, 0)) << 8
        for (reference, _), symbol in zip(every, self.channel_list(4, len(every)), strict=True):
            magnitude = self.k["MAGNITUDE"][symbol % 32]
            reference[1] = magnitude if symbol < 32 else -magnitude

    def grid(self) -> list[tuple[int, int]]:
        return [(y, x) for y in range(self.height) for x in range(self.width)]

    def pass_of(self, y: int, x: int) -> int:
        if self.diagonal:
            return 2 * y + x
        if y % 4 == 0 and x % 4 == 0:
            return 0
        if y % 2 == 0 and x % 2 == 0:
            return 1 if y % 4 and x % 4 else 2
        return 3 if y % 2 and x % 2 else 4

    def neighbors(self, y: int, x: int, number: int) -> tuple[list[int], list[list[int]]]:
        """The near places, and the places of each tap; the center is place H W."""
        center = self.height * self.width

        def at(y: int, x: int, otherwise: int) -> int:
            inside = 0 <= y < self.height and 0 <= x < self.width
            return y * self.width + x if inside else otherwise

        if self.diagonal:
            w = at(y, x - 1, at(y - 1, x, center))
            n = at(y - 1, x, w)
            nw = at(y - 1, x - 1, w if y == 0 else n)
            nn = at(y - 2, x, n)
            others = [at(y, x - 2, w), nn, at(y - 2, x - 1, nn), at(y - 2, x + 1, nn)]
            near = [w, n, nw, at(y - 1, x + 1, n)]
            return near, [[place] for place in [*near, *others, at(y - 1, x - 2, nw)]]
        if number == 0:
            return [center] * 4, []
        r = 2 if number in (1, 2) else 1
        corners = number in (1, 3)
        near = []
        for dy, dx in (
            ((-1, -1), (1, 1), (-1, 1), (1, -1)) if corners else ((-1, 0), (1, 0), (0, -1), (0, 1))
        ):
            down = -dy if not 0 <= y + r * dy < self.height else dy
            right = -dx if not 0 <= x + r * dx < self.width else dx
            near.append(at(y + r * down, x + r * right, center))
        far = 3 if corners else 2
        knights = [(a, b) for a in (-1, 1) for b in (-far, far)]
        knights += [(a, b) for a in (-far, far) for b in (-1, 1)]
        beyond = [at(y + r * dy, x + r * dx, near[i % 4]) for i, (dy, dx) in enumerate(knights)]
        return near, [near[:2], near[2:], beyond]

    def decode_pass(self, channels, number, part, before) -> None:
        type_ = 5 if self.diagonal else number
        self.left -= len(channels) * len(part)
        places = [y * self.width + x for y, x in part]
        around = [self.neighbors(y, x, number) for y, x in part]
        activity = []
        for place, (near, _) in zip(places, around, strict=True):
            total, count = (
                4 * old[place] + sum(new[i] for i in near)
                for old, new in zip(before, self.surprise, strict=True)
            )
            activity.append(8 * total // (count + 16))
        elements = []
        for c in channels:
            for index, (near, taps) in enumerate(around):
                elements.append(self.expect(c, type_, places[index], near, taps, activity[index]))
        flags = [e for e in elements if self.spiked[e["channel"]]]
        after = self.left + len(elements)
        for element, symbol in zip(
            flags, self.symbols([self.zero_rows[e["zero_row"]] for e in flags], after), strict=True
        ):
            element["coded"] = symbol == 1
        coded = [e for e in elements if e["coded"]]
        symbols = self.symbols([self.value_rows[e["row"]] for e in coded], self.left)
        for e, j in zip(coded, symbols, strict=True):
            field = self.raw(8 if j in (0, 39) else e["k"])
            v = field if j in (0, 39) else ((e["m"] - 20 + j) << e["k"]) + field
            e["value"] = v + self.spiked[e["channel"]]
            self.surprise[0][e["place"]] += log(abs(v - e["expected"])) - (e["u"] >> 5)
            self.surprise[1][e["place"]] += 1
        for e in elements:
            self.planes[e["channel"]][e["place"]] = e["value"]
            self.deviations[e["channel"]][e["place"]] = 4 * e["value"] - e["base"]

    def expect(self, c, type_, place, near, taps, activity) -> dict[str, int]:
        plane, center, spiked = self.planes[c], self.center[c], self.spiked[c]
        weights = self.filters.get((spiked, type_), [])
        total = sum(
            weight * (sum(plane[i] for i in tap) - len(tap) * center)
            for weight, tap in zip(weights, taps, strict=True)
        )
        base = limit(4 * center + (total >> 4), -1024, 2047)
        prediction = base + sum(
            factor * self.deviations[channel][place] >> 10 for channel, factor in self.references[c]
        )
        prediction = limit(prediction, -1024, 2047)
        expected = limit(prediction + 2 >> 2, spiked, 2**self.b - 1) - spiked
        k = self.k["SCALE_WEIGHTS"][5 * (6 * spiked + type_) :][:5]
        around = [plane[i] for i in near]
        u = self.scale[c] * 4 * k[0] + k[1] * log(max(around) - min(around))
        u += k[2] * log(expected) + k[4]
        level = self.k["LEVEL_BY_LOGARITHM"][limit(u + k[3] * activity >> 5, 0, 71)]
        shift = self.k["SHIFT"][level]
        m = expected >> shift
        zeros = sum((value == 0) << i for i, value in enumerate(around))
        q = limit(16 + ((2 * prediction) >> (self.scale[c] >> 1)), 0, 63)
        odds = self.k["ZERO_BY_CLASS"][self.classes[c]]
        odds += self.k["ZERO_BY_NEIGHBORS"][16 * type_ + zeros] + self.k["ZERO_BY_PREDICTION"][q]
        return {
            "channel": c,
            "place": place,
            "base": base,
            "expected": expected,
            "u": u,
            "k": shift,
            "m": m,
            "row": 6 * level + self.k["ROOM"][min(m, 8)],
            "zero_row": limit(32 + (odds >> 1), 0, 63),
            "coded": True,
            "value": 0,
        }


def log(x: int) -> int:
    return ((2 * x + 3) ** 8).bit_length() - 1 - 8


def limit(value: int, lowest: int, highest: int) -> int:
    return max(lowest, min(value, highest))


@pytest.mark.parametrize("name", CASES)
def test_golden_payload(name):
    codec = load_codec("cofeat")
    shape, bits = CASES[name]
    path = HERE / "cofeat" / f"{name}.bin"
    if os.environ.get("COFEAT_WRITE_GOLDEN") == "1" and not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(codec.encode(values_of(name), bits, 4))
        pytest.skip(f"wrote {path.name}")
    payload = path.read_bytes()
    np.testing.assert_array_equal(codec.decode(payload, shape, bits, 4), values_of(name))


@pytest.mark.parametrize("name", CASES)
def test_decoder_from_the_page_agrees(name):
    shape, bits = CASES[name]
    payload = (HERE / "cofeat" / f"{name}.bin").read_bytes()
    np.testing.assert_array_equal(Decoder(payload, shape, bits).decode(), values_of(name))


def test_golden_payloads_reach_every_part():
    def decoder(name):
        decoder = Decoder((HERE / "cofeat" / f"{name}.bin").read_bytes(), *CASES[name])
        decoder.decode()
        return decoder

    references = decoder("references")
    assert not references.diagonal
    assert sum(map(len, references.references)) > 10
    assert set(references.spiked) == {0, 1}
    assert decoder("diagonal").diagonal


def test_no_payload_is_left_over():
    assert {path.stem for path in (HERE / "cofeat").iterdir()} == set(CASES)
