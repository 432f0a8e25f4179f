from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.bitstream import Limits, pack, unpack
from cofeat.feature.entropy.fitting import fit_tables
from cofeat.feature.pipeline import (
    compress,
    compress_quantized,
    decompress,
    decompress_quantized,
)
from cofeat.feature.quantizer import dequantize, quantize

FINITE = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=3, max_dims=3, max_side=6),
    elements=st.floats(-1e6, 1e6, width=32),
)


@given(FINITE, st.integers(1, 16), st.booleans())
def test_png_loses_nothing_but_the_quantization(features, bits, per_channel):
    result = decompress(compress(features, "png:1", bits, per_channel))
    quantized = quantize(features, bits, per_channel)
    np.testing.assert_array_equal(result.quantized.values, quantized.values)
    np.testing.assert_array_equal(result.features, dequantize(quantized))
    assert result.features.dtype == np.float32


@pytest.mark.parametrize("per_channel", [False, True])
def test_jpeg_keeps_the_range_and_comes_near(features, per_channel):
    result = decompress(compress(features, "jpeg:100", 8, per_channel))
    quantized = quantize(features, 8, per_channel)
    np.testing.assert_array_equal(result.quantized.range.minimum, quantized.range.minimum)
    np.testing.assert_array_equal(result.quantized.range.maximum, quantized.range.maximum)
    assert np.abs(result.quantized.values.astype(int) - quantized.values).max() <= 3


def test_header_says_what_was_given(features):
    data = compress(features, "jpeg:85", 6, image_size=(250, 500), model_id=b"\1\2\3\4\5\6\7\xff")
    stream = decompress(data).stream
    assert (stream.codec_id, stream.setting, stream.bits) == (2, 85, 6)
    assert stream.shape == features.shape
    assert stream.image_size == (250, 500)
    assert stream.model_id == b"\1\2\3\4\5\6\7\xff"


def test_integers_of_a_network_go_the_same_way(features):
    quantized = quantize(features, 5)
    assert compress_quantized(quantized, "png") == compress(features, "png", 5)
    restored, stream = decompress_quantized(compress(features, "png", 5))
    np.testing.assert_array_equal(restored.values, quantized.values)
    assert stream.bits == restored.bits == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"codec": "jpeg", "bits": 12}, "'jpeg' holds up to 8 bits, not 12: use .*png"),
        ({"codec": "gif"}, "no codec 'gif'"),
        ({"bits": 17}, "use 1 to 16"),
        ({"model_id": b"123"}, "model id"),
        ({"image_size": (0, 5)}, "sizes"),
    ],
)
def test_wrong_arguments_are_refused(features, arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        compress(features, **arguments)


def test_features_that_are_not_finite_are_refused(features):
    features[0, 0, :3] = [np.nan, np.inf, -np.inf]
    with pytest.raises(InvalidInputError, match="3 of 480 features are NaN or infinite"):
        compress(features)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codec_id": 99}, "codec 99 is not known"),
        ({"codec_id": 2, "setting": 0}, "no setting 0"),
        ({"codec_id": 2, "setting": 95, "bits": 12}, "cannot hold 12 bits"),
        ({"tables_id": b"\0\0\0\1"}, "no tables 00000001"),
        ({"payload": b""}, "no PNG"),
        ({"shape": (6, 10, 8)}, "not a grey image"),
    ],
)
def test_stream_that_does_not_hold_together_is_refused(features, change, message):
    stream = unpack(compress(features, "png"))
    with pytest.raises(BitstreamError, match=message):
        decompress(pack(replace(stream, **change)))


def test_limits_are_checked(features):
    with pytest.raises(BitstreamError, match="480 elements, allowed 479"):
        decompress(compress(features), Limits(elements=479))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data):
    with pytest.raises(BitstreamError):
        decompress(data)


@pytest.mark.parametrize("codec", ["png", "jpeg"])
def test_every_flipped_bit_and_every_truncation_is_refused(codec):
    small = np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 3, 4)
    data = compress(small, codec)
    for position in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(BitstreamError):
            decompress(bytes(damaged))
    for length in range(len(data)):
        with pytest.raises(BitstreamError):
            decompress(data[:length])


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("codec", ["png", "jpeg"])
def test_flipped_bit_under_a_right_checksum_gives_the_declared_shape_or_is_refused(
    codec, per_channel
):
    small = np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 3, 4)
    body = compress(small, codec, per_channel=per_channel)[:-4]
    decoded = 0
    for position in range(8 * len(body)):
        damaged = bytearray(body)
        damaged[position // 8] ^= 1 << position % 8
        data = bytes(damaged) + struct.pack("<I", zlib.crc32(damaged))
        try:
            result = decompress(data)
        except BitstreamError:
            continue
        decoded += 1
        assert result.features.shape == unpack(data).shape
        assert np.all(np.isfinite(result.features))
        assert np.all(result.quantized.values < 2**result.quantized.bits)
    # The range and the ids may change freely, so many a flip is a valid stream.
    assert decoded > 64


def test_cloud_that_knows_its_network_takes_little_memory_for_a_lie():
    # A header that declares the most elements, around a payload of nothing.
    small = np.zeros((1, 1, 1), np.float32)
    stream = replace(unpack(compress(small)), shape=(512, 256, 256))
    with pytest.raises(BitstreamError, match="not a grey image"):
        decompress(pack(stream))


@pytest.fixture(scope="module")
def tables():
    """Of three channels of noise."""
    rng = np.random.default_rng(0)
    made = rng.random((20, 3, 4, 6), np.float32)
    return fit_tables([quantize(one) for one in made], generations=2)


@pytest.mark.parametrize("codec", ["cofeat", "cofeat-lossy:6"])
def test_stream_names_the_tables_that_it_needs(tables, codec):
    features = np.random.default_rng(1).random((3, 4, 6), np.float32)
    stream = compress(features, codec, tables=tables)
    assert unpack(stream).tables_id == tables.id
    with_, without = decompress(stream, tables=tables), decompress(compress(features, codec))
    np.testing.assert_array_equal(with_.quantized.values, without.quantized.values)
    with pytest.raises(BitstreamError, match="none are at hand: give the model"):
        decompress(stream)
    others = fit_tables([quantize(features)], generations=1)
    with pytest.raises(BitstreamError, match=f"{others.id.hex()} are at hand"):
        decompress(stream, tables=others)


def test_codec_without_tables_leaves_them_out(tables):
    features = np.random.default_rng(1).random((3, 4, 6), np.float32)
    assert compress(features, "png", tables=tables) == compress(features, "png")
    stream = unpack(compress(features, "png"))
    with pytest.raises(BitstreamError, match="codec png has no tables"):
        decompress(pack(replace(stream, tables_id=tables.id)), tables=tables)


def test_tables_of_another_model_are_refused(tables):
    features = np.random.default_rng(1).random((5, 4, 6), np.float32)
    with pytest.raises(InvalidInputError, match="of 3 channels, and the features have 5"):
        compress(features, "cofeat", tables=tables)
    stream = unpack(compress(features, "cofeat"))
    with pytest.raises(BitstreamError, match="of 3 channels, and the bitstream has 5"):
        decompress(pack(replace(stream, tables_id=tables.id)), tables=tables)
