"""The picture itself as bytes: what "cloud only" sends instead of features.

This is the competitor, so every format is used as well as its encoder can in
reasonable time, and no byte goes to metadata. The choices rest on
``benchmarks/picture_settings.py``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, features
from PIL.AvifImagePlugin import AvifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from cofeat.errors import BitstreamError, InvalidInputError, MissingPackageError
from cofeat.image import MAX_SIDE_PX, UInt8Array, upright
from cofeat.registry import nearest

# Twice an 8K frame; a picture that declares more is refused before its pixels take memory.
MAX_PICTURE_PIXELS = 1 << 26

# Encoders make some ten. Each costs a pass over the whole picture, and may be of sixteen bytes.
_MAX_JPEG_SCANS = 64
_START_OF_SCAN = b"\xff\xda"

# From this quality on JPEG spends its bytes better on full than on halved chroma.
_JPEG_FULL_CHROMA_QUALITY = 50
# 2 saves about 5 % of the bytes and takes more than twice as long; 6, Pillow's own choice, costs
# about 8 % more bytes and takes a fifth of the time or less.
_AVIF_SPEED = 4
# The most thorough of WebP's methods.
_WEBP_METHOD = 6


def _save(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def _write_jpeg(image: Image.Image, quality: int) -> bytes:
    """Write the smaller of one scan and progressive scans: the latter lose on small pictures."""
    subsampling = "4:4:4" if quality >= _JPEG_FULL_CHROMA_QUALITY else "4:2:0"
    options = {"quality": quality, "subsampling": subsampling, "optimize": True}
    files = (_save(image, "JPEG", progressive=scans, **options) for scans in (False, True))
    return min(files, key=len)


def _write_webp(image: Image.Image, quality: int) -> bytes:
    return _save(image, "WEBP", quality=quality, method=_WEBP_METHOD)


def _write_avif(image: Image.Image, quality: int) -> bytes:
    """Write full chroma, which AVIF predicts from brightness and so has for almost nothing."""
    return _save(image, "AVIF", quality=quality, speed=_AVIF_SPEED, subsampling="4:4:4")


def _write_png(image: Image.Image, level: int) -> bytes:
    return _save(image, "PNG", compress_level=level)


@dataclass(frozen=True)
class PictureFormat:
    """A file format and how it is used.

    Args:
        name: what people write.
        settings: lowest, highest and default setting.
        write: (picture, setting) -> file.
        reader: Pillow's class that reads it. Unlike ``Image.open`` it leaves judging the size to
            us.
        signature: what a file begins with, a regular expression.
        feature: Pillow's name of what it must have been built with, or None.
    """

    name: str
    settings: tuple[int, int, int]
    write: Callable[[Image.Image, int], bytes]
    reader: type[ImageFile]
    signature: bytes
    feature: str | None = None


_ALL = (
    PictureFormat("jpeg", (1, 100, 85), _write_jpeg, JpegImageFile, rb"\xff\xd8\xff", "jpg"),
    PictureFormat("webp", (0, 100, 75), _write_webp, WebPImageFile, rb"RIFF....WEBP", "webp"),
    PictureFormat("avif", (0, 100, 60), _write_avif, AvifImageFile, rb"....ftypavi[fs]", "avif"),
    PictureFormat("png", (0, 9, 9), _write_png, PngImageFile, rb"\x89PNG\r\n\x1a\n"),
)
FORMATS = {entry.name: entry for entry in _ALL}


def parse_picture_spec(text: str) -> tuple[PictureFormat, int]:
    """Turn ``"webp:75"`` or ``"png"`` into a format and its setting.

    Raises:
        InvalidInputError: another form, no such format, or a setting out of range.
    """
    match = re.fullmatch(r"([A-Za-z]\w*)(?::(\d{1,9}))?", text.strip(), re.ASCII)
    if not match:
        raise InvalidInputError(
            f"picture format '{text}' is not NAME or NAME:SETTING, such as webp:75"
        )
    chosen = FORMATS.get(match[1].lower())
    if chosen is None:
        raise InvalidInputError(
            f"there is no picture format '{match[1]}': use one of {', '.join(FORMATS)}."
            + nearest(match[1], FORMATS)
        )
    low, high, default = chosen.settings
    setting = default if match[2] is None else int(match[2])
    if not low <= setting <= high:
        raise InvalidInputError(
            f"picture format '{text}': the setting of {chosen.name} is {low} to {high}"
        )
    return chosen, setting


def encode_picture(image: UInt8Array, spec: str) -> bytes:
    """Turn an image into the bytes that are sent.

    Args:
        image: uint8 (H, W, 3), RGB.
        spec: format and setting, such as ``"webp:75"``.

    Raises:
        InvalidInputError: no image, or no such format or setting.
        MissingPackageError: the Pillow at hand was built without the format.
    """
    chosen, setting = parse_picture_spec(spec)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise InvalidInputError(
            f"an image of {image.dtype} {image.shape}: give uint8 (height, width, 3), not empty"
        )
    _require(chosen)
    try:
        return chosen.write(Image.fromarray(image), setting)
    except (OSError, ValueError) as error:  # a side beyond what the format holds
        raise InvalidInputError(
            f"an image of {image.shape[1]}x{image.shape[0]} cannot be written "
            f"as {chosen.name}: {error}"
        ) from error


def decode_picture(data: bytes, max_pixels: int = MAX_PICTURE_PIXELS) -> UInt8Array:
    """Turn received bytes into an image, the inverse of ``encode_picture`` up to its loss.

    Args:
        data: a file in one of ``FORMATS``.
        max_pixels: the largest picture that is accepted.

    Returns:
        uint8 (H, W, 3), RGB, upright as the file's EXIF has it.

    Raises:
        BitstreamError: the bytes are no such picture, whatever they are.
        MissingPackageError: the Pillow at hand was built without the format.
    """
    for entry in FORMATS.values():
        if re.match(entry.signature, data, re.DOTALL):
            _require(entry)
            return _read(entry, data, max_pixels)
    raise BitstreamError(f"{len(data)} bytes are no picture in one of {', '.join(FORMATS)}")


def _read(entry: PictureFormat, data: bytes, max_pixels: int) -> UInt8Array:
    """Decode a picture of that format.

    Raises:
        BitstreamError: it is damaged, too large, or made to take long.
    """
    if entry.reader is JpegImageFile and data.count(_START_OF_SCAN) > _MAX_JPEG_SCANS:
        raise BitstreamError(f"the jpeg picture has more than {_MAX_JPEG_SCANS} scans")
    try:
        with entry.reader(io.BytesIO(data)) as picture:
            width, height = picture.size
            small = width * height <= max_pixels
            if small and max(width, height) > MAX_SIDE_PX:
                raise ValueError(f"it is {width}x{height}: a side is at most {MAX_SIDE_PX} pixels")
            pixels = np.asarray(upright(picture)) if small else None
    # Hostile bytes make Pillow's parsers raise whatever Python raises.
    except Exception as error:
        raise BitstreamError(f"the {entry.name} picture cannot be decoded: {error}") from error
    if pixels is None:
        raise BitstreamError(f"a picture of {width}x{height} has more than {max_pixels} pixels")
    return pixels


def _require(chosen: PictureFormat) -> None:
    """Check that Pillow can write the format.

    Raises:
        MissingPackageError: it was built without.
    """
    if chosen.feature and not features.check(chosen.feature):
        raise MissingPackageError(
            f"pillow with {chosen.name}", "train", f"the picture format '{chosen.name}'"
        )
