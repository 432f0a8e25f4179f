"""Reconstruction of the input image from the features, and PSNR."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cofeat.image import UInt8Array
from cofeat.tasks.base import AnyArray

# PSNR of a perfect copy, which would be infinite and spoil every mean.
MAX_PSNR_DB = 100.0


def psnr_db(prediction: AnyArray, truth: AnyArray) -> float:
    """Return the peak signal-to-noise ratio in dB, at most ``MAX_PSNR_DB``.

    Args:
        prediction: uint8 0..255 or float32, clamped to [0, 1]; any shape.
        truth: uint8 0..255, the same shape.
    """
    if prediction.dtype == np.uint8:
        prediction = prediction.astype(np.float64) / 255.0
    clamped = np.clip(prediction.astype(np.float64), 0.0, 1.0)
    error = float(np.mean((clamped - truth.astype(np.float64) / 255.0) ** 2))
    if error <= 10.0 ** (-MAX_PSNR_DB / 10.0):
        return MAX_PSNR_DB
    return float(-10.0 * np.log10(error))


class Reconstruction:
    """The task; a truth is the image, uint8 (H, W, 3), a prediction that or float32 in [0, 1]."""

    name = "reconstruction"
    measure = "psnr_db"
    measure_label = "PSNR (dB)"

    def figures(self, prediction: AnyArray, truth: AnyArray) -> npt.NDArray[np.float64]:
        """Return the PSNR of one image in dB, shape ()."""
        return np.asarray(psnr_db(prediction, truth))

    def summarize(self, figures: npt.NDArray[np.float64]) -> float:
        """Return the mean PSNR in dB over images (N,), NaN where there is none."""
        return float(np.mean(figures)) if figures.size else float("nan")

    def draw(self, values: AnyArray) -> UInt8Array:
        """Draw an image, uint8 or float32 in [0, 1], as uint8 (H, W, 3)."""
        if values.dtype == np.uint8:
            return values.astype(np.uint8)
        return np.rint(np.clip(values.astype(np.float64), 0.0, 1.0) * 255.0).astype(np.uint8)


RECONSTRUCTION = Reconstruction()
