"""What a task is, without torch: its truth, its measure and how it is drawn."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cofeat.image import UInt8Array

AnyArray = npt.NDArray[Any]


class Task(Protocol):
    """One thing that the cloud computes from the features.

    The measure is split in two, so that images can be resampled and processes
    can share the work: ``figures`` keeps what one image contributes, and
    ``summarize`` turns the figures of any set of images into one number.
    """

    name: str
    """Name in recipes and files, e.g. ``"segmentation"``."""
    measure: str
    """Name of the number, e.g. ``"miou"``; a higher number is always better."""
    measure_label: str
    """Name and unit for people, e.g. ``"PSNR (dB)"``."""

    def figures(self, prediction: AnyArray, truth: AnyArray) -> npt.NDArray[np.float64]:
        """Return what one image contributes, an array of a shape fixed for the task."""
        ...

    def summarize(self, figures: npt.NDArray[np.float64]) -> float:
        """Return the measure of the images whose figures are stacked on axis 0, or NaN."""
        ...

    def draw(self, values: AnyArray) -> UInt8Array:
        """Draw a prediction or a truth as an RGB picture, uint8 (H, W, 3)."""
        ...
