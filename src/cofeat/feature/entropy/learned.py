"""Tables of an entropy model that was learned with a network: what to expect of every level.

For features that were trained to cost few bits. Channels come in groups; a value is told from the
groups before its own, 3x3 around its place, and from its own group in the row above::

    mean       = bias + weights * values           in sixteenths of an integer
    log2 scale = bias + weights * log2 magnitudes  in quarters of an octave

``docs/bitstream.md`` is the norm, of the file as of the arithmetic.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.errors import BitstreamError
from cofeat.feature.entropy.fitted import ID_BYTES, MOST_CHANNELS, generation_bounds
from cofeat.feature.entropy.learned_rows import FixedRows, fixed_rows
from cofeat.feature.entropy.tables_file import Entry, read_arrays, seal, unseal

Int64Array = npt.NDArray[np.int64]

MAGIC = b"CFTL"
VERSION = 1
_HEAD = struct.Struct("<4sBBHI")  # magic, version, groups, C, body
MOST_GROUPS = 255
# Taps of earlier groups, in raster order from the upper left, and of the own group's row above.
AROUND, ABOVE = 9, 3
# Means are sums of weights in 2^-MEAN_BITS; scales are in quarters of an octave of 2^-SCALE_BITS,
# of magnitudes in 64ths of an octave.
MEAN_BITS, SCALE_BITS = 10, 14
_LARGEST_BIAS = 1 << 30


@dataclass(frozen=True, eq=False)
class LearnedTables:
    """What was learned, for C channels in G groups.

    Args:
        groups: G, 1 ... 255, up to C; group i has channels i C // G to (i + 1) C // G - 1.
        mean_bias: int32 (C,) in 2^-MEAN_BITS sixteenths of an integer.
        scale_bias: int32 (C,) in 2^-SCALE_BITS quarters of an octave above a sixteenth.
        mean: a group's int16 (its channels, 9 x channels before it + 3 x its channels).
        scale: likewise.

    Raises:
        BitstreamError: a value is out of range.
    """

    groups: int
    mean_bias: npt.NDArray[np.int32]
    scale_bias: npt.NDArray[np.int32]
    mean: tuple[npt.NDArray[np.int16], ...]
    scale: tuple[npt.NDArray[np.int16], ...]

    def __post_init__(self) -> None:
        biases = np.abs(np.stack([self.mean_bias, self.scale_bias]).astype(np.int64))
        if np.any(biases > _LARGEST_BIAS):
            raise BitstreamError("the tables have a value out of range")

    @property
    def channels(self) -> int:
        """C."""
        return len(self.mean_bias)

    @property
    def bounds(self) -> list[int]:
        """The first channel of each group, and C."""
        return generation_bounds(self.channels, self.groups)

    @cached_property
    def id(self) -> bytes:
        """What a stream says: the first bytes of the file's SHA-256."""
        return hashlib.sha256(self.to_bytes()).digest()[:ID_BYTES]

    @property
    def rows_to_encode(self) -> tuple[FixedRows, ...]:
        """The one kind of rows."""
        return (fixed_rows(False),)

    @property
    def rows_to_decode(self) -> tuple[FixedRows, ...]:
        """The same, with slots."""
        return (fixed_rows(True),)

    def to_bytes(self) -> bytes:
        """Return the file."""
        arrays: list[npt.NDArray[Any]] = [self.mean_bias, self.scale_bias, *self.mean, *self.scale]
        return seal(_HEAD, (MAGIC, VERSION, self.groups, self.channels), arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> LearnedTables:
        """Read a file.

        Raises:
            BitstreamError: the bytes are no such file, whatever they are.
        """
        (groups, channels), body = unseal(data, _HEAD, MAGIC, VERSION)
        if not 1 <= groups <= channels <= MOST_CHANNELS:
            raise BitstreamError("the tables have a field out of range")
        shapes = group_shapes(channels, groups)
        layout: list[Entry] = [((channels,), "i4")] * 2
        layout += [(shape, "i2") for shape in shapes] * 2
        arrays = read_arrays(body, layout)
        weights = arrays[2:]
        return cls(groups, arrays[0], arrays[1], tuple(weights[:groups]), tuple(weights[groups:]))


def group_shapes(channels: int, groups: int) -> list[tuple[int, int]]:
    """Return the shapes of the groups' weights."""
    bounds = generation_bounds(channels, groups)
    return [
        (stop - first, AROUND * first + ABOVE * (stop - first))
        for first, stop in itertools.pairwise(bounds)
    ]


def without_learning(channels: int) -> LearnedTables:
    """Return tables of a model that knows nothing: every value is told by the stream's scale.

    They have no weights, rather than zeros, which grow with the square of the channels: a short
    stream may say that it has thousands.
    """
    nothing = np.zeros(channels, np.int32)
    weights = (np.zeros((channels, 0), np.int16),)
    return LearnedTables(1, nothing, nothing, weights, weights)
