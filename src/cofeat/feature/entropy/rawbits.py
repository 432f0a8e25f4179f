"""Fields of 0 to 8 bits that no model would shorten, one after the other, low bits first."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.errors import BitstreamError
from cofeat.feature.entropy import harm

MOST_BITS = 8
IntArray = npt.NDArray[np.signedinteger[Any]]


class RawBitsWriter:
    """Collects fields."""

    def __init__(self) -> None:
        self._values: list[IntArray] = []
        self._widths: list[IntArray] = []

    def put(self, values: IntArray, widths: IntArray) -> None:
        """Add fields: (n,) values, (n,) widths in bits, each value below 2^width."""
        self._values.append(values)
        self._widths.append(widths)

    def extend(self, other: RawBitsWriter) -> None:
        """Add all fields of another."""
        self._values += other._values
        self._widths += other._widths

    def finish(self) -> bytes:
        """Return the bytes; the bits left over in the last one are 0."""
        values = np.concatenate([np.zeros(0, np.int64), *self._values]).astype(np.int64)
        widths = np.concatenate([np.zeros(0, np.int64), *self._widths])
        ends = np.cumsum(widths, dtype=np.int64)
        total = int(ends[-1]) if ends.size else 0
        starts = ends - widths
        shifted = values << (starts & 7)
        size = (total + 7) // 8
        # No two fields share a bit, so adding is setting; doubles hold the sums exactly.
        low = np.bincount(starts >> 3, shifted & 0xFF, size + 1)
        high = np.bincount((starts >> 3) + 1, shifted >> 8, size + 1)
        return (low[:size] + high[:size]).astype(np.uint8).tobytes()


class RawBitsReader:
    """Gives the fields back."""

    def __init__(self, data: bytes) -> None:
        octets = np.frombuffer(data, np.uint8).astype(np.uint16)
        self._pairs = octets | np.append(octets[1:], np.uint16(0)) << np.uint16(8)
        self._bits = 8 * len(data)
        self._position = 0

    def get(self, widths: IntArray) -> IntArray:
        """Read (n,) fields, widths in bits.

        Raises:
            BitstreamError: the bytes end before.
        """
        ends = np.cumsum(widths, dtype=np.int64)
        if not ends.size or not ends[-1]:
            return np.zeros(len(widths), np.int16)
        ends += self._position
        starts = ends - widths
        if ends[-1] > self._bits:
            raise BitstreamError(harm.BITS_END)
        self._position = int(ends[-1])
        # A field of no bits may stand at the very end, behind the last byte.
        pairs = self._pairs.take(starts >> 3, mode="clip").astype(np.int32)
        return ((pairs >> (starts & 7)) & ((1 << widths) - 1)).astype(np.int16)

    def finish(self) -> int:
        """Return how many bytes were used; the bits left over in the last one must be 0.

        Raises:
            BitstreamError: they are not.
        """
        used = (self._position + 7) // 8
        if self._position & 7 and int(self._pairs[used - 1] & 0xFF) >> (self._position & 7):
            raise BitstreamError(harm.BITS_SET)
        return used
