"""A contact sheet of street scenes: ``python -m cofeat.data.streets.sheet OUT.png``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cofeat.data.streets.render import render_scene
from cofeat.image import UInt8Array
from cofeat.tasks.disparity import DISPARITY
from cofeat.tasks.segmentation import SEGMENTATION, train_ids

# The sheet in the documentation: the first twelve seeds, not a choice of good ones.
SEEDS = tuple(range(12))
TILE = (144, 288)
COLUMNS = 4


def draw_sheet(seeds: Sequence[int], size: tuple[int, int], columns: int) -> UInt8Array:
    """Draw scenes side by side, each as its image, its labels and its disparity one below another.

    Args:
        seeds: the scenes; a multiple of ``columns``.
        size: (height, width) of each picture in pixels.
        columns: scenes a row.

    Returns:
        uint8 (rows * 3 * height, columns * width, 3).
    """
    scenes = [render_scene(seed, size) for seed in seeds]
    stacks = [
        np.concatenate(
            [
                scene.image,
                SEGMENTATION.draw(train_ids(scene.label_ids)),
                DISPARITY.draw(scene.disparity),
            ]
        )
        for scene in scenes
    ]
    rows = [
        np.concatenate(stacks[start : start + columns], axis=1)
        for start in range(0, len(stacks), columns)
    ]
    return np.concatenate(rows)


def _main(arguments: list[str]) -> None:
    sheet = Image.fromarray(draw_sheet(SEEDS, TILE, COLUMNS))
    sheet.save(Path(arguments[0]), optimize=True)


if __name__ == "__main__":
    _main(sys.argv[1:])
