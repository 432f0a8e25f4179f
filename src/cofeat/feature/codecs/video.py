"""What the video codecs share: coding one picture with FFmpeg's libraries, by PyAV."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs.extras import require
from cofeat.feature.quantizer import IntegerArray, integer_type

# x265 takes nothing smaller.
MIN_SIDE_PX = 16
# What HEVC's highest level and SVT-AV1 take on a side, and more than 2^25 elements need.
MAX_SIDE_PX = 16384

# FFmpeg's number for samples over the full range.
_FULL_RANGE = 2
# FFmpeg compares its limit with sides that it has rounded up.
_SLACK_PX = 128


def picture_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the (height, width) of the picture that a mosaic is put into."""
    return max(size[0], MIN_SIDE_PX), max(size[1], MIN_SIDE_PX)


def check_size(size: tuple[int, int], error: type[InvalidInputError | BitstreamError]) -> None:
    """Refuse a mosaic that is too large.

    Raises:
        InvalidInputError or BitstreamError, as asked for.
    """
    if max(size) > MAX_SIDE_PX:
        raise error(
            f"a mosaic of {size[1]}x{size[0]} pixels: "
            f"video codecs hold sides up to {MAX_SIDE_PX}; use png or zstd"
        )


def encode_picture(
    mosaic: IntegerArray, codec: str, encoder: str, pixels: str, options: Mapping[str, str]
) -> bytes:
    """Encode one intra picture in one thread.

    Args:
        mosaic: (H, W), at the depth of the picture; extended to ``picture_size`` by its last
            row and column.
        codec: the codec's name, for messages.
        encoder: FFmpeg's name of the encoder.
        pixels: FFmpeg's name of the pixel format; where it has chroma, that is grey.
        options: the encoder's.

    Raises:
        MissingPackageError: PyAV is not installed.
    """
    av = require("av", codec)
    height, width = picture_size((mosaic.shape[0], mosaic.shape[1]))
    below, beside = height - mosaic.shape[0], width - mosaic.shape[1]
    luma = np.pad(mosaic, ((0, below), (0, beside)), mode="edge") if below or beside else mosaic
    context = av.CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt = width, height, pixels
    context.time_base = Fraction(1, 25)
    context.color_range = _FULL_RANGE
    context.thread_count = 1
    context.options = dict(options)
    frame = av.VideoFrame(width, height, pixels)
    frame.color_range = _FULL_RANGE
    frame.pts = 0
    _rows(frame.planes[0], luma.dtype)[:, :width] = luma
    for plane in frame.planes[1:]:
        depth = 10 if luma.dtype == np.uint16 else 8
        _rows(plane, luma.dtype)[:] = 1 << (depth - 1)
    return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))


def decode_picture(
    payload: bytes, codec: str, decoder: str, pixels: str, size: tuple[int, int], depth: int
) -> IntegerArray:
    """Decode the luma of one picture in one thread.

    Args:
        payload: whose header the caller has verified.
        codec: the codec's name, for messages.
        decoder: FFmpeg's name of the decoder.
        pixels: FFmpeg's name of the pixel format that it must have.
        size: (height, width) of the mosaic.
        depth: bits of a sample.

    Returns:
        (H, W), uint8 or uint16.

    Raises:
        BitstreamError: it cannot be decoded, is damaged, or is another picture.
        MissingPackageError: PyAV is not installed.
    """
    av = require("av", codec)
    height, width = picture_size(size)
    try:
        context = av.CodecContext.create(decoder, "r")
        context.thread_count = 1
        context.options = {
            "max_pixels": str((height + _SLACK_PX) * (width + _SLACK_PX)),
            "err_detect": "crccheck+bitstream+buffer+explode",
        }
        frames = [*context.decode(av.Packet(payload)), *context.decode(None)]
    except Exception as error:  # FFmpeg's errors, and what PyAV makes of them
        raise BitstreamError(f"the payload's video cannot be decoded: {error}") from error
    if len(frames) != 1 or frames[0].is_corrupt:
        raise BitstreamError(f"the payload's video has {len(frames)} pictures, or a damaged one")
    frame = frames[0]
    if (frame.height, frame.width, frame.format.name) != (height, width, pixels):
        raise BitstreamError(
            f"the payload's video is {frame.width}x{frame.height} {frame.format.name}, "
            f"not {width}x{height} {pixels}"
        )
    return _rows(frame.planes[0], integer_type(depth))[: size[0], : size[1]].copy()


def _rows(plane: Any, dtype: np.dtype[Any]) -> IntegerArray:
    """Return the samples of a plane, with the padding at the end of its rows."""
    samples = np.frombuffer(plane, dtype.newbyteorder("<"))
    return samples.reshape(plane.height, plane.line_size // dtype.itemsize)
