"""What both AV1 codecs share: a payload of one sequence header and one frame, verified.

Everything is a still picture with the reduced header (AV1 specification, 5.5.1).
There the frame has exactly the size that the sequence header tells, so a decoder
that is given a verified payload takes memory for that size and no other.
"""

from __future__ import annotations

from dataclasses import dataclass

from cofeat.errors import BitstreamError
from cofeat.feature.codecs.bits import BitReader

# The first byte of an OBU without extension, with a size: its type, times 8, plus 2.
_SEQUENCE_HEADER, _TEMPORAL_DELIMITER, _FRAME = 0x0A, 0x12, 0x32
# What is longer is none of ours: 16 bits each of width and height and all else are 12 bytes.
_MAX_SEQUENCE_BYTES = 16


@dataclass(frozen=True)
class StillPicture:
    """What a sequence header tells.

    Args:
        size: (height, width) in pixels.
        depth: bits of a sample, 8 or 10.
        grey: whether there is no chroma.
        level: AV1's level index.
    """

    size: tuple[int, int]
    depth: int
    grey: bool
    level: int


def strip(obus: bytes) -> bytes:
    """Return what an encoder wrote without its temporal delimiter, which says nothing."""
    return obus[2:] if obus[0] == _TEMPORAL_DELIMITER else obus


def read_still(payload: bytes, size: tuple[int, int], depth: int, grey: bool) -> StillPicture:
    """Verify that the payload is a sequence header and a frame, and what the former tells.

    Args:
        payload: bytes from outside.
        size: (height, width) that the picture must have.
        depth: bits of a sample that it must have.
        grey: whether it must be without chroma; else it has chroma of half its size.

    Raises:
        BitstreamError: anything else is there, or another kind or size of picture.
    """
    sequence, rest = _obu(payload, _SEQUENCE_HEADER)
    _, end = _obu(rest, _FRAME)
    if end:
        raise BitstreamError("the payload's AV1 goes on after its frame")
    if len(sequence) > _MAX_SEQUENCE_BYTES:
        raise BitstreamError(f"the payload's AV1 has a sequence header of {len(sequence)} bytes")
    still = _read_sequence(BitReader(sequence, "big"))
    if (still.size, still.depth, still.grey) != (size, depth, grey):
        raise BitstreamError(
            f"the payload's AV1 is {still.size[1]}x{still.size[0]} of {still.depth} bits, "
            f"not {size[1]}x{size[0]} of {depth}, or has chroma where it must not"
        )
    return still


def _obu(data: bytes, kind: int) -> tuple[bytes, bytes]:
    """Split off the first OBU.

    Returns:
        Its body and what follows it.

    Raises:
        BitstreamError: it is of another kind, or cut off.
    """
    if not data or data[0] != kind:
        raise BitstreamError("the payload's AV1 is not a sequence header and a frame")
    length = 0
    for place, byte in enumerate(data[1:5]):  # 7 bits a byte, the lowest first
        length |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            start = 2 + place
            if start + length > len(data):
                break
            return data[start : start + length], data[start + length :]
    raise BitstreamError("the payload's AV1 is cut off")


def _read_sequence(reader: BitReader) -> StillPicture:
    """Read a reduced sequence header of profile 0.

    Raises:
        BitstreamError: it is another, or cut off.
    """
    if (reader.read(3), reader.read(1), reader.read(1)) != (0, 1, 1):
        raise BitstreamError("the payload's AV1 is no still picture of profile 0")
    level = reader.read(5)
    width_bits, height_bits = 1 + reader.read(4), 1 + reader.read(4)
    width, height = 1 + reader.read(width_bits), 1 + reader.read(height_bits)
    reader.read(3)  # 128x128 superblocks, filter intra, intra edge filter: as the encoder likes
    superres = reader.read(1)
    reader.read(2)  # CDEF, loop restoration
    high, grey, described = reader.read(1), bool(reader.read(1)), reader.read(1)
    reader.read(24 if described else 0)  # what the colors are
    full_range = reader.read(1)
    if not grey:
        reader.read(3)  # position of chroma samples, separate quantizers
    grain = reader.read(1)
    if superres or grain or not full_range:
        raise BitstreamError("the payload's AV1 is scaled, grainy or not of full range")
    return StillPicture((height, width), 10 if high else 8, grey, level)
