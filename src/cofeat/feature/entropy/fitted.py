"""Tables fitted to a model's features: better predictions, and less that a stream must tell.

::

    own neighbors ───────────── weights by type of pass ──┐
    the channel's center ────── weight by type of pass ───┼──► prediction of an element
    earlier channels around ─── weights ──────────────────┤
    intercept ───────────────── gain of this image ───────┘

For every channel they have its usual class of zeros, scale and center besides, so that a stream
tells only what differs, and the first weights of all rows of frequencies.

``docs/bitstream.md`` is the norm, of the file as of the arithmetic.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cofeat.errors import BitstreamError
from cofeat.feature.entropy import tables
from cofeat.feature.entropy.adaptive import AdaptiveTables
from cofeat.feature.entropy.tables_file import Entry, read_arrays, seal, unseal

MAGIC = b"CFTB"
VERSION = 1
ID_BYTES = 4
_HEAD = struct.Struct("<4sBBBBHI")  # magic, version, anchored, generations, reach, C, body
MOST_CHANNELS = 4096  # as in the container
MOST_GENERATIONS = 64
# Where earlier channels are looked at, (dy, dx); the first 1, 5 or all of them.
OFFSETS = ((0, 0), (-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))
REACHES = (1, 5, 9)
PASS_TYPES = 5  # of coarse to fine
OWN_WEIGHTS = 4  # of a type: of the center, and of the taps
# Whole numbers below this are exact in binary32, so sums of products are in any order.
EXACT = 1 << 24
LARGEST_DIFFERENCE = 255
LEAST_SHIFT, MOST_SHIFT = 4, 12
# Symbols of the rows of channels: differences of class, of scale, of either kind of center.
CHANNEL_SYMBOLS = (tables.ZERO_CLASSES, tables.SCALES, len(tables.CENTERS), 64)

_FIELDS = ("zero_class", "scale", "center", "own", "intercept", "shift")
_ROWS = ("zero_rows", "value_rows", "channel_rows")


@dataclass(frozen=True, eq=False)
class FittedTables:
    """What was fitted to the features of one model, C channels.

    Args:
        anchored: whether the integer 0 always stands for the feature 0, as behind a ReLU.
        generations: 1 ... 16, up to C.
        zero_class: uint8 (C,) the usual one, 0 ... 15.
        scale: uint8 (C,) the usual one, 0 ... 15.
        center: int16 (C,) the usual mean, counted from the image's zero.
        own: int8 (C, PASS_TYPES, OWN_WEIGHTS) in 64ths.
        intercept: int16 (C,) in quarters, for a gain of one.
        shift: uint8 (C,) the weights of a channel are in units of 2^-shift.
        weights: a generation's int8 (reach, its channels, channels before it).
        zero_rows: uint16 (ZERO_ROWS, 2) first weights.
        value_rows: uint16 (LEVELS * ROOMS, BUCKETS) first weights.
        channel_rows: uint16 (4, 64) first weights.

    Raises:
        BitstreamError: a value is out of range.
    """

    anchored: bool
    generations: int
    zero_class: npt.NDArray[np.uint8]
    scale: npt.NDArray[np.uint8]
    center: npt.NDArray[np.int16]
    own: npt.NDArray[np.int8]
    intercept: npt.NDArray[np.int16]
    shift: npt.NDArray[np.uint8]
    weights: tuple[npt.NDArray[np.int8], ...]
    zero_rows: npt.NDArray[np.uint16]
    value_rows: npt.NDArray[np.uint16]
    channel_rows: npt.NDArray[np.uint16]

    def __post_init__(self) -> None:
        shifts = (self.shift < LEAST_SHIFT) | (self.shift > MOST_SHIFT)
        sums = [np.abs(part.astype(np.int64)).sum(axis=(0, 2)) for part in self.weights]
        rows = [(np.asarray(getattr(self, name)) > 0).sum(axis=1) for name in _ROWS]
        impossible = (self.value_rows > 0) != (tables.value_prior() > 0)
        if (
            np.any(self.zero_class >= tables.ZERO_CLASSES)
            or np.any(self.scale >= tables.SCALES)
            or np.any(np.abs(self.center.astype(np.int64)) > LARGEST_DIFFERENCE)
            or np.any(shifts)
            or any(np.any(total * LARGEST_DIFFERENCE >= EXACT) for total in sums)
            or np.any(self.zero_rows == 0)
            or np.any(impossible)
            or rows[2].tolist() != list(CHANNEL_SYMBOLS)
            or any(np.any(self.channel_rows[i, n:]) for i, n in enumerate(CHANNEL_SYMBOLS))
        ):
            raise BitstreamError("the tables have a value out of range")

    @property
    def channels(self) -> int:
        """C."""
        return len(self.center)

    @property
    def bounds(self) -> list[int]:
        """The first channel of each generation, and C."""
        return generation_bounds(self.channels, self.generations)

    @cached_property
    def id(self) -> bytes:
        """What a stream says: the first bytes of the file's SHA-256."""
        return hashlib.sha256(self.to_bytes()).digest()[:ID_BYTES]

    @cached_property
    def matrices(self) -> tuple[npt.NDArray[np.float32], ...]:
        """The weights as floats, whose products are exact."""
        return tuple(part.astype(np.float32) for part in self.weights)

    @cached_property
    def rows_to_encode(self) -> tuple[AdaptiveTables, ...]:
        """Tables that have learned nothing of an image yet, to be copied."""
        return self._fresh(False)

    @cached_property
    def rows_to_decode(self) -> tuple[AdaptiveTables, ...]:
        """The same, with slots."""
        return self._fresh(True)

    def _fresh(self, slots: bool) -> tuple[AdaptiveTables, ...]:
        return (
            AdaptiveTables(self.channel_rows.astype(np.int64), slots),
            AdaptiveTables(self.zero_rows.astype(np.int64), False),
            AdaptiveTables(self.value_rows.astype(np.int64), slots),
        )

    def to_bytes(self) -> bytes:
        """Return the file."""
        arrays = [getattr(self, name) for name in _FIELDS]
        arrays += [*self.weights, *(getattr(self, name) for name in _ROWS)]
        reach = len(self.weights[0])
        fields = (MAGIC, VERSION, self.anchored, self.generations, reach, self.channels)
        return seal(_HEAD, fields, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> FittedTables:
        """Read a file.

        Raises:
            BitstreamError: the bytes are no such file, whatever they are.
        """
        head, body = unseal(data, _HEAD, MAGIC, VERSION)
        anchored, generations, reach, channels = head
        if not (
            anchored <= 1
            and 1 <= channels <= MOST_CHANNELS
            and 1 <= generations <= min(MOST_GENERATIONS, channels)
            and reach in REACHES
        ):
            raise BitstreamError("the tables have a field out of range")
        arrays = read_arrays(body, _layout(channels, generations, reach))
        fields = dict(zip(_FIELDS, arrays, strict=False))
        rows = dict(zip(_ROWS, arrays[-len(_ROWS) :], strict=True))
        weights = tuple(arrays[len(_FIELDS) : -len(_ROWS)])
        return cls(bool(anchored), generations, weights=weights, **fields, **rows)


def generation_bounds(channels: int, generations: int) -> list[int]:
    """Return the first channel of each generation, and C."""
    return [channels * index // generations for index in range(generations + 1)]


def _layout(channels: int, generations: int, reach: int) -> list[Entry]:
    """Return shape and dtype of all arrays of a file, in order."""
    bounds = generation_bounds(channels, generations)
    own = (channels, PASS_TYPES, OWN_WEIGHTS)
    kinds: list[Entry] = [((channels,), "u1"), ((channels,), "u1"), ((channels,), "i2")]
    kinds += [(own, "i1"), ((channels,), "i2"), ((channels,), "u1")]
    kinds += [((reach, stop - first, first), "i1") for first, stop in itertools.pairwise(bounds)]
    values = (tables.LEVELS * tables.ROOMS, tables.BUCKETS)
    most = max(CHANNEL_SYMBOLS)
    kinds += [((tables.ZERO_ROWS, 2), "u2"), (values, "u2"), ((len(CHANNEL_SYMBOLS), most), "u2")]
    return kinds
