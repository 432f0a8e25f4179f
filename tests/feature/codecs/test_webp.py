from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs import riff
from cofeat.feature.codecs.webp import WEBP
from cofeat.feature.codecs.webp_lossless import WEBP_LOSSLESS


def file_of(kind: bytes, payload: bytes) -> bytes:
    """The file that docs/bitstream.md describes."""
    chunk = kind + struct.pack("<I", len(payload)) + payload + bytes(len(payload) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def frame_of(pixels: np.ndarray, **options) -> bytes:
    """The frame in the file that Pillow writes of an image."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", **options)
    data = file.getvalue()
    return data[20 : 20 + struct.unpack_from("<I", data, 16)[0]]


GREY = np.arange(8 * 16, dtype=np.uint8).reshape(8, 16)


@pytest.mark.parametrize("bits", range(1, 9))
def test_lossless_payload_in_a_file_is_the_mosaic_to_another_decoder(bits, wave, mosaic_by_loops):
    values = wave((5, 7, 6), bits)
    payload = WEBP_LOSSLESS.encode(values, bits, 9)
    pixels = imagecodecs.webp_decode(file_of(b"VP8L", payload))
    np.testing.assert_array_equal(pixels[:, :, 1], mosaic_by_loops(values))


def test_lossy_payload_in_a_file_is_near_the_mosaic(wave, mosaic_by_loops):
    values = wave((4, 16, 16), 8)
    payload = WEBP.encode(values, 8, 100)
    pixels = imagecodecs.webp_decode(file_of(b"VP8 ", payload))[:, :, 1]
    assert np.abs(pixels.astype(int) - mosaic_by_loops(values)).max() <= 4
    decoded = WEBP.decode(payload, values.shape, 8, 100)
    np.testing.assert_array_equal(mosaic_by_loops(decoded), pixels)


def test_shallow_symbols_take_no_byte_each():
    values = np.random.default_rng(0).integers(0, 2, (16, 16, 16)).astype(np.uint8)
    assert len(WEBP_LOSSLESS.encode(values, 1, 9)) < 4096 / 8 + 100


def test_lower_quality_is_smaller_and_worse(wave):
    values = wave((4, 32, 32), 8)
    payloads = [WEBP.encode(values, 8, quality) for quality in (95, 60, 10)]
    errors = [
        np.abs(WEBP.decode(p, values.shape, 8, 0).astype(int) - values).mean() for p in payloads
    ]
    assert len(payloads[0]) > len(payloads[1]) > len(payloads[2])
    assert errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("codec", [WEBP, WEBP_LOSSLESS])
def test_mosaic_that_webp_cannot_hold_is_refused(codec):
    with pytest.raises(InvalidInputError, match="16384x1 pixels: WebP holds sides up to 16383"):
        codec.encode(np.zeros((1, 1, 16384), np.uint8), 8, 9)
    # The 15th bit of a side stands where a decoder reads something else.
    for payload in (b"\0\0\0\x9d\x01\x2a\x00\x40\x01\x00", b"\x2f\x00\x40\x00\x00"):
        with pytest.raises(BitstreamError, match=r"frame of 16384x1|no key frame"):
            codec.decode(payload, (1, 1, 16384), 8, 9)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        frame_of(GREY),
        frame_of(GREY, lossless=True)[:3],
        frame_of(GREY.T.copy(), lossless=True),
        frame_of(np.dstack([GREY] * 4), lossless=True),  # has alpha
        bytes([0x2E]) + frame_of(GREY, lossless=True)[1:],
        file_of(b"VP8L", frame_of(GREY, lossless=True)),
    ],
)
def test_other_frames_do_not_reach_the_lossless_decoder(payload, unreached):
    unreached(riff, "decode_grey")
    with pytest.raises(BitstreamError, match="no lossless WebP frame of 16x8"):
        WEBP_LOSSLESS.decode(payload, (1, 8, 16), 8, 9)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        frame_of(GREY, lossless=True),
        frame_of(GREY)[:9],
        frame_of(GREY.T.copy()),
        frame_of(GREY)[:3] + b"\x9d\x01\x2b" + frame_of(GREY)[6:],
        bytes([frame_of(GREY)[0] | 1]) + frame_of(GREY)[1:],  # no key frame
        file_of(b"VP8 ", frame_of(GREY)),
        frame_of(GREY)[:7] + bytes([frame_of(GREY)[7] | 0x40]) + frame_of(GREY)[8:],  # scaled
    ],
)
def test_other_frames_do_not_reach_the_lossy_decoder(payload, unreached):
    unreached(riff, "decode_grey")
    with pytest.raises(BitstreamError, match=r"no WebP frame of 16x8|no key frame"):
        WEBP.decode(payload, (1, 8, 16), 8, 9)


def test_bomb_is_refused_before_it_is_decoded(unreached):
    unreached(riff, "decode_grey")
    white = np.full((8000, 8000), 255, np.uint8)
    lossless = frame_of(white, lossless=True, method=0)
    assert len(lossless) < 10_000
    with pytest.raises(BitstreamError, match="no lossless WebP frame"):
        WEBP_LOSSLESS.decode(lossless, (4, 8, 8), 8, 9)


def test_value_beyond_the_bits_is_refused():
    with pytest.raises(BitstreamError, match="value of 127 in 6 bits"):
        WEBP_LOSSLESS.decode(frame_of(GREY, lossless=True), (1, 8, 16), 6, 9)
    assert WEBP_LOSSLESS.decode(frame_of(GREY, lossless=True), (1, 8, 16), 7, 9).max() == 127
