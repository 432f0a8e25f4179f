"""Results as pictures: classes over the picture, disparity in colors, the reconstruction."""

from __future__ import annotations

import numpy as np

from cofeat.edge.result import AnyArray, Result
from cofeat.image import UInt8Array
from cofeat.tasks import load_task

# How much of the picture is seen through the classes.
_PICTURE_SHARE = 0.5


def overlay(task: str, prediction: AnyArray, image: UInt8Array | None = None) -> UInt8Array:
    """Draw one task's prediction, uint8 (H, W, 3).

    Args:
        task: its name.
        prediction: as ``Result.outputs`` has it.
        image: uint8 (H, W, 3), which a segmentation is laid over; None draws the classes alone.
    """
    drawn = load_task(task).draw(prediction)
    if task != "segmentation" or image is None:
        return drawn
    mixed = _PICTURE_SHARE * image.astype(np.float32) + (1 - _PICTURE_SHARE) * drawn
    return np.rint(mixed).astype(np.uint8)


def overlays(result: Result) -> dict[str, UInt8Array]:
    """Draw every output of a result: task -> uint8 (H, W, 3)."""
    return {
        task: overlay(task, prediction, result.image) for task, prediction in result.outputs.items()
    }
