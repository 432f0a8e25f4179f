"""WebP, lossy: the mosaic as the luma of a VP8 key frame.

The setting is libwebp's quality, 0 to 100. Integers of fewer than 8 bits are
stretched over 0 ... 255, so that a quality means the same for every n. VP8's
luma has 220 levels, so 8-bit integers are a little off even at quality 100.
"""

from __future__ import annotations

import struct

from cofeat.errors import BitstreamError
from cofeat.feature.codecs.base import Shape
from cofeat.feature.codecs.riff import MAX_SIDE_PX, read_frame, write_frame
from cofeat.feature.codecs.stretch import shrink, stretch
from cofeat.feature.mosaic import mosaic_size, tile, untile
from cofeat.feature.quantizer import IntegerArray

# The most thorough of libwebp's methods.
_METHOD = 6
# 24 bits of which the lowest is 0 in a key frame, a mark, then width and height: 14 bits each
# under 2 bits of scaling that decoders do not do.
_HEADER = struct.Struct("<3s3sHH")
_MARK = b"\x9d\x01\x2a"


class WebpCodec:
    """See ``Codec``."""

    name = "webp"
    id = 5
    lossless = False
    extra = None
    min_setting = 0
    max_setting = 100
    default_setting = 90
    best_setting = 100
    max_bits = 8

    def encode(self, values: IntegerArray, bits: int, setting: int) -> bytes:
        """Write the VP8 frame of the mosaic."""
        return write_frame(stretch(tile(values), bits), method=_METHOD, quality=setting)

    def decode(self, payload: bytes, shape: Shape, bits: int, setting: int) -> IntegerArray:  # noqa: ARG002
        """Read a VP8 frame of exactly the mosaic's size.

        Its header is verified before libwebp sees it: a key frame, mark, size, no scaling.
        """
        height, width = mosaic_size(shape)
        header = payload[: _HEADER.size]
        if len(header) < _HEADER.size or header[0] & 1:
            raise BitstreamError("the payload is no key frame of VP8")
        fits = max(height, width) <= MAX_SIDE_PX
        if not fits or _HEADER.unpack(header)[1:] != (_MARK, width, height):
            raise BitstreamError(f"the payload is no WebP frame of {width}x{height}")
        return shrink(untile(read_frame(payload, b"VP8 ", shape), shape[0]), bits)


WEBP = WebpCodec()
