"""AVIF and what it shares with AV1: the verified still picture."""

from __future__ import annotations

import io

import av
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs import avif
from cofeat.feature.codecs.av1_still import read_still
from cofeat.feature.codecs.avif import AVIF

# Sequence headers written by hand, as strings of bits (AV1 specification, 5.5).
PLAIN = {
    "profile": "000",
    "still": "1",
    "reduced": "1",
    "level": "00000",
    "width bits - 1": "0100",
    "height bits - 1": "0011",
    "width - 1": "01111",  # 16
    "height - 1": "0111",  # 8
    "superblock, intra tools": "000",
    "superres": "0",
    "cdef, restoration": "00",
    "high depth": "0",
    "grey": "1",
    "described": "0",
    "full range": "1",
    "grain": "0",
    "end": "1",
}
COLORS = "00000001" + "00001101" + "00000110"


def sequence(**changes) -> bytes:
    fields = PLAIN | {name.replace("_", " "): bits for name, bits in changes.items()}
    bits = "".join(fields.values())
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def obus(header: bytes, frame: bytes = b"frame", tail: bytes = b"") -> bytes:
    return b"\x0a" + bytes([len(header)]) + header + b"\x32" + bytes([len(frame)]) + frame + tail


def picture_of(pixels: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "AVIF", **options)
    return file.getvalue()


GREY = np.arange(8 * 16, dtype=np.uint8).reshape(8, 16)


def test_hand_made_header_is_read():
    still = read_still(obus(sequence()), (8, 16), 8, grey=True)
    assert (still.size, still.depth, still.grey, still.level) == ((8, 16), 8, True, 0)
    described = obus(sequence(described="1" + COLORS, level="01011"))
    assert read_still(described, (8, 16), 8, grey=True).level == 11
    colored = obus(sequence(grey="0", full_range="1" + "00" + "0", high_depth="1"))
    assert read_still(colored, (8, 16), 10, grey=False).depth == 10


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "not a sequence header and a frame"),
        (b"\x12\x00" + obus(sequence()), "not a sequence header and a frame"),
        (obus(sequence())[: 2 + len(sequence())], "not a sequence header and a frame"),
        (b"\x0a\xff\xff\xff\xff\xff\xff", "cut off"),
        (obus(sequence())[:-1], "cut off"),
        (obus(sequence(), tail=b"\0"), "goes on"),
        (obus(sequence(), tail=obus(sequence())), "goes on"),
        (obus(b""), "cut off"),
        (obus(sequence()[:4]), "cut off"),
        (obus(bytes(17)), "sequence header of 17 bytes"),
        (obus(sequence(profile="001")), "no still picture of profile 0"),
        (obus(sequence(still="0")), "no still picture"),
        (obus(sequence(reduced="0")), "no still picture"),
        (obus(sequence(superres="1")), "scaled"),
        (obus(sequence(grain="1")), "grainy"),
        (obus(sequence(full_range="0")), "not of full range"),
        (obus(sequence(**{"height_-_1": "0110"})), "16x7 of 8 bits, not 16x8 of 8"),
        (obus(sequence(**{"width_bits_-_1": "1111", "width_-_1": "1" * 16})), "65536x8"),
        (obus(sequence(high_depth="1")), "of 10 bits"),
        (obus(sequence(grey="0", full_range="1" + "000")), "chroma where it must not"),
    ],
)
def test_other_data_do_not_reach_the_decoder(payload, message, unreached):
    unreached(avif, "decode_grey")
    with pytest.raises(BitstreamError, match=message):
        AVIF.decode(payload, (1, 8, 16), 8, 80)


def test_payload_is_av1_to_another_decoder(wave, mosaic_by_loops):
    values = wave((5, 9, 7), 8)
    payload = AVIF.encode(values, 8, 100)
    # FFmpeg's parser of AV1 wants a temporal delimiter before.
    context = av.CodecContext.create("libdav1d", "r")
    (frame,) = [*context.decode(av.Packet(b"\x12\0" + payload)), *context.decode(None)]
    plane = frame.planes[0]
    pixels = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    np.testing.assert_array_equal(pixels[:, : frame.width], mosaic_by_loops(values))


def test_rebuilt_file_is_one_to_another_decoder(wave, mosaic_by_loops):
    values = wave((4, 8, 8), 8)
    payload = AVIF.encode(values, 8, 60)
    file = avif._file_of(payload, read_still(payload, (16, 16), 8, grey=True))
    pixels = imagecodecs.avif_decode(file)
    pixels = pixels if pixels.ndim == 2 else pixels[:, :, 0]
    np.testing.assert_array_equal(pixels, mosaic_by_loops(AVIF.decode(payload, (4, 8, 8), 8, 0)))


def test_payload_is_shorter_than_the_file_by_its_boxes():
    options = {"quality": 70, "speed": 4, "subsampling": "4:0:0", "max_threads": 1}
    file = picture_of(GREY, autotiling=False, advanced={"tune": "psnr"}, **options)
    payload = AVIF.encode(GREY[None], 8, 70)
    assert file.endswith(payload)
    assert len(file) - len(payload) == 269 + 2  # and the temporal delimiter


def test_best_quality_is_lossless(wave):
    values = wave((4, 16, 16), 8)
    payload = AVIF.encode(values, 8, 100)
    np.testing.assert_array_equal(AVIF.decode(payload, values.shape, 8, 100), values)


def test_lower_quality_is_smaller_and_worse(wave):
    values = wave((4, 16, 16), 8)
    payloads = [AVIF.encode(values, 8, quality) for quality in (95, 60, 20)]
    errors = [
        np.abs(AVIF.decode(p, values.shape, 8, 0).astype(int) - values).mean() for p in payloads
    ]
    assert len(payloads[0]) > len(payloads[1]) > len(payloads[2])
    assert errors[0] < errors[1] < errors[2]


def test_bomb_is_refused_before_it_is_decoded(unreached):
    white = np.full((4000, 4000), 255, np.uint8)
    file = picture_of(white, quality=50, speed=10, subsampling="4:0:0", autotiling=False)
    assert len(file) < 20_000
    unreached(avif, "decode_grey")
    with pytest.raises(BitstreamError, match="4000x4000 of 8 bits, not 16x16"):
        AVIF.decode(file[file.index(b"mdat") + 6 :], (4, 8, 8), 8, 80)


def test_mosaic_that_avif_cannot_hold_is_refused():
    with pytest.raises(InvalidInputError, match="32769x1 pixels"):
        AVIF.encode(np.zeros((1, 1, 32769), np.uint8), 8, 80)
    with pytest.raises(BitstreamError, match="32769x1 pixels"):
        AVIF.decode(b"", (1, 1, 32769), 8, 80)
