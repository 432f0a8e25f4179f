"""Disparity: how far a point moves between the two cameras of a stereo pair.

In pixels of the full-width image (2048 for Cityscapes), whatever the size of
the array; 0 where there is no truth.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cofeat.image import Float32Array, UInt8Array
from cofeat.tasks.base import AnyArray

# Width in pixels to which all disparities refer, whatever the size of the map.
FULL_WIDTH_PX = 2048
# The farthest end of the color scale, in pixels; nearer points share its color.
DRAWN_MAX_PX = 128.0
# Half an area is half an area, whatever the sums of its parts are rounded to.
_ROUNDING = 1e-9
# Anchors of the color scale, from far (0) to near, dark to light, and their colors.
_SCALE = np.linspace(0.0, DRAWN_MAX_PX, 6)
_COLORS = np.array(
    [(20, 11, 52), (90, 15, 109), (160, 37, 96), (222, 73, 56), (251, 142, 8), (246, 215, 70)]
)


def from_png16(values: npt.NDArray[np.uint16]) -> Float32Array:
    """Turn the 16-bit values p of a disparity map into pixels: 0 is invalid, else (p - 1) / 256.

    A valid disparity of exactly 0 (p = 1: a point at infinity) becomes the
    smallest step, 1/256 px, since 0 means invalid.
    """
    pixels = (values.astype(np.float32) - 1.0) / 256.0
    pixels[values == 1] = 1.0 / 256.0
    pixels[values == 0] = 0.0
    return pixels


def to_png16(disparity: Float32Array) -> npt.NDArray[np.uint16]:
    """Turn disparity in pixels (0 invalid) into 16-bit values, the inverse of ``from_png16``."""
    values = np.clip(np.rint(disparity.astype(np.float64) * 256.0) + 1.0, 1, 65535)
    return np.where(disparity > 0, values, 0).astype(np.uint16)


def resize_disparity(disparity: Float32Array, size: tuple[int, int]) -> Float32Array:
    """Resize a disparity map without ever mixing valid and invalid pixels.

    Each pixel of the result is the mean of the valid pixels of its area and
    invalid where fewer than half of that area is valid. The values keep their
    unit, pixels of the full-width image.

    Args:
        disparity: float32 (H, W), pixels, 0 invalid.
        size: (height, width).

    Returns:
        float32 (height, width), pixels, 0 invalid.
    """
    if disparity.shape == size:
        return disparity
    share = _area_mean((disparity > 0).astype(np.float64), size)
    total = _area_mean(disparity.astype(np.float64), size)
    keep = share >= 0.5 - _ROUNDING
    result = np.zeros(size, dtype=np.float32)
    result[keep] = total[keep] / share[keep]
    return result


def _area_mean(values: npt.NDArray[np.float64], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Average a (H, W) array over the area of each pixel of the new size."""
    return np.asarray(_mean_of_rows(_mean_of_rows(values, size[0]).T, size[1]).T)


def _mean_of_rows(values: npt.NDArray[np.float64], new: int) -> npt.NDArray[np.float64]:
    """Average (H, W) down the rows to (new, W)."""
    old, width = values.shape
    if old % new == 0:  # whole rows, the usual case: many times faster than a product
        return np.asarray(values.reshape(new, old // new, width).sum(axis=1) / (old // new))
    return np.asarray(_area_weights(old, new) @ values, dtype=np.float64)


def _area_weights(old: int, new: int) -> npt.NDArray[np.float64]:
    """Return (new, old) weights: the share of each new pixel's length that an old one covers."""
    edges = np.arange(new + 1) * (old / new)
    starts = np.arange(old)
    overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    return np.asarray(np.maximum(overlap, 0.0) * (new / old), dtype=np.float64)


class Disparity:
    """The task; prediction and truth are float32 (H, W) in pixels, the truth 0 where invalid."""

    name = "disparity"
    measure = "irmse"
    measure_label = "1/RMSE (1/px)"

    def figures(self, prediction: AnyArray, truth: AnyArray) -> npt.NDArray[np.float64]:
        """Return the RMSE in pixels of one image over its valid pixels, shape (), or NaN.

        A prediction that is no number is infinitely wrong: NaN says that there was no truth.
        """
        valid = truth > 0
        if not valid.any():
            return np.asarray(np.nan)
        error = prediction[valid].astype(np.float64) - truth[valid].astype(np.float64)
        error[np.isnan(error)] = np.inf
        return np.asarray(np.sqrt(np.mean(error**2)), dtype=np.float64)

    def summarize(self, figures: npt.NDArray[np.float64]) -> float:
        """Return 1 / (mean RMSE) in 1/px; images without a valid pixel (NaN) are left out."""
        known = figures[~np.isnan(figures)]
        if not known.size:
            return float("nan")
        mean = float(np.mean(known))
        return 1.0 / mean if mean > 0 else float("inf")

    def draw(self, values: AnyArray) -> UInt8Array:
        """Draw disparity (H, W), dark far to light near; invalid pixels are black."""
        clipped = np.clip(values.astype(np.float64), 0.0, DRAWN_MAX_PX)
        channels = [np.interp(clipped, _SCALE, _COLORS[:, channel]) for channel in range(3)]
        picture = np.stack(channels, axis=-1)
        picture[values <= 0] = 0.0
        return np.asarray(np.rint(picture), dtype=np.uint8)


DISPARITY = Disparity()
