"""Channels to one grey image and back.

Channel c of a (C, H, W) tensor becomes the tile in row c div cols and column
c mod cols of a grid with cols = 2^ceil(log2(C) / 2) and rows = ceil(C / cols);
tiles left over are 0::

    C = 6, cols = 4:    0 1 2 3
                        4 5 . .

Source: Alvar and Bajić, ICIP 2019, tiling; the rule for a C that is no power
of two is ours.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from cofeat.errors import InvalidInputError

Scalar = TypeVar("Scalar", bound=np.generic)


def grid(channels: int) -> tuple[int, int]:
    """Return (rows, cols) of the tiles of that many channels, in integer arithmetic.

    Raises:
        InvalidInputError: there is no channel.
    """
    if channels < 1:
        raise InvalidInputError(f"{channels} channels: a mosaic has at least one")
    # ceil(log2(C)) is the bit length of C - 1, and ceil(ceil(x) / 2) = ceil(x / 2).
    cols = 1 << (((channels - 1).bit_length() + 1) // 2)
    return -(-channels // cols), cols


def mosaic_size(shape: tuple[int, int, int]) -> tuple[int, int]:
    """Return (height, width) in pixels of the mosaic of a (C, H, W) tensor."""
    rows, cols = grid(shape[0])
    return rows * shape[1], cols * shape[2]


def tile(values: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """Lay the channels out as one image.

    Args:
        values: (C, H, W), any dtype.

    Returns:
        (rows * H, cols * W), the same dtype, contiguous.

    Raises:
        InvalidInputError: the array has not three dimensions, or no channel.
    """
    if values.ndim != 3:
        raise InvalidInputError(f"values of shape {values.shape}: give (channels, height, width)")
    channels, height, width = values.shape
    rows, cols = grid(channels)
    full, rest = divmod(channels, cols)
    mosaic = np.empty((rows, height, cols, width), dtype=values.dtype)
    tiles = mosaic.transpose(0, 2, 1, 3)  # a view, (rows, cols, H, W)
    tiles[:full] = values[: full * cols].reshape(full, cols, height, width)
    if rest:
        tiles[full, :rest] = values[full * cols :]
        tiles[full, rest:] = 0
    return mosaic.reshape(rows * height, cols * width)


def untile(mosaic: npt.NDArray[Scalar], channels: int) -> npt.NDArray[Scalar]:
    """Take the channels out of a mosaic, the inverse of ``tile``.

    Args:
        mosaic: (rows * H, cols * W), any dtype.
        channels: C.

    Returns:
        (C, H, W), the same dtype, contiguous.

    Raises:
        InvalidInputError: the image does not divide into the tiles of that many channels.
    """
    rows, cols = grid(channels)
    if mosaic.ndim != 2 or mosaic.shape[0] % rows or mosaic.shape[1] % cols:
        raise InvalidInputError(
            f"a mosaic of shape {mosaic.shape} has no {rows} x {cols} tiles for {channels} channels"
        )
    height, width = mosaic.shape[0] // rows, mosaic.shape[1] // cols
    tiles = mosaic.reshape(rows, height, cols, width).transpose(0, 2, 1, 3)
    values = np.empty((channels, height, width), dtype=mosaic.dtype)
    full, rest = divmod(channels, cols)
    values[: full * cols].reshape(full, cols, height, width)[:] = tiles[:full]
    if rest:
        values[full * cols :] = tiles[full, :rest]
    return values
