"""The container: header, payload, checksum. ``docs/bitstream.md`` is the norm.

::

    magic version flags bits codec setting | C H W | image H W | model tables | range
    payload length | payload | CRC-32 of all that stands before it

Little-endian. Beside the payload a stream with one range takes 46 bytes.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.quantizer import MAX_BITS, FeatureRange

MAGIC = b"CFT"
VERSION = 1
_PER_CHANNEL = 1  # the only flag so far; a set bit that has no meaning is refused
MODEL_ID_BYTES = 8
TABLES_ID_BYTES = 4
NO_MODEL = bytes(MODEL_ID_BYTES)
NO_TABLES = bytes(TABLES_ID_BYTES)

_FIXED = struct.Struct(f"<3sBBBBBHHHHH{MODEL_ID_BYTES}s{TABLES_ID_BYTES}s")
_LENGTH = struct.Struct("<I")
_CRC = struct.Struct("<I")
_RANGE_TYPE = np.dtype("<f4")
# Bytes beside the payload of a stream with one range for the whole tensor.
OVERHEAD_BYTES = _FIXED.size + 2 * _RANGE_TYPE.itemsize + _LENGTH.size + _CRC.size

# The widest layers in use have 2,048 channels (the last stage of ResNet-50 and deeper).
MAX_CHANNELS = 4096
# 256 channels of a 2048 x 1024 image at stride 4 are 2^25 elements; as float32, 128 MiB.
MAX_ELEMENTS = 1 << 25
# Two bytes, the deepest integer, for each of the most elements.
MAX_PAYLOAD_BYTES = 2 * MAX_ELEMENTS
_MAX_SIDE = 0xFFFF


@dataclass(frozen=True)
class Limits:
    """What a reader accepts; a server that knows its network sets them tighter.

    Args:
        channels: the most channels.
        elements: the most elements C * H * W.
        payload_bytes: the longest payload.
    """

    channels: int = MAX_CHANNELS
    elements: int = MAX_ELEMENTS
    payload_bytes: int = MAX_PAYLOAD_BYTES


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Bitstream:
    """What a stream says.

    Args:
        codec_id: the codec's number, 1 ... 255.
        setting: the codec's setting, 0 ... 255.
        bits: n, 1 ... 16.
        shape: (C, H, W) of the features.
        range: what the integers stand for, one or one a channel.
        payload: what the codec wrote.
        image_size: (height, width) in pixels of the image that the features are of, to which
            the cloud crops its outputs; None where it is not told.
        model_id: the first 8 bytes of the SHA-256 of the network that the features are for,
            or zeros.
        tables_id: which tables the codec needs, or zeros.
    """

    codec_id: int
    setting: int
    bits: int
    shape: tuple[int, int, int]
    range: FeatureRange
    payload: bytes
    image_size: tuple[int, int] | None = None
    model_id: bytes = NO_MODEL
    tables_id: bytes = NO_TABLES


def pack(stream: Bitstream, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Write a stream.

    Raises:
        InvalidInputError: a field is out of range, or the stream is over the limits.
    """
    problem = _problem(stream, limits)
    if problem:
        raise InvalidInputError(f"cannot write a bitstream: {problem}")
    fixed = _FIXED.pack(
        MAGIC,
        VERSION,
        _PER_CHANNEL if stream.range.per_channel else 0,
        stream.bits,
        stream.codec_id,
        stream.setting,
        *stream.shape,
        *(stream.image_size or (0, 0)),
        stream.model_id,
        stream.tables_id,
    )
    pairs = np.stack([stream.range.minimum, stream.range.maximum], axis=-1).astype(_RANGE_TYPE)
    body = b"".join((fixed, pairs.tobytes(), _LENGTH.pack(len(stream.payload)), stream.payload))
    return body + _CRC.pack(zlib.crc32(body))


def unpack(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Bitstream:
    """Read a whole stream, the inverse of ``pack``.

    Args:
        data: the stream and nothing else.
        limits: what is accepted; checked before memory is taken.

    Raises:
        BitstreamError: the bytes are no valid stream, whatever they are.
    """
    if len(data) < OVERHEAD_BYTES:
        raise BitstreamError(f"{len(data)} bytes are too few for a bitstream")
    magic, version, flags, bits, codec_id, setting, *sizes, model_id, tables_id = (
        _FIXED.unpack_from(data)
    )
    if magic != MAGIC:
        raise BitstreamError("the bytes are no cofeat bitstream")
    if version != VERSION:
        raise BitstreamError(f"bitstream version {version}: this reader knows version {VERSION}")
    if flags & ~_PER_CHANNEL:
        raise BitstreamError(f"the flags 0x{flags:02x} have a bit without a meaning")
    shape = (sizes[0], sizes[1], sizes[2])
    per_channel = bool(flags & _PER_CHANNEL)
    ranges = shape[0] if per_channel else 1
    payload_start = _FIXED.size + 2 * _RANGE_TYPE.itemsize * ranges + _LENGTH.size
    if len(data) < payload_start + _CRC.size:
        raise BitstreamError(f"{len(data)} bytes are too few for {ranges} ranges")
    (payload_bytes,) = _LENGTH.unpack_from(data, payload_start - _LENGTH.size)
    if len(data) != payload_start + payload_bytes + _CRC.size:
        raise BitstreamError(
            f"the bitstream has {len(data)} bytes and declares "
            f"{payload_start + payload_bytes + _CRC.size}"
        )
    if zlib.crc32(memoryview(data)[: -_CRC.size]) != _CRC.unpack_from(data, len(data) - 4)[0]:
        raise BitstreamError("the checksum is wrong: the bitstream was damaged on its way")
    image_size = (sizes[3], sizes[4])
    stream = Bitstream(
        codec_id=codec_id,
        setting=setting,
        bits=bits,
        shape=shape,
        range=_read_range(data, ranges, per_channel),
        payload=bytes(memoryview(data)[payload_start : payload_start + payload_bytes]),
        image_size=None if image_size == (0, 0) else image_size,
        model_id=model_id,
        tables_id=tables_id,
    )
    problem = _problem(stream, limits)
    if problem:
        raise BitstreamError(f"the bitstream is not valid: {problem}")
    return stream


def _read_range(data: bytes, ranges: int, per_channel: bool) -> FeatureRange:
    """Read (minimum, maximum) pairs.

    Raises:
        BitstreamError: they are no ranges.
    """
    pairs = np.frombuffer(data, _RANGE_TYPE, 2 * ranges, _FIXED.size).astype(np.float32)
    shape = (ranges,) if per_channel else ()
    try:
        return FeatureRange(pairs[0::2].reshape(shape), pairs[1::2].reshape(shape))
    except InvalidInputError as error:
        raise BitstreamError(str(error)) from error


def _problem(stream: Bitstream, limits: Limits) -> str:
    """Say what is wrong with the fields of a stream, or ``""``; both directions ask."""
    channels, height, width = stream.shape
    elements = channels * height * width
    sides = (*stream.shape, *(stream.image_size or (1, 1)))
    checks = (
        (1 <= stream.bits <= MAX_BITS, f"{stream.bits} bits, allowed 1 to {MAX_BITS}"),
        (1 <= stream.codec_id <= 0xFF, f"codec id {stream.codec_id}, allowed 1 to 255"),
        (0 <= stream.setting <= 0xFF, f"setting {stream.setting}, allowed 0 to 255"),
        (min(sides) >= 1 and max(sides) <= _MAX_SIDE, f"sizes {sides}, allowed 1 to {_MAX_SIDE}"),
        (channels <= limits.channels, f"{channels} channels, allowed {limits.channels}"),
        (elements <= limits.elements, f"{elements} elements, allowed {limits.elements}"),
        (
            len(stream.payload) <= limits.payload_bytes,
            f"a payload of {len(stream.payload)} bytes, allowed {limits.payload_bytes}",
        ),
        (
            stream.range.minimum.shape in ((), (channels,)),
            f"{stream.range.minimum.size} ranges for {channels} channels",
        ),
        (len(stream.model_id) == MODEL_ID_BYTES, f"a model id that is not {MODEL_ID_BYTES} bytes"),
        (len(stream.tables_id) == TABLES_ID_BYTES, f"tables id not {TABLES_ID_BYTES} bytes"),
    )
    return next((message for holds, message in checks if not holds), "")
