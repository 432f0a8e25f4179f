"""Images: sizes, reading, resizing, normalizing."""

import io

import numpy as np
import pytest
from PIL import Image

from cofeat import image as im
from cofeat.errors import InvalidInputError


@pytest.mark.parametrize(
    ("text", "size"), [("512x256", (256, 512)), (" 1X1 ", (1, 1)), ("32768x2", (2, 32768))]
)
def test_a_size_is_width_by_height_outside_and_height_by_width_inside(text, size):
    assert im.parse_size(text) == size
    assert im.parse_size(im.format_size(size)) == size


@pytest.mark.parametrize("text", ["", "512", "512*256", "512x", "-4x4", "4.5x4", "1x2x3", "axb"])
def test_another_form_is_refused(text):
    with pytest.raises(InvalidInputError, match="WIDTHxHEIGHT"):
        im.parse_size(text)


@pytest.mark.parametrize("text", ["0x4", "4x0", "32769x4", "4x999999"])
def test_a_size_out_of_range_is_refused(text):
    with pytest.raises(InvalidInputError, match="each side is 1 to 32768"):
        im.parse_size(text)


def encoded(picture, form="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


PIXELS = np.random.default_rng(3).integers(0, 256, (4, 6, 3), dtype=np.uint8)


def test_an_image_is_read_from_a_path_and_from_bytes(tmp_path):
    data = encoded(Image.fromarray(PIXELS))
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    for source in (data, path, str(path)):
        read = im.read_image(source)
        np.testing.assert_array_equal(read, PIXELS)
        assert read.flags.writeable


def test_grey_palette_and_transparent_images_become_rgb():
    grey = Image.fromarray(PIXELS[:, :, 0])
    np.testing.assert_array_equal(im.read_image(encoded(grey)), PIXELS[:, :, :1].repeat(3, axis=2))
    few = Image.fromarray(PIXELS).quantize(8)
    np.testing.assert_array_equal(im.read_image(encoded(few)), np.asarray(few.convert("RGB")))
    clear = Image.fromarray(np.dstack([PIXELS, PIXELS[:, :, 0]]))
    np.testing.assert_array_equal(im.read_image(encoded(clear)), PIXELS)


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (np.array([[0, 4095]], np.uint16), "PNG"),
        (np.array([[0, 4095]], np.uint16), "TIFF"),
        (np.array([[0, 70000]], np.int32), "TIFF"),
        (np.array([[0.0, 0.5]], np.float32), "TIFF"),
    ],
)
def test_a_grey_picture_of_more_than_8_bits_is_refused_and_not_cut_off(values, form):
    with pytest.raises(InvalidInputError, match=r"of more than 8 bits a pixel .*: scale it to 8"):
        im.read_image(encoded(Image.fromarray(values), form))


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda stored: stored),
        (2, lambda stored: stored[:, ::-1]),
        (3, lambda stored: stored[::-1, ::-1]),
        (6, lambda stored: np.rot90(stored, -1)),
        (8, lambda stored: np.rot90(stored)),
    ],
)
def test_a_photograph_is_turned_upright(orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = im.read_image(encoded(Image.fromarray(PIXELS), exif=exif))
    np.testing.assert_array_equal(read, upright(PIXELS))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match=r"there is no file '.*nothing\.png'"):
        im.read_image(tmp_path / "nothing.png")


def test_a_folder_is_no_image(tmp_path):
    with pytest.raises(InvalidInputError, match="cannot be read as an image"):
        im.read_image(tmp_path)


WHOLE = encoded(Image.fromarray(PIXELS))


@pytest.mark.parametrize(
    "data", [b"", b"text", WHOLE[:20], WHOLE[:-40], WHOLE[:50] + b"\0" * 30], ids=len
)
def test_bytes_that_are_no_image_are_refused(data):
    with pytest.raises(InvalidInputError, match=f"^{len(data)} bytes cannot be read"):
        im.read_image(data)


# Pillow warns of what it skips in a damaged TIFF, and of any claim to be very large.
@pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("form", im.FORMATS)
def test_damaged_bytes_raise_our_error_or_none(form):
    data = encoded(Image.fromarray(PIXELS), form)
    random = np.random.default_rng(11)
    refused = 0
    for _ in range(150):
        damaged = bytearray(data)
        for position in random.integers(0, len(data), 3):
            damaged[position] = random.integers(0, 256)
        try:
            im.read_image(bytes(damaged))
        except InvalidInputError:
            refused += 1
    assert refused > 0


def test_a_format_that_runs_a_program_is_not_read():
    with pytest.raises(InvalidInputError, match="it is none of PNG, JPEG"):
        im.read_image(encoded(Image.fromarray(PIXELS), "EPS"))


def test_a_side_beyond_the_limit_is_refused_before_memory_is_taken():
    data = encoded(Image.new("L", (im.MAX_SIDE_PX + 1, 1)))
    with pytest.raises(InvalidInputError, match="is 32769x1: a side is at most 32768"):
        im.read_image(data)


def test_resizing_antialiases():
    # A checkerboard of single pixels must become grey, not stripes of what was hit.
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    resized = im.resize_image(np.dstack([board] * 3), (8, 8))
    assert resized.shape == (8, 8, 3)
    assert np.abs(resized.astype(int) - 127).max() <= 12


def test_resizing_keeps_the_place_of_things():
    # A ramp stays the ramp at the new pixels' centres: no shift by half a pixel.
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, :, None] * 4, (64, 64, 3)).copy()
    resized = im.resize_image(ramp, (32, 16))
    centres = (np.arange(16) + 0.5) * 4 - 0.5
    np.testing.assert_allclose(resized[16, 2:-2, 0], 4 * centres[2:-2], atol=1)


def test_the_same_size_is_the_same_image():
    np.testing.assert_array_equal(im.resize_image(PIXELS, (4, 6)), PIXELS)


def test_normalizing_worked_by_hand():
    image = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    normalized = im.normalize(image)
    assert normalized.shape == (3, 1, 2)
    assert normalized.dtype == np.float32
    black, white = normalized[:, 0, 0], normalized[:, 0, 1]
    # ImageNet's red: (0 - 0.485) / 0.229 and (1 - 0.485) / 0.229, and so on.
    np.testing.assert_allclose(black, [-2.117904, -2.035714, -1.804444], rtol=1e-6)
    np.testing.assert_allclose(white, [2.248908, 2.428571, 2.64], rtol=1e-6)


def test_normalizing_is_the_formula_for_every_value():
    values = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    mean, std = (0.1, 0.5, 0.9), (0.2, 0.3, 0.4)
    expected = (values / 255.0 - mean) / std
    normalized = im.normalize(values, mean, std)
    np.testing.assert_allclose(normalized.transpose(1, 2, 0), expected, atol=1e-6)
