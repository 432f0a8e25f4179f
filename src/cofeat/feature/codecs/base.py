"""What a codec is: (C, H, W) integers to payload bytes and back.

The contract, which the conformance tests hold every codec of the table to:

- ``decode(encode(values, bits, setting), shape, bits, setting)`` has the shape
  and dtype of ``values`` and stays within 0 ... 2^bits - 1; a lossless codec
  gives ``values`` back exactly, for every setting and every bits up to ``max_bits``.
- ``encode`` is given values that were checked (``check_values``), whatever
  their memory layout, and does not change them. The same input gives the same
  bytes in the same installation.
- ``decode`` takes payloads as hostile. Whatever the bytes are, it returns an
  array of the declared shape or raises BitstreamError, and nothing else; it
  takes no more memory than the declared shape asks for.
- A payload carries nothing of what the container knows already, and nothing
  that is not needed.
- Importing a codec's module needs the base install alone. A further package is
  imported on first use; where it is missing, MissingPackageError names the extra.
- A codec keeps no state: one instance serves all threads.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from cofeat.errors import InvalidInputError
from cofeat.feature.quantizer import IntegerArray, integer_type

Shape = tuple[int, int, int]


class Codec(Protocol):
    """One way from integers to bytes; see the contract at the head of this file."""

    name: str
    """What people write: ``"png"``."""
    id: int
    """What the stream says: 1 ... 255, never given to another codec.
    128 and above are for codecs of other packages."""
    lossless: bool
    """Whether the integers come back exactly."""
    extra: str | None
    """The pip extra that brings what the codec needs, or None."""
    min_setting: int
    """The lowest setting, 0 ... 255; what settings mean is the codec's own affair."""
    max_setting: int
    """The highest setting, 0 ... 255."""
    default_setting: int
    best_setting: int
    """``min_setting`` or ``max_setting``: the one of the least error, or of the fewest bytes where
    the codec is lossless. From it to the other end sizes and qualities go one way."""
    max_bits: int
    """Deepest integers that the codec takes, 1 ... 16."""

    def encode(self, values: IntegerArray, bits: int, setting: int) -> bytes:
        """Turn integers into a payload.

        Args:
            values: (C, H, W), 0 ... 2^bits - 1, uint8 for bits <= 8, else uint16.
            bits: 1 ... ``max_bits``.
            setting: ``min_setting`` ... ``max_setting``.

        Raises:
            InvalidInputError: the codec cannot hold a tensor of this size.
            MissingPackageError: a package is not installed.
        """
        ...

    def decode(self, payload: bytes, shape: Shape, bits: int, setting: int) -> IntegerArray:
        """Turn a payload back into integers.

        Args:
            payload: bytes from outside.
            shape: (C, H, W) that the container declares, checked against its limits.
            bits: 1 ... ``max_bits``.
            setting: what the encoder was set to; a codec whose payload tells it ignores it.

        Returns:
            (C, H, W), 0 ... 2^bits - 1, uint8 for bits <= 8, else uint16.

        Raises:
            BitstreamError: the payload is no valid one for this shape and depth.
            MissingPackageError: a package is not installed.
        """
        ...


@runtime_checkable
class TabledCodec(Codec, Protocol):
    """A codec that codes better with tables of the model whose features it is given."""

    tables_type: type
    """The kind that it takes."""

    def with_tables(self, tables: Any) -> Codec:
        """Return the codec with tables; what it encodes must be decoded with the same ones."""
        ...


def check_values(codec: Codec, values: IntegerArray, bits: int) -> None:
    """Refuse integers that a codec cannot take.

    Raises:
        InvalidInputError: wrong shape or dtype, a value above 2^bits - 1, or too many bits.
    """
    dtype = integer_type(bits)
    if bits > codec.max_bits:
        raise InvalidInputError(f"codec '{codec.name}' holds {codec.max_bits} bits, not {bits}")
    if values.ndim != 3 or not values.size or values.dtype != dtype:
        raise InvalidInputError(
            f"quantized values of {values.dtype} {values.shape}: "
            f"give {dtype} (channels, height, width), not empty"
        )
    if bits not in (8, 16) and int(values.max()) >= 1 << bits:
        raise InvalidInputError(f"a quantized value of {values.max()} does not fit {bits} bits")
