"""JPEG: lossy, the mosaic as an 8-bit grey image.

The setting is libjpeg's quality, 1 to 100. Integers of fewer than 8 bits are
stretched over 0 ... 255, so that a quality means the same for every n.
"""

from __future__ import annotations

import io
import struct

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs.base import Shape
from cofeat.feature.codecs.grey import decode_grey
from cofeat.feature.codecs.stretch import shrink, stretch
from cofeat.feature.mosaic import mosaic_size, tile, untile
from cofeat.feature.quantizer import IntegerArray

# Sides are 16-bit numbers, and libjpeg stops a little earlier.
MAX_SIDE_PX = 65500

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_APP0, _SOF0, _DHT, _SOS, _DQT = 0xE0, 0xC0, 0xC4, 0xDA, 0xDB
# What a sequential grey JPEG needs, and the JFIF mark that every encoder writes.
_ALLOWED = {_APP0, _SOF0, _DHT, _SOS, _DQT}
# Precision in bits, height, width, number of components.
_FRAME = struct.Struct(">BHHB")


class JpegCodec:
    """See ``Codec``."""

    name = "jpeg"
    id = 2
    lossless = False
    extra = None
    min_setting = 1
    max_setting = 100
    default_setting = 95
    best_setting = 100
    max_bits = 8

    def encode(self, values: IntegerArray, bits: int, setting: int) -> bytes:
        """Write the mosaic as a sequential grey JPEG with Huffman tables of its own."""
        size = mosaic_size((values.shape[0], values.shape[1], values.shape[2]))
        if max(size) > MAX_SIDE_PX:
            raise InvalidInputError(
                f"a mosaic of {size[1]}x{size[0]} pixels: "
                f"JPEG holds sides up to {MAX_SIDE_PX}; use png"
            )
        file = io.BytesIO()
        mosaic = stretch(tile(values), bits)
        Image.fromarray(mosaic).save(file, "JPEG", quality=setting, optimize=True)
        return file.getvalue()

    def decode(self, payload: bytes, shape: Shape, bits: int, setting: int) -> IntegerArray:  # noqa: ARG002
        """Read a sequential grey JPEG of exactly the mosaic's size."""
        size = mosaic_size(shape)
        _verify(payload, size)
        return shrink(untile(decode_grey(payload, JpegImageFile, "L", size), shape[0]), bits)


def _verify(payload: bytes, size: tuple[int, int]) -> None:
    """Check every segment up to the first scan, before anything is decoded.

    Raises:
        BitstreamError: another size or kind of image, or a segment that has no place here.
    """
    if not (payload.startswith(_SOI) and payload.endswith(_EOI)):
        raise BitstreamError("the payload is no whole JPEG")
    frames = 0
    offset = len(_SOI)
    while True:
        if len(payload) - offset < 4:
            raise BitstreamError("the payload's JPEG is cut off")
        mark, kind, length = struct.unpack_from(">BBH", payload, offset)
        if mark != 0xFF or kind not in _ALLOWED or length < 2:
            raise BitstreamError("the payload's JPEG has a segment that is not allowed")
        if kind == _SOF0:
            frames += 1
            _verify_frame(payload[offset + 4 : offset + 2 + length], size)
        if kind == _SOS:
            break
        offset += 2 + length
    if frames != 1:
        raise BitstreamError(f"the payload's JPEG has {frames} frames before its first scan")


def _verify_frame(body: bytes, size: tuple[int, int]) -> None:
    """Check the header of a frame.

    Raises:
        BitstreamError: not 8-bit grey of that (height, width).
    """
    if len(body) < _FRAME.size or _FRAME.unpack_from(body) != (8, *size, 1):
        raise BitstreamError(
            f"the payload's JPEG is not a grey image of {size[1]}x{size[0]}, 8 bits"
        )


JPEG = JpegCodec()
