"""Reading fields of a few bits out of a header that the caller verifies."""

from __future__ import annotations

from typing import Literal

from cofeat.errors import BitstreamError


class BitReader:
    """Reads unsigned fields one after the other.

    Args:
        data: the bytes; only the header's should be given, for they are looked at at once.
        order: whether a byte's first bit is its highest ("big") or its lowest ("little"),
            and with it which bit of a field comes first.
    """

    def __init__(self, data: bytes, order: Literal["big", "little"]) -> None:
        self._number = int.from_bytes(data, order)
        self._order = order
        self._size_bits = 8 * len(data)
        self.position = 0

    def read(self, count: int) -> int:
        """Return the next ``count`` bits.

        Raises:
            BitstreamError: there are not so many left.
        """
        start, self.position = self.position, self.position + count
        if self.position > self._size_bits:
            raise BitstreamError("the payload's header is cut off")
        shift = start if self._order == "little" else self._size_bits - self.position
        return (self._number >> shift) & ((1 << count) - 1)

    def align(self) -> int:
        """Go on to the next whole byte and return the bits that were passed over."""
        return self.read(-self.position % 8)
