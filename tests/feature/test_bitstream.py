from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.bitstream import OVERHEAD_BYTES, Bitstream, Limits, pack, unpack
from cofeat.feature.quantizer import FeatureRange

FLOATS = st.floats(-(2.0**126), 2.0**126, width=32)


def range_of(*pairs: tuple[float, float]) -> FeatureRange:
    low, high = np.array(pairs, np.float32).T
    return FeatureRange(low.copy(), high.copy())


def one_range(low: float = -1.5, high: float = 2.0) -> FeatureRange:
    return FeatureRange(np.array(low, np.float32), np.array(high, np.float32))


STREAM = Bitstream(
    codec_id=1,
    setting=9,
    bits=8,
    shape=(3, 4, 5),
    range=one_range(),
    payload=b"payload",
    image_size=(256, 512),
    model_id=b"01234567",
    tables_id=b"abcd",
)


@st.composite
def streams(draw):
    shape = draw(st.tuples(*[st.integers(1, 40)] * 3))
    pairs = st.tuples(FLOATS, FLOATS).map(sorted)
    if draw(st.booleans()):
        range_ = range_of(*[draw(pairs) for _ in range(shape[0])])
    else:
        range_ = one_range(*draw(pairs))
    side = st.integers(1, 65535)
    return Bitstream(
        codec_id=draw(st.integers(1, 255)),
        setting=draw(st.integers(0, 255)),
        bits=draw(st.integers(1, 16)),
        shape=shape,
        range=range_,
        payload=draw(st.binary(max_size=50)),
        image_size=draw(st.none() | st.tuples(side, side)),
        model_id=draw(st.binary(min_size=8, max_size=8)),
        tables_id=draw(st.binary(min_size=4, max_size=4)),
    )


def with_crc(body: bytes) -> bytes:
    return body + struct.pack("<I", zlib.crc32(body))


def test_layout_written_by_hand():
    assert pack(STREAM) == with_crc(
        b"CFT\x01"
        b"\x00\x08\x01\x09"
        b"\x03\x00\x04\x00\x05\x00"
        b"\x00\x01\x00\x02"
        b"01234567"
        b"abcd"
        b"\x00\x00\xc0\xbf\x00\x00\x00\x40"  # -1.5, 2.0
        b"\x07\x00\x00\x00payload"
    )


def test_layout_per_channel_written_by_hand():
    stream = replace(
        STREAM,
        range=range_of((0, 1), (0, 2), (-1.5, 1)),
        image_size=None,
        model_id=bytes(8),
        tables_id=bytes(4),
        payload=b"",
    )
    assert pack(stream) == with_crc(
        b"CFT\x01\x01\x08\x01\x09\x03\x00\x04\x00\x05\x00" + bytes(4 + 8 + 4) +
        b"\x00\x00\x00\x00\x00\x00\x80\x3f"
        b"\x00\x00\x00\x00\x00\x00\x00\x40"
        b"\x00\x00\xc0\xbf\x00\x00\x80\x3f"
        b"\x00\x00\x00\x00"
    )  # fmt: skip


def test_bytes_beside_the_payload():
    assert len(pack(STREAM)) - len(STREAM.payload) == OVERHEAD_BYTES == 46


@given(streams())
def test_unpack_inverts_pack(stream):
    data = pack(stream)
    restored = unpack(data)
    for name in ("codec_id", "setting", "bits", "shape", "payload", "image_size"):
        assert getattr(restored, name) == getattr(stream, name)
    assert (restored.model_id, restored.tables_id) == (stream.model_id, stream.tables_id)
    assert restored.range.per_channel == stream.range.per_channel
    assert restored.range.minimum.tobytes() == stream.range.minimum.tobytes()
    assert restored.range.maximum.tobytes() == stream.range.maximum.tobytes()
    assert pack(restored) == data


@pytest.mark.parametrize("view", [bytearray, memoryview])
def test_other_kinds_of_bytes_are_read(view):
    assert unpack(view(pack(STREAM))).payload == b"payload"


@given(st.binary(max_size=120))
def test_any_bytes_are_refused(data):
    with pytest.raises(BitstreamError):
        unpack(data)


def test_every_truncation_is_refused():
    data = pack(STREAM)
    for length in range(len(data)):
        with pytest.raises(BitstreamError):
            unpack(data[:length])


def test_trailing_bytes_are_refused():
    with pytest.raises(BitstreamError, match="has 54 bytes and declares 53"):
        unpack(pack(STREAM) + b"x")


def test_every_flipped_bit_is_refused():
    data = pack(replace(STREAM, range=range_of((0, 1), (0, 2), (0, 3))))
    for position in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(BitstreamError):
            unpack(bytes(damaged))


@pytest.mark.parametrize(
    ("offset", "new", "message"),
    [
        (0, b"PNG", "no cofeat bitstream"),
        (3, b"\x02", "version 2: this reader knows version 1"),
        (4, b"\x02", "flags 0x02"),
        (4, b"\x01", "too few for 3 ranges"),
        (5, b"\x00", "0 bits, allowed 1 to 16"),
        (5, b"\x11", "17 bits"),
        (6, b"\x00", "codec id 0"),
        (8, b"\x00\x00", "sizes"),
        (12, b"\x00\x00", "sizes"),
        (14, b"\x00\x00", "sizes"),  # an image of 0 x 512
        (8, b"\x01\x10", "4097 channels, allowed 4096"),
        (8, b"\x00\x10\xff\xff\xff\xff", "elements, allowed 33554432"),
        (30, b"\x00\x00\xc0\x7f", "finite"),  # NaN
        (34, b"\x00\x00\x80\x7f", "finite"),  # infinity
        (34, b"\x00\x00\x00\xc0", "minimum <= maximum"),  # -2.0
        (38, b"\xff\xff\xff\xff", "declares"),
    ],
)
def test_wrong_field_with_a_right_checksum_is_refused(offset, new, message):
    body = bytearray(pack(STREAM)[:-4])
    body[offset : offset + len(new)] = new
    with pytest.raises(BitstreamError, match=message):
        unpack(with_crc(bytes(body)))


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(channels=2), "3 channels, allowed 2"),
        (Limits(elements=59), "60 elements, allowed 59"),
        (Limits(payload_bytes=6), "payload of 7 bytes, allowed 6"),
    ],
)
def test_limits_hold_in_both_directions(limits, message):
    data = pack(STREAM)
    assert unpack(data, Limits(channels=3, elements=60, payload_bytes=7)).shape == (3, 4, 5)
    with pytest.raises(BitstreamError, match=message):
        unpack(data, limits)
    with pytest.raises(InvalidInputError, match=message):
        pack(STREAM, limits)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bits": 0}, "0 bits"),
        ({"codec_id": 256}, "codec id 256"),
        ({"setting": -1}, "setting -1"),
        ({"shape": (3, 0, 5)}, "sizes"),
        ({"image_size": (70000, 5)}, "sizes"),
        ({"range": range_of((0, 1), (0, 2))}, "2 ranges for 3 channels"),
        ({"model_id": b"short"}, "model id"),
        ({"tables_id": b"too long"}, "tables id"),
    ],
)
def test_wrong_fields_are_not_written(change, message):
    with pytest.raises(InvalidInputError, match=message):
        pack(replace(STREAM, **change))
