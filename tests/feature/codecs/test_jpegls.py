from __future__ import annotations

import struct

import av
import imagecodecs
import numpy as np
import pytest

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs import jpegls
from cofeat.feature.codecs.jpegls import JPEGLS, JPEGLS_NEAR


def file_of(scan: bytes, height: int, width: int, depth: int, near: int) -> bytes:
    """The image that docs/bitstream.md describes, around a payload."""
    frame = struct.pack(">HBHHBBBB", 11, depth, height, width, 1, 1, 0x11, 0)
    return (
        b"\xff\xd8\xff\xf7" + frame + b"\xff\xda\x00\x08\x01\x01\x00" + bytes([near, 0, 0])
        + scan + b"\xff\xd9"
    )  # fmt: skip


def decoded_by_ffmpeg(file: bytes) -> np.ndarray:
    context = av.CodecContext.create("jpegls", "r")
    (frame,) = [*context.decode(av.Packet(file)), *context.decode(None)]
    dtype = {"gray": "u1", "gray16le": "<u2"}[frame.format.name]
    plane = np.frombuffer(frame.planes[0], dtype).reshape(frame.height, -1)
    return plane[:, : frame.width]


@pytest.mark.parametrize("bits", [1, 4, 8, 9, 12, 16])
def test_payload_in_a_file_is_the_mosaic_to_another_decoder(bits, wave, mosaic_by_loops):
    mosaic = mosaic_by_loops(wave((5, 9, 7), bits))
    payload = JPEGLS.encode(wave((5, 9, 7), bits), bits, 0)
    pixels = decoded_by_ffmpeg(file_of(payload, *mosaic.shape, 8 if bits <= 8 else 16, 0))
    np.testing.assert_array_equal(pixels, mosaic)


def test_markers_are_not_sent(wave, mosaic_by_loops):
    values = wave((4, 8, 8), 8)
    payload = JPEGLS.encode(values, 8, 0)
    assert b"\xff\xd8" not in payload
    file = imagecodecs.jpegls_encode(mosaic_by_loops(values))
    assert bytes(file).endswith(payload + b"\xff\xd9")


@pytest.mark.parametrize("bits", [2, 5, 8, 12])
@pytest.mark.parametrize("near", [1, 3, 20])
def test_no_integer_differs_by_more_than_near(bits, near, wave):
    values = wave((6, 12, 10), bits)
    payload = JPEGLS_NEAR.encode(values, bits, near)
    error = np.abs(JPEGLS_NEAR.decode(payload, values.shape, bits, near).astype(int) - values)
    # No more than half of the highest integer, which the standard allows.
    assert error.max() <= min(near, (2**bits - 1) // 2)
    assert error.max() > 0
    assert len(payload) < len(JPEGLS.encode(values, bits, 0))


def test_value_beyond_the_bits_is_refused_or_cut():
    payload = JPEGLS.encode(np.full((1, 4, 4), 9, np.uint8), 8, 0)
    with pytest.raises(BitstreamError, match="a value of 9 in 3 bits"):
        JPEGLS.decode(payload, (1, 4, 4), 3, 0)
    # NEAR may lead beyond the highest integer, where that is not a multiple of its step.
    near = JPEGLS_NEAR.encode(np.full((1, 4, 4), 9, np.uint8), 8, 2)
    assert JPEGLS_NEAR.decode(near, (1, 4, 4), 3, 2).max() == 7


@pytest.mark.parametrize("payload", [b"", b"\xff\xd9", b"\xff\xd8" * 20, b"\xff\xf7\0\x0b" * 9])
def test_other_payloads_are_refused(payload):
    with pytest.raises(BitstreamError, match="cannot be decoded"):
        JPEGLS.decode(payload, (1, 60, 60), 8, 0)


def test_image_of_another_kind_is_refused(monkeypatch):
    class Liar:
        @staticmethod
        def jpegls_decode(file):
            return np.zeros((2, 2, 3), np.uint8)

    monkeypatch.setattr(jpegls, "require", lambda package, codec: Liar)
    with pytest.raises(BitstreamError, match=r"uint8 .2, 2, 3."):
        JPEGLS.decode(b"", (1, 2, 2), 8, 0)


def test_mosaic_that_jpegls_cannot_hold_is_refused(monkeypatch, unreached):
    unreached(jpegls, "require")
    with pytest.raises(InvalidInputError, match=r"65536x1 pixels.*use png"):
        JPEGLS.encode(np.zeros((2, 1, 32768), np.uint8), 8, 0)
    with pytest.raises(BitstreamError, match="65536x1"):
        JPEGLS.decode(b"", (2, 1, 32768), 8, 0)
