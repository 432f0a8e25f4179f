"""Features to the bytes that are sent, and back: the stages of this room in order.

::

    features ── quantize ── codec (image codecs tile) ── pack ──► bytes
    features ◄─ dequantize ─ codec ──────────────────── unpack ◄─ bytes
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.bitstream import (
    DEFAULT_LIMITS,
    NO_MODEL,
    NO_TABLES,
    Bitstream,
    Limits,
    pack,
    unpack,
)
from cofeat.feature.codecs import CodecSpec, codecs_by_id, parse_codec
from cofeat.feature.codecs.base import Codec, TabledCodec, check_values
from cofeat.feature.quantizer import (
    Float32Array,
    Quantized,
    check_features,
    dequantize,
    quantize,
)
from cofeat.feature.tables import Tables


@dataclass(frozen=True, eq=False)
class Decompressed:
    """What the cloud gets.

    Args:
        features: float32 (C, H, W).
        quantized: the integers behind them.
        stream: the header's fields and the payload.
    """

    features: Float32Array
    quantized: Quantized
    stream: Bitstream


def compress(
    features: Float32Array,
    codec: str | CodecSpec = "png",
    bits: int = 8,
    per_channel: bool = False,
    image_size: tuple[int, int] | None = None,
    model_id: bytes | None = None,
    tables: Tables | None = None,
    step: float | None = None,
) -> bytes:
    """Turn one image's features into the bytes that are sent.

    Args:
        features: float32 (C, H, W), finite.
        codec: name and setting, such as ``"png"`` or ``"jpeg:95"``.
        bits: n of the quantizer, 1 ... 16 and what the codec holds.
        per_channel: one range a channel instead of one for the tensor.
        image_size: (height, width) in pixels of the image, for the cloud to crop its outputs to.
        model_id: the first 8 bytes of the network's SHA-256.
        tables: fitted to the network's features; codecs that have none leave them out.
        step: a fixed distance of two levels around zero, instead of the features' own range.

    Raises:
        InvalidInputError: the features are not finite or too large, or an argument is out of range.
        MissingPackageError: the codec needs a package that is not installed.
    """
    return compress_quantized(
        quantize_finite(features, bits, per_channel, step), codec, image_size, model_id, tables
    )


def quantize_finite(
    features: Float32Array, bits: int = 8, per_channel: bool = False, step: float | None = None
) -> Quantized:
    """Turn features into integers as ``quantize`` does, but refuse any that is not finite.

    Raises:
        InvalidInputError: the features are not finite or too large, or bits is out of range.
    """
    check_features(features)
    finite = int(np.count_nonzero(np.isfinite(features)))
    if finite != features.size:
        raise InvalidInputError(
            f"{features.size - finite} of {features.size} features are NaN or infinite: "
            "check the network and its input"
        )
    return quantize(features, bits, per_channel, step)


def check_depth(codec: Codec, bits: int) -> None:
    """Refuse more bits than a codec holds.

    Raises:
        InvalidInputError: it holds fewer; the message names those that hold as many.
    """
    if bits > codec.max_bits:
        raise InvalidInputError(
            f"codec '{codec.name}' holds up to {codec.max_bits} bits, "
            f"not {bits}: use {' or '.join(_codecs_for(bits))}"
        )


def check_codecs(codecs: Iterable[str], bits: int) -> None:
    """Refuse more bits than each of the codecs, such as ``"jpeg:90"``, holds, as above."""
    for codec in codecs:
        check_depth(parse_codec(codec).codec, bits)


def compress_quantized(
    quantized: Quantized,
    codec: str | CodecSpec = "png",
    image_size: tuple[int, int] | None = None,
    model_id: bytes | None = None,
    tables: Tables | None = None,
) -> bytes:
    """Turn integers that a network has made already into the bytes that are sent.

    Args:
        quantized: (C, H, W) integers, their range and bits.
        codec: name and setting.
        image_size: (height, width) in pixels of the image.
        model_id: the first 8 bytes of the network's SHA-256.
        tables: fitted to the network's features.

    Raises:
        InvalidInputError: the integers or an argument are out of range.
        MissingPackageError: the codec needs a package that is not installed.
    """
    spec = parse_codec(codec) if isinstance(codec, str) else codec
    check_depth(spec.codec, quantized.bits)
    values = quantized.values
    check_values(spec.codec, values, quantized.bits)
    coder, tables_id = spec.codec, NO_TABLES
    if (
        tables is not None
        and isinstance(coder, TabledCodec)
        and isinstance(tables, coder.tables_type)
    ):
        if tables.channels != len(values):
            raise InvalidInputError(
                f"the tables are of {tables.channels} channels, and the features have "
                f"{len(values)}: give the tables of their own model"
            )
        coder, tables_id = coder.with_tables(tables), tables.id
    stream = Bitstream(
        codec_id=spec.codec.id,
        setting=spec.setting,
        bits=quantized.bits,
        shape=(values.shape[0], values.shape[1], values.shape[2]),
        range=quantized.range,
        payload=coder.encode(values, quantized.bits, spec.setting),
        image_size=image_size,
        model_id=NO_MODEL if model_id is None else model_id,
        tables_id=tables_id,
    )
    return pack(stream)


def decompress_quantized(
    data: bytes, limits: Limits = DEFAULT_LIMITS, tables: Tables | None = None
) -> tuple[Quantized, Bitstream]:
    """Turn received bytes into integers, for a network that dequantizes itself.

    Args:
        data: one whole stream.
        limits: what is accepted.
        tables: those that a stream may need.

    Returns:
        The integers with their range and bits, and what the stream says.

    Raises:
        BitstreamError: the bytes are no valid stream, whatever they are.
        MissingPackageError: the codec needs a package that is not installed.
    """
    stream = unpack(data, limits)
    codec = codecs_by_id().get(stream.codec_id)
    if codec is None:
        raise BitstreamError(f"the bitstream's codec {stream.codec_id} is not known here")
    if stream.tables_id != NO_TABLES:
        if not isinstance(codec, TabledCodec):
            raise BitstreamError(f"codec {codec.name} has no tables {stream.tables_id.hex()}")
        if (
            tables is None
            or not isinstance(tables, codec.tables_type)
            or tables.id != stream.tables_id
        ):
            at_hand = "none are" if tables is None else f"{tables.id.hex()} are"
            raise BitstreamError(
                f"the bitstream needs the tables {stream.tables_id.hex()}, and {at_hand} at hand: "
                "give the model that it was made with"
            )
        if tables.channels != stream.shape[0]:
            raise BitstreamError(
                f"the tables are of {tables.channels} channels, and the bitstream has "
                f"{stream.shape[0]}"
            )
        codec = codec.with_tables(tables)
    if not codec.min_setting <= stream.setting <= codec.max_setting:
        raise BitstreamError(f"codec {codec.name} has no setting {stream.setting}")
    if stream.bits > codec.max_bits:
        raise BitstreamError(f"codec {codec.name} cannot hold {stream.bits} bits")
    values = codec.decode(stream.payload, stream.shape, stream.bits, stream.setting)
    return Quantized(values, stream.range, stream.bits), stream


def decompress(
    data: bytes, limits: Limits = DEFAULT_LIMITS, tables: Tables | None = None
) -> Decompressed:
    """Turn received bytes into features, the inverse of ``compress`` up to the coding's loss.

    Args:
        data: one whole stream.
        limits: what is accepted.
        tables: those that a stream may need.

    Raises:
        BitstreamError: the bytes are no valid stream, whatever they are.
        MissingPackageError: the codec needs a package that is not installed.
    """
    quantized, stream = decompress_quantized(data, limits, tables)
    return Decompressed(dequantize(quantized), quantized, stream)


def _codecs_for(bits: int) -> list[str]:
    """Return the names of the codecs that hold integers this deep."""
    return [codec.name for codec in codecs_by_id().values() if codec.max_bits >= bits]
