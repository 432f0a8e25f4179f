"""HEVC intra: lossy, the mosaic as a picture without chroma; x265 and FFmpeg, by PyAV.

The setting is the quantization parameter QP, 0 (finest) to 51. Integers of up to
8 bits are stretched over 0 ... 255, those of 9 and 10 bits over 0 ... 1023, those
of 11 and 12 bits over 0 ... 4095.

The payload is a byte stream (ITU-T H.265, annex B) of exactly five NAL units: the
three parameter sets, one slice of an IDR picture, and the MD5 of its samples. That,
and the size, format and depth in the sequence parameter set, are verified before
FFmpeg sees it. FFmpeg in turn compares the MD5: it does not write every sample of a
damaged slice, and what was in that memory before must not become features.
"""

from __future__ import annotations

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs.base import Shape
from cofeat.feature.codecs.bits import BitReader
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

# The most thorough but one, which gains nothing more.
_PRESET = "veryslow"
# One key picture and its MD5, no threads, no comments; squared error rather than the eye.
_PARAMETERS = (
    "log-level=none:info=0:pools=none:frame-threads=1:keyint=1:hash=1:"
    "aq-mode=0:psy-rd=0:psy-rdoq=0:qp={}"
)
_PIXELS = {8: "gray", 10: "gray10le", 12: "gray12le"}

_START = b"\0\0\1"
# The two bytes of NAL units' headers: type, layer 0, sublayer 0.
_VPS, _SPS, _PPS = b"\x40\x01", b"\x42\x01", b"\x44\x01"
_IDR = (b"\x26\x01", b"\x28\x01")
# A message after the picture, of type 132 and 17 bytes, and in it the number of MD5.
_HASH = b"\x50\x01\x84\x11\x00"
_HASH_UNIT_BYTES = len(_HASH) + 16 + 1  # the unit ends with a byte of its own
# The fields that are looked at are within the first bytes of a sequence parameter set.
_SPS_BYTES = 48
# From the general profile to the general level, where there are no sublayers.
_PROFILE_BITS = 96
# Coded sides are multiples of the smallest coding block, which has 8 pixels with x265 and 64 at
# most.
_MAX_BLOCK_PX = 64
# Golomb's numbers of up to 2^16.
_MAX_ZEROS = 16


class HevcCodec:
    """See ``Codec``."""

    name = "hevc"
    id = 9
    lossless = False
    extra = EXTRA
    min_setting = 0
    max_setting = 51
    default_setting = 22
    best_setting = 0
    max_bits = 12

    def encode(self, values: IntegerArray, bits: int, setting: int) -> bytes:
        """Write the byte stream of the mosaic."""
        mosaic = tile(values)
        check_size((mosaic.shape[0], mosaic.shape[1]), InvalidInputError)
        depth = _depth(bits)
        options = {"preset": _PRESET, "x265-params": _PARAMETERS.format(setting)}
        luma = stretch(mosaic, bits, depth)
        return encode_picture(luma, self.name, "libx265", _PIXELS[depth], options)

    def decode(self, payload: bytes, shape: Shape, bits: int, setting: int) -> IntegerArray:  # noqa: ARG002
        """Read a byte stream of exactly the mosaic's size and depth."""
        size, depth = mosaic_size(shape), _depth(bits)
        check_size(size, BitstreamError)
        _verify(payload, picture_size(size), depth)
        luma = decode_picture(payload, self.name, "hevc", _PIXELS[depth], size, depth)
        return shrink(untile(luma, shape[0]), bits, depth)


def _depth(bits: int) -> int:
    """Return the depth in bits of the picture that holds n-bit integers."""
    return next(depth for depth in _PIXELS if depth >= bits)


def _verify(payload: bytes, size: tuple[int, int], depth: int) -> None:
    """Check the NAL units and the sequence parameter set.

    Raises:
        BitstreamError: other units, or another size, format or depth.
    """
    # A start code has a further zero before it at the head of a stream.
    empty, *units = payload.split(_START)
    if empty != b"\0" or len(units) != 5:
        raise BitstreamError("the payload's HEVC is not five NAL units")
    heads = [unit[:2] for unit in units[:4]]
    if heads[:3] != [_VPS, _SPS, _PPS] or heads[3] not in _IDR:
        raise BitstreamError("the payload's HEVC is not three parameter sets and one picture")
    digest = _unescape(units[4])
    if not digest.startswith(_HASH) or len(digest) != _HASH_UNIT_BYTES or digest[-1] != 0x80:
        raise BitstreamError("the payload's HEVC has no MD5 of its picture")
    reader = BitReader(_unescape(units[1][2:_SPS_BYTES]), "big")
    reader.read(4)  # which video parameter set
    sublayers = reader.read(3)
    reader.read(1 + _PROFILE_BITS)
    set_id, chroma = _golomb(reader), _golomb(reader)
    width, height = _golomb(reader), _golomb(reader)
    if reader.read(1):  # a window: left, right, top, bottom, cropped after decoding
        for _ in range(4):
            _golomb(reader)
    depths = (8 + _golomb(reader), 8 + _golomb(reader))
    near = all(
        0 <= coded - asked < _MAX_BLOCK_PX
        for coded, asked in zip((height, width), size, strict=True)
    )
    if (sublayers, set_id, chroma, depths) != (0, 0, 0, (depth, depth)) or not near:
        raise BitstreamError(
            f"the payload's HEVC is no grey picture of {size[1]}x{size[0]} and {depth} bits"
        )


def _unescape(unit: bytes) -> bytes:
    """Drop each 3 after two zeros, which keeps them from looking like a start code."""
    return unit.replace(b"\0\0\3", b"\0\0")


def _golomb(reader: BitReader) -> int:
    """Read an unsigned number in Exp-Golomb code (H.265, 9.2).

    Raises:
        BitstreamError: it is beyond 2^17, or cut off.
    """
    zeros = 0
    while not reader.read(1):
        zeros += 1
        if zeros > _MAX_ZEROS:
            raise BitstreamError("the payload's HEVC has a number that is too large")
    return (1 << zeros) - 1 + reader.read(zeros)


HEVC = HevcCodec()
