"""JPEG-LS: the mosaic as a grey image of 8 or 16 bits; CharLS, by imagecodecs.

Two codecs: ``jpegls`` is lossless and has one setting, 0. ``jpegls-near`` is
lossy: its setting is NEAR, by how much an integer may differ at most, 1 to 127.
Where that is more than half of the highest integer, NEAR is that half.

The payload is the entropy-coded data of the one scan. The markers around it
say nothing that the container does not know, so the decoder writes them anew,
and hostile bytes reach no header of CharLS, which never sees another size than
the mosaic's. What comes out is checked for shape, dtype and range.
"""

from __future__ import annotations

import struct

import numpy as np

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs.base import Shape
from cofeat.feature.codecs.extras import EXTRA, require
from cofeat.feature.mosaic import mosaic_size, tile, untile
from cofeat.feature.quantizer import IntegerArray

# Sides are 16-bit numbers.
MAX_SIDE_PX = 0xFFFF

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_SOF55, _SOS = 0xF7, 0xDA
# Mark, length, precision in bits, height, width, one component: its id, sampling 1 x 1, no table.
_FRAME = struct.Struct(">BBHBHHBBBB")
# Mark, length, one component: its id, no mapping table, NEAR, not interleaved, no shift.
_SCAN = struct.Struct(">BBHBBBBBB")


class JpeglsCodec:
    """See ``Codec``."""

    extra = EXTRA
    max_bits = 16

    def __init__(self, name: str, codec_id: int, settings: tuple[int, int]) -> None:
        self.name = name
        self.id = codec_id
        self.min_setting, self.max_setting = settings
        # NEAR: the lowest is the finest.
        self.default_setting = self.best_setting = self.min_setting
        self.lossless = self.max_setting == 0

    def encode(self, values: IntegerArray, bits: int, setting: int) -> bytes:
        """Write the mosaic's scan."""
        size = mosaic_size((values.shape[0], values.shape[1], values.shape[2]))
        if max(size) > MAX_SIDE_PX:
            raise InvalidInputError(
                f"a mosaic of {size[1]}x{size[0]} pixels: "
                f"JPEG-LS holds sides up to {MAX_SIDE_PX}; use png"
            )
        imagecodecs = require("imagecodecs", self.name)
        return _scan_of(imagecodecs.jpegls_encode(tile(values), level=_near(bits, setting)))

    def decode(self, payload: bytes, shape: Shape, bits: int, setting: int) -> IntegerArray:
        """Read a scan of exactly the mosaic's size."""
        size = mosaic_size(shape)
        if max(size) > MAX_SIDE_PX:
            raise BitstreamError(f"JPEG-LS holds no mosaic of {size[1]}x{size[0]} pixels")
        depth = 8 if bits <= 8 else 16
        imagecodecs = require("imagecodecs", self.name)
        mosaic: IntegerArray
        try:
            mosaic = imagecodecs.jpegls_decode(_file_of(payload, size, depth, _near(bits, setting)))
        except Exception as error:
            raise BitstreamError(f"the payload's JPEG-LS cannot be decoded: {error}") from error
        if mosaic.shape != size or mosaic.dtype != np.dtype(f"u{depth // 8}"):
            raise BitstreamError(f"the payload's JPEG-LS is {mosaic.dtype} {mosaic.shape}")
        values = untile(mosaic, shape[0])
        top = (1 << bits) - 1
        if not self.lossless:  # NEAR may lead beyond the highest integer
            np.minimum(values, values.dtype.type(top), out=values)
            return values
        if int(values.max()) > top:
            raise BitstreamError(f"the payload has a value of {values.max()} in {bits} bits")
        return values


def _near(bits: int, setting: int) -> int:
    """Return the NEAR that n-bit integers are coded with."""
    return min(setting, ((1 << bits) - 1) // 2)


def _scan_of(file: bytes) -> bytes:
    """Return what stands between the header of the scan and the end of the image."""
    offset, kind = len(_SOI), 0
    while kind != _SOS:
        kind, length = struct.unpack_from(">xBH", file, offset)
        offset += 2 + length
    return bytes(file[offset : -len(_EOI)])


def _file_of(scan: bytes, size: tuple[int, int], depth: int, near: int) -> bytes:
    """Return the image whose scan this is; its preset parameters are the standard's defaults."""
    frame = _FRAME.pack(0xFF, _SOF55, _FRAME.size - 2, depth, *size, 1, 1, 0x11, 0)
    header = _SCAN.pack(0xFF, _SOS, _SCAN.size - 2, 1, 1, 0, near, 0, 0)
    return b"".join((_SOI, frame, header, scan, _EOI))


JPEGLS = JpeglsCodec("jpegls", 7, (0, 0))
JPEGLS_NEAR = JpeglsCodec("jpegls-near", 11, (1, 127))
