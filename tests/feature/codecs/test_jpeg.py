from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs.jpeg import JPEG


def jpeg_of(size=(16, 8), mode="L", **options) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 3).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("bits", range(1, 9))
def test_shallow_integers_are_stretched_over_the_pixels(bits):
    top = 2**bits - 1
    for value in (0, 1, top // 2, top):
        payload = JPEG.encode(np.full((1, 8, 8), value, np.uint8), bits, 100)
        pixel = np.asarray(Image.open(io.BytesIO(payload)))[0, 0]
        # Round halves up, in exact arithmetic.
        assert pixel == int(Fraction(value * 255, top) + Fraction(1, 2))
        assert np.all(JPEG.decode(payload, (1, 8, 8), bits, 100) == value)


def test_lower_quality_is_smaller_and_worse():
    rng = np.random.default_rng(0)
    values = np.clip(rng.normal(100, 30, (4, 16, 16)), 0, 255).astype(np.uint8)
    payloads = [JPEG.encode(values, 8, quality) for quality in (95, 60, 20)]
    errors = [
        np.abs(JPEG.decode(p, values.shape, 8, 0).astype(int) - values).mean() for p in payloads
    ]
    assert len(payloads[0]) > len(payloads[1]) > len(payloads[2])
    assert errors[0] < errors[1] < errors[2]


def test_huffman_tables_are_the_pictures_own():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 40, (16, 8, 8)).astype(np.uint8)
    plain = io.BytesIO()
    mosaic = values.reshape(4, 4, 8, 8).transpose(0, 2, 1, 3).reshape(32, 32)
    Image.fromarray(mosaic).save(plain, "JPEG", quality=80)
    assert len(JPEG.encode(values, 8, 80)) < len(plain.getvalue())


def test_mosaic_that_jpeg_cannot_hold_is_refused():
    with pytest.raises(InvalidInputError, match="65500; use png"):
        JPEG.encode(np.zeros((1, 1, 65501), np.uint8), 8, 95)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "no whole JPEG"),
        (b"\xff\xd8\xff\xd9", "cut off"),
        (jpeg_of()[:-1], "no whole JPEG"),
        (jpeg_of() + b"x", "no whole JPEG"),
        (jpeg_of((8, 16)), "not a grey image of 16x8"),
        (jpeg_of((4000, 8)), "not a grey image of 16x8"),
        (jpeg_of(mode="RGB"), "not a grey image"),
        (jpeg_of(progressive=True), "segment that is not allowed"),
        (jpeg_of(comment=b"hello"), "segment that is not allowed"),
        (jpeg_of(exif=b"Exif\0\0broken"), "segment that is not allowed"),
    ],
)
def test_other_jpegs_are_refused(payload, message):
    with pytest.raises(BitstreamError, match=message):
        JPEG.decode(payload, (1, 8, 16), 8, 95)


def test_second_frame_is_refused():
    whole = jpeg_of()
    start = whole.index(b"\xff\xc0")
    frame = whole[start : start + 13]
    with pytest.raises(BitstreamError, match="2 frames"):
        JPEG.decode(whole[:start] + frame + whole[start:], (1, 8, 16), 8, 95)
