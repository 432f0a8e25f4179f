"""The heads: one file a task, its head and its loss; its measure is in ``cofeat.tasks``."""

from __future__ import annotations

from typing import cast

from cofeat.network.heads.base import Activation, Head
from cofeat.registry import Registry

# task -> a class called as Class(channels, stride, activation, light).
HEADS = Registry(
    "head",
    "cofeat.heads",
    {
        "segmentation": "cofeat.network.heads.segmentation:SegmentationHead",
        "disparity": "cofeat.network.heads.disparity:DisparityHead",
        "reconstruction": "cofeat.network.heads.reconstruction:ReconstructionHead",
    },
)


def build_head(
    task: str, channels: int, stride: int, activation: Activation = "relu", light: bool = False
) -> Head:
    """Build the head of a task with random weights.

    Raises:
        InvalidInputError: there is no such task.
    """
    return cast(Head, HEADS.load(task)(channels, stride, activation, light))
