"""What the codecs that rest on Pillow share: decoding one grey image of a known size."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.ImageFile import ImageFile

from cofeat.errors import BitstreamError


def decode_grey(
    payload: bytes, reader: type[ImageFile], mode: str, size: tuple[int, int]
) -> npt.NDArray[Any]:
    """Decode an image whose header the caller has verified.

    Args:
        payload: the image file, its size and structure checked.
        reader: Pillow's class of the file format. Unlike ``Image.open`` it tries no other
            format, and it leaves judging the size to us, who know the right one.
        mode: Pillow's mode that the image must have.
        size: (height, width) in pixels that it must have.

    Returns:
        (H, W), uint8 or uint16, or bool for mode "1".

    Raises:
        BitstreamError: Pillow cannot decode it, or it is another image.
    """
    try:
        with reader(io.BytesIO(payload)) as image:
            matches = image.mode == mode and image.size == (size[1], size[0])
            pixels = np.asarray(image) if matches else None
    # Hostile bytes make Pillow's parsers raise whatever Python raises: OSError, SyntaxError,
    # ValueError, struct.error, ...
    except Exception as error:
        raise BitstreamError(f"the payload's image cannot be decoded: {error}") from error
    if pixels is None:
        raise BitstreamError("the payload's image has another size or mode than its header says")
    return pixels
