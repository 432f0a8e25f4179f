"""Tables of an entropy model that was learned with a network: what to expect of every level.

For features that were trained to cost few bits. Channels come in groups; a value is told from the
groups before its own, 3x3 around its place, and from its own group in the row above. Every group
has two layers of hidden units, which see the signed magnitudes of these values::

    hidden     = relu(second layer of relu(bias + weights * signed magnitudes))
    mean       = bias + weights * values + weights * hidden   in sixteenths of an integer
    log2 scale = bias + weights * hidden                      in quarters of an octave

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
VERSION = 2
_HEAD = struct.Struct("<4sBBBHI")  # magic, version, groups, hidden, C, body
MOST_GROUPS = MOST_HIDDEN = 255
# Of a file: a short one may say that it has more than memory holds.
MOST_WEIGHTS = 1 << 27
# Taps of earlier groups, in raster order from the upper left, and of the own group's row above.
AROUND, ABOVE = 9, 3
# Sums of means are in 2^-MEAN_BITS sixteenths, of scales in 2^-SCALE_BITS quarters of an octave, of
# hidden units in 2^-HIDDEN_BITS of their unit, an OCTAVE-th of an octave, as that of magnitudes.
MEAN_BITS, SCALE_BITS, HIDDEN_BITS = 10, 14, 10
OCTAVE = 64
LARGEST_HIDDEN = (1 << 15) - 1
LARGEST_BIAS = 1 << 30


@dataclass(frozen=True, eq=False)
class LearnedTables:
    """What was learned, for C channels in G groups of H hidden units a layer.

    Args:
        groups: G, 1 ... 255, up to C; group i has channels i C // G to (i + 1) C // G - 1.
        mean_bias: int32 (C,) in 2^-MEAN_BITS sixteenths of an integer.
        scale_bias: int32 (C,) in 2^-SCALE_BITS quarters of an octave above a sixteenth.
        hidden_bias: int32 (2, G, H), of the first layer and of the second.
        mean: a group's int16 (its channels, 9 x channels before it + 3 x its channels), of values.
        first: a group's int16 (H, as many), of signed magnitudes.
        second: a group's int16 (H, H).
        told: a group's int16 (2 x its channels, H): what the second layer adds to the means, and
            then to the scales.

    Raises:
        BitstreamError: a value is out of range.
    """

    groups: int
    mean_bias: npt.NDArray[np.int32]
    scale_bias: npt.NDArray[np.int32]
    hidden_bias: npt.NDArray[np.int32]
    mean: tuple[npt.NDArray[np.int16], ...]
    first: tuple[npt.NDArray[np.int16], ...]
    second: tuple[npt.NDArray[np.int16], ...]
    told: tuple[npt.NDArray[np.int16], ...]

    def __post_init__(self) -> None:
        for biases in (self.mean_bias, self.scale_bias, self.hidden_bias):
            if np.any(np.abs(biases.astype(np.int64)) > LARGEST_BIAS):
                raise BitstreamError("the tables have a value out of range")

    @property
    def channels(self) -> int:
        """C."""
        return len(self.mean_bias)

    @property
    def hidden(self) -> int:
        """H."""
        return int(self.hidden_bias.shape[2])

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
        biases: list[npt.NDArray[Any]] = [self.mean_bias, self.scale_bias, self.hidden_bias]
        weights = [*self.mean, *self.first, *self.second, *self.told]
        head = (MAGIC, VERSION, self.groups, self.hidden, self.channels)
        return seal(_HEAD, head, [*biases, *weights])

    @classmethod
    def from_bytes(cls, data: bytes) -> LearnedTables:
        """Read a file.

        Raises:
            BitstreamError: the bytes are no such file, whatever they are.
        """
        (groups, hidden, channels), body = unseal(data, _HEAD, MAGIC, VERSION)
        if not 1 <= groups <= channels <= MOST_CHANNELS:
            raise BitstreamError("the tables have a field out of range")
        shapes = group_shapes(channels, groups, hidden)
        if sum(rows * columns for kind in shapes for rows, columns in kind) > MOST_WEIGHTS:
            raise BitstreamError(f"the tables have more than {MOST_WEIGHTS} weights")
        layout: list[Entry] = [((channels,), "i4")] * 2 + [((2, groups, hidden), "i4")]
        layout += [(shape, "i2") for kind in shapes for shape in kind]
        mean_bias, scale_bias, hidden_bias, *weights = read_arrays(body, layout)
        kinds = [tuple(weights[k * groups : (k + 1) * groups]) for k in range(len(shapes))]
        return cls(groups, mean_bias, scale_bias, hidden_bias, *kinds)


def group_shapes(channels: int, groups: int, hidden: int) -> tuple[list[tuple[int, int]], ...]:
    """Return the shapes of groups' weights: of means, first and second layer, what it tells."""
    bounds = list(itertools.pairwise(generation_bounds(channels, groups)))
    taps = [AROUND * first + ABOVE * (stop - first) for first, stop in bounds]
    sizes = [stop - first for first, stop in bounds]
    return (
        list(zip(sizes, taps, strict=True)),
        [(hidden, count) for count in taps],
        [(hidden, hidden)] * groups,
        [(2 * size, hidden) for size in sizes],
    )


def without_learning(channels: int) -> LearnedTables:
    """Return tables of a model that knows nothing: every value is told by the stream's scale.

    They have no weights, rather than zeros, which grow with the square of the channels: a short
    stream may say that it has thousands.
    """
    nothing = np.zeros(channels, np.int32)
    weights = [
        (np.zeros(shape, np.int16),) for shape in ((channels, 0), (0, 0), (0, 0), (2 * channels, 0))
    ]
    return LearnedTables(1, nothing, nothing, np.zeros((2, 1, 0), np.int32), *weights)
