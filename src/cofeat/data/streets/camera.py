"""The pinhole camera and its lattice of samples.

World: X to the right, Y up from the road, Z along the optical axis, in metres;
the camera is at (0, height, 0). Its slight pitch is a shift of the horizon,
as in a rectified image, so vertical lines stay vertical.

Samples lie on a lattice of half pixels: sample (i, j) is at the image point
v = i / 2, u = j / 2, so that (2r + 1, 2c + 1) is the centre of pixel (r, c).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cofeat.data.streets.dice import Dice
from cofeat.image import Float32Array

# Cityscapes' camera, in pixels of the image of 2048 x 1024, and metres.
FULL_SIZE = (1024, 2048)
FOCAL_PX = 2262.0
BASELINE_M = 0.209
# Disparity in pixels of the full-width image = this / Z.
DISPARITY_PX_M = FOCAL_PX * BASELINE_M
# Nothing nearer than this is drawn.
NEAR_M = 1.0


@dataclass(frozen=True)
class Camera:
    """Where the camera is and how it samples."""

    size: tuple[int, int]
    """(height, width) of the image in pixels."""
    height_m: float
    tx: Float32Array
    """float32 (2W + 1,): X / Z of each column of samples."""
    ty: Float32Array
    """float32 (2H + 1,): (Y - height) / Z of each row of samples; negative below the horizon."""

    focal: tuple[float, float]
    """Focal length in columns and in rows of the lattice."""
    origin: tuple[float, float]
    """Lattice column and row of the optical axis at the horizon."""

    @property
    def step(self) -> float:
        """Distance of neighbouring samples at Z = 1 m, in metres."""
        return 1.0 / self.focal[0]


def make_camera(size: tuple[int, int], height_m: float, horizon: float, center: float) -> Camera:
    """Make a camera; the image is the frame of 2048 x 1024 resized to ``size``.

    Args:
        size: (height, width) in pixels.
        height_m: above the road, metres.
        horizon: its row as a share of the height.
        center: column of the optical axis as a share of the width.
    """
    rows, columns = size
    focal = (2.0 * FOCAL_PX * columns / FULL_SIZE[1], 2.0 * FOCAL_PX * rows / FULL_SIZE[0])
    origin = (2.0 * center * columns, 2.0 * horizon * rows)
    tx = (np.arange(2 * columns + 1, dtype=np.float64) - origin[0]) / focal[0]
    ty = (origin[1] - np.arange(2 * rows + 1, dtype=np.float64)) / focal[1]
    return Camera(size, height_m, tx.astype(np.float32), ty.astype(np.float32), focal, origin)


def roll_camera(dice: Dice, size: tuple[int, int]) -> Camera:
    """Make a camera as mounted in some car: 1.15 to 1.3 m high, looking slightly down."""
    return make_camera(
        size, dice.uniform(1.15, 1.3), dice.around(0.42, 0.05), dice.uniform(0.49, 0.54)
    )
