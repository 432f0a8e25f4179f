"""What both WebP codecs share: the file around one grey frame.

A payload is the frame alone. The RIFF file around it says nothing that the
container does not know, so the decoder writes it anew, and no chunk of a
hostile file (animation, alpha, metadata) reaches libwebp.
"""

from __future__ import annotations

import io
import struct

from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from cofeat.errors import InvalidInputError
from cofeat.feature.codecs.base import Shape
from cofeat.feature.codecs.grey import decode_grey
from cofeat.feature.mosaic import mosaic_size
from cofeat.image import UInt8Array

# Sides are 14-bit numbers.
MAX_SIDE_PX = 0x3FFF

# "RIFF", length of the rest; "WEBP", the chunk's kind, its length.
_FILE = struct.Struct("<4sI4s4sI")


def write_frame(mosaic: UInt8Array, **options: int | bool) -> bytes:
    """Encode a grey image and take the frame out of its file.

    Args:
        mosaic: uint8 (H, W).
        options: for Pillow.

    Raises:
        InvalidInputError: a side is too long.
    """
    height, width = mosaic.shape
    if max(height, width) > MAX_SIDE_PX:
        raise InvalidInputError(
            f"a mosaic of {width}x{height} pixels: "
            f"WebP holds sides up to {MAX_SIDE_PX}; use png or zstd"
        )
    file = io.BytesIO()
    Image.fromarray(mosaic).save(file, "WEBP", **options)
    data = file.getvalue()
    *_, length = _FILE.unpack_from(data)
    return data[_FILE.size : _FILE.size + length]


def read_frame(frame: bytes, kind: bytes, shape: Shape) -> UInt8Array:
    """Decode the frame, whose header the caller has verified.

    Args:
        frame: what ``write_frame`` returned.
        kind: of the chunk, ``b"VP8 "`` or ``b"VP8L"``.
        shape: (C, H, W) of the tensor.

    Returns:
        uint8 (H, W) of the mosaic: the green samples.

    Raises:
        BitstreamError: libwebp cannot decode it.
    """
    padding = bytes(len(frame) % 2)
    rest = _FILE.size - 8 + len(frame) + len(padding)
    file = b"".join((_FILE.pack(b"RIFF", rest, b"WEBP", kind, len(frame)), frame, padding))
    return decode_grey(file, WebPImageFile, "RGB", mosaic_size(shape))[:, :, 1]
