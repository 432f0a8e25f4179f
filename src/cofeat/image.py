"""Read, resize and normalize an image; training and device agree to the bit.

An image is a uint8 array (H, W, 3), RGB, values 0..255. A size is always
(height, width) in pixels inside the library, and "WxH" on the command line.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from cofeat.errors import InvalidInputError

UInt8Array = npt.NDArray[np.uint8]
Float32Array = npt.NDArray[np.float32]

# Mean and standard deviation of ImageNet's pixels in [0, 1], per RGB channel.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

# Larger sides are refused: four times an 8K frame, far below what exhausts memory.
MAX_SIDE_PX = 32768

# What is read. Not all that Pillow can: its EPS runs Ghostscript on the file.
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "PPM")
# Pillow's modes of 16 and 32 bits (I, I;16, F), which its conversion to 8 bits cuts off at 255.
DEEP_MODES = ("I", "F")


def parse_size(text: str) -> tuple[int, int]:
    """Turn ``"512x256"`` (width x height) into ``(256, 512)``, (height, width) in pixels.

    Raises:
        InvalidInputError: the text has another form, or a side is out of range.
    """
    match = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", text.strip())
    if not match:
        raise InvalidInputError(f"size '{text}' is not WIDTHxHEIGHT in pixels, such as 512x256")
    width, height = int(match[1]), int(match[2])
    if not (1 <= width <= MAX_SIDE_PX and 1 <= height <= MAX_SIDE_PX):
        raise InvalidInputError(f"size '{text}' is out of range: each side is 1 to {MAX_SIDE_PX}")
    return height, width


def format_size(size: tuple[int, int]) -> str:
    """Turn (height, width) into ``"WxH"``, the inverse of ``parse_size``."""
    return f"{size[1]}x{size[0]}"


def read_image(source: str | Path | bytes) -> UInt8Array:
    """Read an image file, or the bytes of one, upright and as RGB.

    Args:
        source: a path, or the file's bytes, in one of ``FORMATS``.

    Returns:
        uint8 (H, W, 3), 0..255.

    Raises:
        InvalidInputError: there is no such file, it is no image, or it has more than 8 bits
            a channel.
    """
    with open_image(source) as picture:
        return np.array(upright(picture, _name(source)))


def upright(picture: Image.Image, name: str = "it") -> Image.Image:
    """Turn a picture as its EXIF says, and into RGB.

    Raises:
        InvalidInputError: it has more than 8 bits a channel; the message calls it by the name.
    """
    if picture.mode.startswith(DEEP_MODES):
        raise InvalidInputError(
            f"{name} is a grey picture of more than 8 bits a pixel ({picture.mode}), whose range "
            "cofeat cannot know: scale it to 8 bits"
        )
    return ImageOps.exif_transpose(picture).convert("RGB")


@contextmanager
def open_image(
    source: str | Path | bytes, formats: tuple[str, ...] = FORMATS
) -> Iterator[Image.Image]:
    """Open an image with Pillow; its pixels are read in the block, if at all.

    Args:
        source: a path, or the file's bytes.
        formats: Pillow's names of the formats that are tried.

    Raises:
        InvalidInputError: there is no such file, or it is no image, also when
            the block finds that out.
    """
    what = _name(source)
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        with Image.open(file, formats=formats) as picture:
            if max(picture.size) > MAX_SIDE_PX:
                raise InvalidInputError(
                    f"{what} is {format_size((picture.height, picture.width))}: "
                    f"a side is at most {MAX_SIDE_PX} pixels"
                )
            yield picture
    except InvalidInputError:
        raise
    except FileNotFoundError:
        raise InvalidInputError(f"there is no file {what}") from None
    except UnidentifiedImageError:
        raise InvalidInputError(
            f"{what} cannot be read as an image: it is none of {', '.join(formats)}"
        ) from None
    except Exception as error:
        # Damaged files make Pillow raise nearly anything: ValueError, RuntimeError (AVIF),
        # SyntaxError (PNG), NotImplementedError, struct.error, ...
        raise InvalidInputError(f"{what} cannot be read as an image: {error}") from error


def _name(source: str | Path | bytes) -> str:
    return f"{len(source)} bytes" if isinstance(source, bytes) else f"'{source}'"


def resize_image(image: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Resize with antialiasing (Pillow's bicubic, whose support grows with the reduction).

    Args:
        image: uint8 (H, W, 3), 0..255.
        size: (height, width) in pixels.

    Returns:
        uint8 (height, width, 3).
    """
    if image.shape[:2] == size:
        return image
    resized = Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.array(resized)


def normalization(
    mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD
) -> tuple[Float32Array, Float32Array]:
    """Return (scale, offset), float32 (3, 1, 1) each, so that normalized = pixel * scale - offset.

    One multiplication and one subtraction in float32, so that every machine
    rounds alike; a network uses these very numbers.
    """
    std64 = np.asarray(std, dtype=np.float64).reshape(3, 1, 1)
    scale = 1.0 / (255.0 * std64)
    offset = np.asarray(mean, dtype=np.float64).reshape(3, 1, 1) / std64
    return scale.astype(np.float32), offset.astype(np.float32)


def normalize(
    image: UInt8Array,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
) -> Float32Array:
    """Turn an image into a network's input: (pixel / 255 - mean) / std.

    Args:
        image: uint8 (H, W, 3), 0..255.
        mean: per channel, of pixels in [0, 1].
        std: per channel, of pixels in [0, 1].

    Returns:
        float32 (3, H, W), about -2.1..2.7.
    """
    scale, offset = normalization(mean, std)
    return image.transpose(2, 0, 1).astype(np.float32) * scale - offset
