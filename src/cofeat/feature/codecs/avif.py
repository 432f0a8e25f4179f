"""AVIF: lossy, the mosaic as an 8-bit grey image without chroma; libaom and dav1d, by Pillow.

The setting is libavif's quality, 0 to 100; 100 is lossless for n = 8, the only
depth at which one would want it. Integers of fewer than 8 bits are stretched
over 0 ... 255, so that a quality means the same for every n.

The payload is the AV1 data alone: a sequence header and a frame. The 269 bytes of
boxes before them in an AVIF file say nothing that the container does not know, so
the decoder writes them anew, and no box of a hostile file reaches libavif. The
sequence header is verified before (``av1_still``).
"""

from __future__ import annotations

import io
import struct

from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs.av1_still import StillPicture, read_still, strip
from cofeat.feature.codecs.base import Shape
from cofeat.feature.codecs.extras import require_pillow
from cofeat.feature.codecs.grey import decode_grey
from cofeat.feature.codecs.stretch import shrink, stretch
from cofeat.feature.mosaic import mosaic_size, tile, untile
from cofeat.feature.quantizer import IntegerArray

# libavif's own limits on one side and on the picture.
MAX_SIDE_PX = 32768
MAX_PIXELS = 16384 * 16384

# 4 is what the pictures of "cloud only" are written with too.
_SPEED = 4
# Made for the eye, libavif's own choice takes some 4 % more bytes for the same squared error.
_TUNE = {"tune": "psnr"}


class AvifCodec:
    """See ``Codec``."""

    name = "avif"
    id = 6
    lossless = False
    extra = None
    min_setting = 0
    max_setting = 100
    default_setting = 80
    best_setting = 100
    max_bits = 8

    def encode(self, values: IntegerArray, bits: int, setting: int) -> bytes:
        """Write the AV1 data of the mosaic; one thread, so that the bytes are always the same."""
        mosaic = stretch(tile(values), bits)
        height, width = mosaic.shape
        if max(height, width) > MAX_SIDE_PX or height * width > MAX_PIXELS:
            raise InvalidInputError(
                f"a mosaic of {width}x{height} pixels: "
                f"AVIF holds sides up to {MAX_SIDE_PX}; use png or zstd"
            )
        require_pillow("avif", self.name)
        file = io.BytesIO()
        Image.fromarray(mosaic).save(
            file,
            "AVIF",
            quality=setting,
            speed=_SPEED,
            subsampling="4:0:0",
            range="full",
            autotiling=False,
            max_threads=1,
            advanced=_TUNE,
        )
        return strip(_media_data(file.getvalue()))

    def decode(self, payload: bytes, shape: Shape, bits: int, setting: int) -> IntegerArray:  # noqa: ARG002
        """Read AV1 data of exactly the mosaic's size."""
        size = mosaic_size(shape)
        if max(size) > MAX_SIDE_PX or size[0] * size[1] > MAX_PIXELS:
            raise BitstreamError(f"AVIF holds no mosaic of {size[1]}x{size[0]} pixels")
        file = _file_of(payload, read_still(payload, size, depth=8, grey=True))
        require_pillow("avif", self.name)
        return shrink(untile(decode_grey(file, AvifImageFile, "L", size), shape[0]), bits)


def _media_data(file: bytes) -> bytes:
    """Return the content of the box "mdat", which holds the one picture and nothing else."""
    offset, kind, length = 0, b"", 0
    while kind != b"mdat":
        offset += length
        length, kind = struct.unpack_from(">I4s", file, offset)
    return file[offset + 8 : offset + length]


def _box(kind: bytes, *content: bytes) -> bytes:
    """Frame a box: length, kind, content."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _file_of(payload: bytes, still: StillPicture) -> bytes:
    """Return an AVIF file of one grey item (AVIF 1.1; ISO/IEC 14496-12 and 23008-12)."""
    height, width = still.size
    # Marker and version; profile 0 and level; grey, and what goes as its subsampling.
    configuration = _box(b"av1C", bytes((0x81, still.level, 0x1C, 0)))
    properties = _box(
        b"ipco",
        _box(b"ispe", struct.pack(">III", 0, width, height)),
        _box(b"pixi", b"\0\0\0\0\1\x08"),
        configuration,
    )
    # One item with three properties, of which the third must be understood.
    associations = _box(b"ipma", struct.pack(">IIHB3B", 0, 1, 1, 3, 1, 2, 0x83))
    file_type = _box(b"ftyp", b"avif\0\0\0\0avifmif1miaf")

    def meta(offset: int) -> bytes:
        location = struct.pack(">I2B4HII", 0, 0x44, 0, 1, 1, 0, 1, offset, len(payload))
        return _box(
            b"meta",
            bytes(4),
            _box(b"hdlr", bytes(8), b"pict", bytes(13)),
            _box(b"pitm", bytes(4), b"\0\1"),
            _box(b"iloc", location),
            _box(b"iinf", bytes(4), b"\0\1", _box(b"infe", b"\2\0\0\0\0\1\0\0av01\0")),
            _box(b"iprp", properties, associations),
        )

    head_bytes = len(file_type) + len(meta(0))
    return b"".join((file_type, meta(head_bytes + 8), _box(b"mdat", payload)))


AVIF = AvifCodec()
