"""Sides to multiples of the stride and back, as ``MultiTaskNetwork`` does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.image import UInt8Array


def pad(images: UInt8Array, stride: int) -> UInt8Array:
    """Repeat the last row and column until the stride divides both sides.

    Args:
        images: uint8 (N, 3, H, W).
        stride: in pixels.

    Returns:
        uint8 (N, 3, H', W'), the same array where nothing is to be done.
    """
    height, width = images.shape[-2:]
    below, right = -height % stride, -width % stride
    if not (below or right):
        return images
    return np.pad(images, ((0, 0), (0, 0), (0, below), (0, right)), mode="edge")


def crop(output: npt.NDArray[Any], shape: Sequence[str], size: tuple[int, int]) -> npt.NDArray[Any]:
    """Crop a padded output to the picture.

    Args:
        output: batch first.
        shape: a word an axis, ``"H"`` and ``"W"`` where it goes with the picture.
        size: (height, width) in pixels.
    """
    sides = {"H": slice(size[0]), "W": slice(size[1])}
    return output[tuple(sides.get(word, slice(None)) for word in shape)]
