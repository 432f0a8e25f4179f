"""AV1 intra: lossy, the mosaic as the luma of a still picture; SVT-AV1 and dav1d, by PyAV.

The setting is the quantizer of AV1's encoders, 1 (finest) to 63. Integers of up
to 8 bits are stretched over 0 ... 255, those of 9 and 10 bits over 0 ... 1023.

The payload is a sequence header and a frame, which ``av1_still`` verifies. SVT-AV1
knows no picture without chroma, so there is one, flat, and a few bytes go to it.
"""

from __future__ import annotations

import os

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs.av1_still import read_still, strip
from cofeat.feature.codecs.base import Shape
from cofeat.feature.codecs.extras import EXTRA
from cofeat.feature.codecs.stretch import shrink, stretch
from cofeat.feature.codecs.video import (
    check_size,
    decode_picture,
    encode_picture,
    picture_size,
)
from cofeat.feature.mosaic import mosaic_size, tile, untile
from cofeat.feature.quantizer import IntegerArray

# 2 takes four times as long for bytes and errors that are hardly better.
_PRESET = "4"
# A still picture in one thread, a fixed quantizer, and squared error rather than the eye.
_PARAMETERS = "avif=1:lp=1:rc=0:tune=1:qp={}"
_PIXELS = {8: "yuv420p", 10: "yuv420p10le"}


class Av1Codec:
    """See ``Codec``."""

    name = "av1"
    id = 10
    lossless = False
    extra = EXTRA
    min_setting = 1
    max_setting = 63
    default_setting = 20
    best_setting = 1
    max_bits = 10

    def encode(self, values: IntegerArray, bits: int, setting: int) -> bytes:
        """Write the AV1 data of the mosaic."""
        mosaic = tile(values)
        check_size((mosaic.shape[0], mosaic.shape[1]), InvalidInputError)
        # SVT-AV1 tells its configuration on standard error, unless told to tell errors alone.
        os.environ.setdefault("SVT_LOG", "1")
        depth = _depth(bits)
        options = {"preset": _PRESET, "svtav1-params": _PARAMETERS.format(setting)}
        luma = stretch(mosaic, bits, depth)
        return strip(encode_picture(luma, self.name, "libsvtav1", _PIXELS[depth], options))

    def decode(self, payload: bytes, shape: Shape, bits: int, setting: int) -> IntegerArray:  # noqa: ARG002
        """Read AV1 data of exactly the mosaic's size."""
        size, depth = mosaic_size(shape), _depth(bits)
        check_size(size, BitstreamError)
        read_still(payload, picture_size(size), depth, grey=False)
        luma = decode_picture(payload, self.name, "libdav1d", _PIXELS[depth], size, depth)
        return shrink(untile(luma, shape[0]), bits, depth)


def _depth(bits: int) -> int:
    """Return the depth in bits of the picture that holds n-bit integers."""
    return 8 if bits <= 8 else 10


AV1 = Av1Codec()
