from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs import jpegxl
from cofeat.feature.codecs.jpegxl import JPEGXL


def codestream(pixels: np.ndarray, **options) -> bytes:
    options = {"lossless": True, "effort": 3, "numthreads": 1, "usecontainer": False} | options
    return bytes(imagecodecs.jpegxl_encode(pixels, **options))


GREY = np.arange(8 * 16, dtype=np.uint8).reshape(8, 16)
DEEP = (GREY.astype(np.uint16) + 1) * 200


@pytest.mark.parametrize("bits", [1, 4, 8, 9, 12, 16])
def test_payload_is_a_codestream_of_the_mosaic(bits, wave, mosaic_by_loops):
    values = wave((5, 9, 7), bits)
    payload = JPEGXL.encode(values, bits, 7)
    assert payload.startswith(b"\xff\x0a")
    np.testing.assert_array_equal(imagecodecs.jpegxl_decode(payload), mosaic_by_loops(values))


@pytest.mark.parametrize(
    "size",
    [
        (1, 1),
        (8, 8),
        (8, 9),  # 12:10 of 8, rounded down
        (24, 32),
        (10, 15),
        (9, 16),
        (16, 20),
        (40, 80),
        (256, 64),
        (264, 7),
        (1, 1000),
        (513, 3),
        (2, 9000),
        (3, 70000),
    ],
)
def test_sizes_are_read_in_every_form_that_libjxl_writes(size):
    values = np.zeros((1, *size), np.uint8)
    for effort in (1, 3):
        payload = JPEGXL.encode(values, 8, effort)
        assert not JPEGXL.decode(payload, values.shape, 8, effort).any()
        with pytest.raises(BitstreamError, match=f"is {size[1]}x{size[0]} and not"):
            JPEGXL.decode(payload, (1, size[0] + 1, size[1]), 8, effort)


def flipped(payload: bytes, position: int) -> bytes:
    harmed = bytearray(payload)
    harmed[position // 8] ^= 1 << position % 8
    return bytes(harmed)


def test_every_flipped_bit_of_the_headers_but_few_is_refused_before_decoding(unreached):
    payload = codestream(GREY)
    unreached(jpegxl, "require")
    # Signature, size (12 bits), metadata (27 bits, to a whole byte), frame header (26 bits).
    size_end = 16 + 1 + 5 + 3
    image_end = size_end + 27
    frame_start = -(-image_end // 8) * 8
    # May be as it likes: buffers of 16 bits, the transfer function, the size of groups.
    free = {size_end + 5, *range(size_end + 18, size_end + 22), frame_start + 9, frame_start + 10}
    for position in range(frame_start + 26):
        if position not in free:
            with pytest.raises(BitstreamError):
                JPEGXL.decode(flipped(payload, position), (1, 8, 16), 8, 7)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "no JPEG XL codestream"),
        (b"\xff\x0a", "cut off"),
        (codestream(GREY)[:8], "cut off"),
        (codestream(GREY, usecontainer=True), "no JPEG XL codestream"),
        (codestream(DEEP.T.copy()), "no JPEG XL codestream"),
        (codestream(GREY.T.copy()), "is 8x16 and not 16x8"),
        (codestream(DEEP >> 8 | 1, bitspersample=12), "not one plain grey frame of 8 bits"),
        (codestream(np.dstack([GREY] * 3)), "not one plain grey frame"),
        (codestream(np.dstack([GREY] * 2)), "not one plain grey frame"),
        (codestream(GREY, lossless=False, distance=1.0), "not one plain grey frame"),
        (codestream(GREY, bitspersample=7), "not one plain grey frame"),
    ],
)
def test_other_codestreams_do_not_reach_the_decoder(payload, message, unreached):
    unreached(jpegxl, "require")
    with pytest.raises(BitstreamError, match=message):
        JPEGXL.decode(payload, (1, 8, 16), 8, 7)


def test_depths_are_not_mixed_up():
    payload = JPEGXL.encode(DEEP[None], 16, 7)
    with pytest.raises(BitstreamError, match="of 8 bits"):
        JPEGXL.decode(payload, (1, 8, 16), 8, 7)
    with pytest.raises(BitstreamError, match=f"a value of {DEEP.max()} in 12 bits"):
        JPEGXL.decode(payload, (1, 8, 16), 12, 7)


def test_bomb_is_refused_before_it_is_decoded(unreached):
    bomb = codestream(np.zeros((8000, 8000), np.uint8), effort=1)
    assert len(bomb) < 60_000
    unreached(jpegxl, "require")
    with pytest.raises(BitstreamError, match="8000x8000 and not 16x16"):
        JPEGXL.decode(bomb, (4, 8, 8), 8, 7)


def test_mosaic_that_jpegxl_cannot_hold_is_refused(unreached):
    unreached(jpegxl, "require")
    with pytest.raises(InvalidInputError, match="262145x1 pixels"):
        JPEGXL.encode(np.zeros((1, 1, (1 << 18) + 1), np.uint8), 8, 7)
