"""JPEG XL, lossless: the mosaic as a grey image of 8 or 16 bits; libjxl, by imagecodecs.

The setting is libjxl's effort, 1 (fastest) to 9. More effort is mostly but not
always smaller: on EfficientNet-Lite0's features of photographs 5 is within 1 % of
the best and takes a tenth of the time of 9.

The payload is a bare codestream (ISO/IEC 18181-1). JPEG XL can do much more than
a grey image needs: a frame larger than the image, further channels, previews,
patches, splines, animations, color profiles. Everything up to the end of the
frame's header is verified, bit by bit, before libjxl sees it; what is left is one
modular frame of exactly the mosaic's size. How much memory libjxl takes for the
transforms within it is libjxl's affair.
"""

from __future__ import annotations

import struct

import numpy as np

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs.base import Shape
from cofeat.feature.codecs.bits import BitReader
from cofeat.feature.codecs.extras import EXTRA, require
from cofeat.feature.mosaic import mosaic_size, tile, untile
from cofeat.feature.quantizer import IntegerArray

# libjxl's level 5 allows no longer side.
MAX_SIDE_PX = 1 << 18

_SIGNATURE = b"\xff\x0a"
# The longest header that is allowed has 29 bytes.
_HEADER_BYTES = 32
# Widths in bits of a size's four ranges.
_SIZE_BITS = (9, 13, 18, 30)
# Width : height, by number; 0 says that the width is told.
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
# Fields of the headers: (bits, the value that is allowed, or None where any is).
_IMAGE = (
    (1, 0),  # not all default
    (1, 0),  # no extra fields: orientation, preview, animation, ...
    (1, 0),  # integer samples
)
_DEPTHS = {8: ((2, 0),), 16: ((2, 3), (6, 15))}
_IMAGE_REST = (
    (1, None),  # whether 16-bit buffers are enough
    (2, 0),  # no extra channels
    (1, 0),  # not XYB
    (1, 0),  # color: not all default
    (1, 0),  # no ICC profile
    (2, 1),  # grey
    (2, 1),  # D65
    (1, 0),  # no gamma
    (2, 2),  # the transfer function has 4 bits,
    (4, None),  # and changes no sample
    (2, 1),  # relative intent
    (2, 0),  # no extensions
    (1, 1),  # default upsampling weights and opsin
)
_FRAME = (
    (1, 0),  # not all default
    (2, 0),  # a regular frame
    (1, 1),  # modular
    (2, 0),  # no noise, patches, splines, DC frames
    (1, 0),  # not YCbCr
    (2, 0),  # no upsampling
    (2, None),  # size of the groups: 128 << this
    (2, 0),  # one pass
    (1, 0),  # not cropped: the frame is the image
    (2, 0),  # replaces what was there
    (1, 1),  # the last frame
    (2, 0),  # no name
    (1, 0),  # restoration filter: not the default one,
    (1, 0),  # not gaborish
    (2, 0),  # no edge-preserving filter
    (2, 0),  # no extensions of the filter
    (2, 0),  # no extensions of the frame
)


class JpegxlCodec:
    """See ``Codec``."""

    name = "jpegxl"
    id = 8
    lossless = True
    extra = EXTRA
    min_setting = 1
    max_setting = 9
    default_setting = 7
    best_setting = 9
    max_bits = 16

    def encode(self, values: IntegerArray, bits: int, setting: int) -> bytes:  # noqa: ARG002
        """Write the mosaic's codestream."""
        mosaic = tile(values)
        height, width = mosaic.shape
        if max(height, width) > MAX_SIDE_PX:
            raise InvalidInputError(
                f"a mosaic of {width}x{height} pixels: "
                f"JPEG XL holds sides up to {MAX_SIDE_PX}; use png"
            )
        imagecodecs = require("imagecodecs", self.name)
        file = imagecodecs.jpegxl_encode(
            mosaic, lossless=True, effort=setting, numthreads=1, usecontainer=False
        )
        return _codestream_of(bytes(file))

    def decode(self, payload: bytes, shape: Shape, bits: int, setting: int) -> IntegerArray:  # noqa: ARG002
        """Read a codestream of exactly the mosaic's size and depth."""
        size = mosaic_size(shape)
        depth = 8 if bits <= 8 else 16
        _verify(payload, size, depth)
        imagecodecs = require("imagecodecs", self.name)
        mosaic: IntegerArray
        try:
            mosaic = imagecodecs.jpegxl_decode(payload, numthreads=1)
        except Exception as error:
            raise BitstreamError(f"the payload's JPEG XL cannot be decoded: {error}") from error
        if mosaic.shape != size or mosaic.dtype != np.dtype(f"u{depth // 8}"):
            raise BitstreamError(f"the payload's JPEG XL is {mosaic.dtype} {mosaic.shape}")
        values = untile(mosaic, shape[0])
        if bits not in (8, 16) and int(values.max()) >= 1 << bits:
            raise BitstreamError(f"the payload has a value of {values.max()} in {bits} bits")
        return values


def _codestream_of(file: bytes) -> bytes:
    """Return the codestream, which libjxl puts into a box when the pixels are deep."""
    if file.startswith(_SIGNATURE):
        return file
    offset, parts = 0, []
    while offset < len(file):
        length, kind = struct.unpack_from(">I4s", file, offset)
        end = offset + length if length else len(file)
        if kind == b"jxlc":
            parts.append(file[offset + 8 : end])
        elif kind == b"jxlp":  # a part of it, after its number
            parts.append(file[offset + 12 : end])
        offset = end
    return b"".join(parts)


def _verify(payload: bytes, size: tuple[int, int], depth: int) -> None:
    """Check the headers of the image and of its one frame.

    Raises:
        BitstreamError: another size or kind of image, or more than one plain modular frame.
    """
    if not payload.startswith(_SIGNATURE):
        raise BitstreamError("the payload is no JPEG XL codestream")
    reader = BitReader(payload[len(_SIGNATURE) : _HEADER_BYTES], "little")
    declared = _read_size(reader)
    if declared != size:
        raise BitstreamError(
            f"the payload's JPEG XL is {declared[1]}x{declared[0]} and not {size[1]}x{size[0]}"
        )
    fields = (*_IMAGE, *_DEPTHS[depth], *_IMAGE_REST)
    plain = all(reader.read(bits) == value or value is None for bits, value in fields)
    plain = plain and reader.align() == 0
    plain = plain and all(reader.read(bits) == value or value is None for bits, value in _FRAME)
    if not plain:
        raise BitstreamError(f"the payload's JPEG XL is not one plain grey frame of {depth} bits")


def _read_size(reader: BitReader) -> tuple[int, int]:
    """Read (height, width)."""
    small = reader.read(1)

    def side() -> int:
        if small:
            return 8 * (1 + reader.read(5))
        return 1 + reader.read(_SIZE_BITS[reader.read(2)])

    height = side()
    ratio = reader.read(3)
    if not ratio:
        return height, side()
    across, down = _RATIOS[ratio]
    return height, height * across // down


JPEGXL = JpegxlCodec()
