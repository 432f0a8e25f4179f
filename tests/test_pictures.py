from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.image import read_image
from cofeat.pictures import FORMATS, decode_picture, encode_picture, parse_picture_spec

LOSSY = ("jpeg", "webp", "avif")


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[100:164, 150:278])


def psnr_db(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2)))


@pytest.mark.parametrize("name", FORMATS)
def test_picture_comes_back_near(name, photograph):
    decoded = decode_picture(encode_picture(photograph, name))
    assert decoded.dtype == np.uint8
    assert decoded.shape == photograph.shape
    assert psnr_db(decoded, photograph) > 28 if name in LOSSY else (decoded == photograph).all()


@pytest.mark.parametrize("name", LOSSY)
def test_higher_quality_is_larger_and_better(name, photograph):
    files = [encode_picture(photograph, f"{name}:{quality}") for quality in (20, 55, 90)]
    psnrs = [psnr_db(decode_picture(file), photograph) for file in files]
    assert len(files[0]) < len(files[1]) < len(files[2])
    assert psnrs[0] < psnrs[1] < psnrs[2]


@pytest.mark.parametrize("name", LOSSY)
def test_pillows_own_choice_is_no_better(name, photograph):
    """For the PSNR that Pillow's defaults reach, ours take fewer bytes on average."""
    ours = []
    for quality in (10, 25, 40, 55, 70, 85, 95):
        file = encode_picture(photograph, f"{name}:{quality}")
        ours.append((psnr_db(decode_picture(file), photograph), np.log(len(file))))
    log_ratios = []
    for quality in (20, 40, 60, 80):
        default = io.BytesIO()
        Image.fromarray(photograph).save(default, name, quality=quality)
        psnr = psnr_db(np.asarray(Image.open(default).convert("RGB")), photograph)
        assert ours[0][0] < psnr < ours[-1][0]
        log_ratios.append(
            np.interp(psnr, *zip(*ours, strict=True)) - np.log(default.getbuffer().nbytes)
        )
    assert np.mean(log_ratios) < 0


def test_no_byte_goes_to_metadata(photograph):
    assert b"JFIF" in encode_picture(photograph, "jpeg")[:12]  # JPEG's mandatory mark, no more
    for name in FORMATS:
        file = encode_picture(photograph, name)
        with Image.open(io.BytesIO(file)) as picture:
            assert not {"exif", "icc_profile", "xmp", "comment", "dpi"} & {
                key for key, value in picture.info.items() if value
            }


@pytest.mark.parametrize(
    ("text", "name", "setting"),
    [("webp:75", "webp", 75), ("png", "png", 9), ("AVIF:0", "avif", 0), ("jpeg", "jpeg", 85)],
)
def test_specs(text, name, setting):
    assert (parse_picture_spec(text)[0].name, parse_picture_spec(text)[1]) == (name, setting)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web:75", "no picture format 'web': use one of jpeg, webp, avif, png.*'webp'"),
        ("jpeg:0", "the setting of jpeg is 1 to 100"),
        ("webp:101", "the setting of webp is 0 to 100"),
        ("webp:", "such as webp:75"),
        ("webp 75", "such as webp:75"),
    ],
)
def test_wrong_specs_are_refused(text, message):
    with pytest.raises(InvalidInputError, match=message):
        parse_picture_spec(text)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(InvalidInputError, match="give uint8"):
        encode_picture(image, "png")


def test_image_that_the_format_cannot_hold_is_refused():
    with pytest.raises(InvalidInputError, match="70000x1 cannot be written as jpeg"):
        encode_picture(np.zeros((1, 70000, 3), np.uint8), "jpeg")


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_are_refused(content):
    with pytest.raises(BitstreamError):
        decode_picture(content)


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_picture_decodes_or_is_refused(name):
    file = encode_picture(np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3), name)
    contents = [file[:length] for length in range(0, len(file), 3)]
    for position in range(0, 8 * len(file), 5):
        damaged = bytearray(file)
        damaged[position // 8] ^= 1 << position % 8
        contents.append(bytes(damaged))
    for content in contents:
        try:
            decoded = decode_picture(content)
        except BitstreamError:
            continue
        assert decoded.ndim == 3
        assert decoded.shape[2] == 3


def test_a_picture_is_turned_upright(photograph):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.fromarray(photograph).save(file, "PNG", exif=exif)
    np.testing.assert_array_equal(decode_picture(file.getvalue()), np.rot90(photograph, -1))


def test_what_read_image_refuses_is_refused_here_too(photograph):
    grey = Image.fromarray(photograph).convert("L")
    deep, wide = io.BytesIO(), io.BytesIO()
    Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(deep, "PNG")
    Image.new("L", (32769, 1)).save(wide, "PNG")
    for file, message in ((deep, "more than 8 bits"), (wide, "32769x1: a side is at most 32768")):
        with pytest.raises(BitstreamError, match=message):
            decode_picture(file.getvalue())
        with pytest.raises(InvalidInputError):
            read_image(file.getvalue())


def test_more_scans_than_any_encoder_writes_are_refused(photograph):
    file = io.BytesIO()
    Image.fromarray(photograph).save(file, "JPEG", progressive=True)
    usual = file.getvalue()
    assert 1 < usual.count(b"\xff\xda") < 20
    decode_picture(usual)
    # An empty refinement of one component: a pass over the picture for a few bytes.
    last = usual.rindex(b"\xff\xda")
    length = int.from_bytes(usual[last + 2 : last + 4], "big")
    scan = usual[last : last + 2 + length]
    with pytest.raises(BitstreamError, match="more than 64 scans"):
        decode_picture(usual[:-2] + 80 * scan + usual[-2:])


def test_declared_giant_is_refused():
    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    giant = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")
    with pytest.raises(BitstreamError, match="60000x60000 has more than"):
        decode_picture(giant + chunk(b"IEND", b""))
