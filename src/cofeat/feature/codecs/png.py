"""PNG: lossless, the mosaic as a grey image of 1, 2, 4, 8 or 16 bits.

The setting is zlib's level, 0 (stored) to 9 (smallest). It is written here and not
by Pillow, whose zlib-ng makes other bytes on another processor: a page in a browser
makes the same ones.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt
from PIL.PngImagePlugin import PngImageFile

from cofeat.errors import BitstreamError
from cofeat.feature.codecs.base import Shape
from cofeat.feature.codecs.grey import decode_grey
from cofeat.feature.mosaic import mosaic_size, tile, untile
from cofeat.feature.quantizer import IntegerArray, integer_type

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Width, height, depth, then color type, compression, filter method and interlacing: all 0.
_IHDR = struct.Struct(">IIB4s")
_CHUNK = struct.Struct(">I4s")
_CRC_BYTES = 4
# Pillow stretches shallow grey to 0 ... 255: by 255 / 3 and 255 / 15.
_STRETCH = {1: 1, 2: 85, 4: 17, 8: 1, 16: 1}
_MODES = {1: "1", 2: "L", 4: "L", 8: "L", 16: "I;16"}
# zlib's window and memory at their most; its strategy is for rows of residuals.
_WINDOW_BITS, _MEMORY = 15, 9


class PngCodec:
    """See ``Codec``."""

    name = "png"
    id = 1
    lossless = True
    extra = None
    min_setting = 0
    max_setting = 9
    default_setting = 9
    best_setting = 9
    max_bits = 16

    def encode(self, values: IntegerArray, bits: int, setting: int) -> bytes:
        """Write the mosaic as a PNG of IHDR, IDAT and IEND alone."""
        mosaic = tile(values)
        depth = _depth(bits)
        height, width = mosaic.shape
        if depth < 8:
            rows, strategy = _packed(mosaic, depth), zlib.Z_DEFAULT_STRATEGY
        else:
            rows, strategy = _filtered(mosaic), zlib.Z_FILTERED
        deflater = zlib.compressobj(setting, zlib.DEFLATED, _WINDOW_BITS, _MEMORY, strategy)
        return b"".join(
            (
                SIGNATURE,
                _chunk(b"IHDR", _IHDR.pack(width, height, depth, bytes(4))),
                _chunk(b"IDAT", deflater.compress(rows.tobytes()) + deflater.flush()),
                _chunk(b"IEND", b""),
            )
        )

    def decode(self, payload: bytes, shape: Shape, bits: int, setting: int) -> IntegerArray:  # noqa: ARG002
        """Read a PNG of exactly the mosaic's size and depth."""
        depth = _depth(bits)
        size = mosaic_size(shape)
        _verify(payload, size, depth)
        mosaic = decode_grey(payload, PngImageFile, _MODES[depth], size)
        values = untile(mosaic, shape[0]).astype(integer_type(bits), copy=False)
        if _STRETCH[depth] > 1:
            values = values // values.dtype.type(_STRETCH[depth])
        if depth != bits and int(values.max()) >= 1 << bits:
            raise BitstreamError(f"the payload has a value of {values.max()} in {bits} bits")
        return values


def _depth(bits: int) -> int:
    """Return the shallowest depth of a grey PNG that holds n-bit integers."""
    return next(depth for depth in _STRETCH if depth >= bits)


def _packed(mosaic: IntegerArray, depth: int) -> npt.NDArray[np.uint8]:
    """Return rows of 1, 2 or 4 bits a pixel, behind the number of their filter, 0.

    They are unfiltered: packed pixels are not numbers whose differences mean
    anything, and the PNG specification advises so too.
    """
    height, width = mosaic.shape
    pixels = mosaic.astype(np.uint8, copy=False)[:, :, None]
    bits = np.unpackbits(pixels, axis=2)[:, :, 8 - depth :]
    packed = np.packbits(bits.reshape(height, width * depth), axis=1)
    rows = np.zeros((height, 1 + packed.shape[1]), dtype=np.uint8)
    rows[:, 1:] = packed
    return rows


def _filtered(mosaic: IntegerArray) -> npt.NDArray[np.uint8]:
    """Return rows of bytes behind the number of their filter.

    Each row has the filter whose residuals, taken with a sign, have the least sum of
    magnitudes, the first of several: what the PNG specification advises.
    """
    step = mosaic.dtype.itemsize
    bytes_ = mosaic.astype(f">u{step}").view(np.uint8)
    padded = np.pad(bytes_.astype(np.int16), ((1, 0), (step, 0)))
    here, left = padded[1:, step:], padded[1:, :-step]
    above, corner = padded[:-1, step:], padded[:-1, :-step]
    # By how much left + above - corner, Paeth's estimate, is off each of the three.
    off_left, off_above = abs(above - corner), abs(left - corner)
    off_corner = abs(left + above - 2 * corner)
    paeth = np.where(off_above <= off_corner, above, corner)
    paeth = np.where((off_left <= off_above) & (off_left <= off_corner), left, paeth)
    guesses = (np.zeros_like(here), left, above, (left + above) >> 1, paeth)
    residuals = np.stack([here - guess for guess in guesses]).astype(np.uint8)
    magnitudes = abs(residuals.view(np.int8).astype(np.int16))
    chosen = magnitudes.sum(axis=2).argmin(axis=0)
    rows = residuals[chosen, np.arange(len(chosen))]
    return np.concatenate([chosen[:, None].astype(np.uint8), rows], axis=1)


def _chunk(kind: bytes, body: bytes) -> bytes:
    """Frame a chunk: length, kind, body, CRC-32 of kind and body."""
    return _CHUNK.pack(len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))


def _verify(payload: bytes, size: tuple[int, int], depth: int) -> None:
    """Check the structure of a PNG, and that it holds every row, before Pillow decodes it.

    Only IHDR, IDAT and IEND may be there: every other chunk costs bytes, and
    some make Pillow warn or take memory.

    Raises:
        BitstreamError: another size, depth or kind of image, another chunk, rows that are
            missing or too many, or trailing bytes.
    """
    if not payload.startswith(SIGNATURE):
        raise BitstreamError("the payload is no PNG")
    kinds: list[bytes] = []
    data: list[bytes] = []
    offset = len(SIGNATURE)
    while offset < len(payload):
        if len(payload) - offset < _CHUNK.size + _CRC_BYTES:
            raise BitstreamError("the payload's PNG is cut off")
        length, kind = _CHUNK.unpack_from(payload, offset)
        start, offset = offset + _CHUNK.size, offset + _CHUNK.size + length + _CRC_BYTES
        if offset > len(payload):
            raise BitstreamError("the payload's PNG is cut off")
        kinds.append(kind)
        if kind == b"IHDR":
            expected = _IHDR.pack(size[1], size[0], depth, bytes(4))
            if payload[start : start + length] != expected:
                raise BitstreamError(
                    f"the payload's PNG is not a grey image of {size[1]}x{size[0]}, {depth} bits"
                )
        elif kind == b"IDAT":
            data.append(payload[start : start + length])
    if kinds != [b"IHDR", *[b"IDAT"] * len(data), b"IEND"]:
        raise BitstreamError("the payload's PNG is not IHDR, IDAT ... IEND and nothing else")
    _verify_rows(b"".join(data), size[0] * (1 + (size[1] * depth + 7) // 8))


def _verify_rows(data: bytes, expected_bytes: int) -> None:
    """Check that the pixel data inflate to all rows; Pillow would make missing ones up.

    Raises:
        BitstreamError: they inflate to fewer or more bytes, or not at all.
    """
    inflater = zlib.decompressobj()
    try:
        rows = inflater.decompress(data, expected_bytes + 1)
    except zlib.error as error:
        raise BitstreamError(f"the payload's PNG cannot be inflated: {error}") from error
    if len(rows) != expected_bytes or not inflater.eof or inflater.unused_data:
        raise BitstreamError("the payload's PNG has rows missing or too many")


PNG = PngCodec()
