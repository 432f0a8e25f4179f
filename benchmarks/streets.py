"""How fast street scenes are made, and what vectorizing a stage brings.

    python benchmarks/streets.py

Images/s of ``render_scene`` on one process at 512x256 and 128x64; of a whole
data set at 512x256 with a process a core, files included; and the stage that
finds what the right camera sees, against the same rule as a plain Python loop
over pixels. Then what is in the scenes: classes, valid disparity, and the size
of the pictures as WebP.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from cofeat.data.streets.camera import FULL_SIZE
from cofeat.data.streets.render import render_scene
from cofeat.data.streets.stereo import visible_in_right
from cofeat.data.streets.write import write_streets
from cofeat.image import Float32Array
from cofeat.tasks.segmentation import CLASSES

SCENES = 40
# Enough that the start of the processes does not count.
WRITTEN = 200


def visible_loop(disparity: Float32Array) -> np.ndarray:
    """Do what ``visible_in_right`` does, pixel by pixel."""
    height, width = disparity.shape
    scale = np.float32(width / FULL_SIZE[1])
    visible = np.zeros((height, width), dtype=bool)
    for row in range(height):
        nearest = [np.float32(0.0)] * (width + 1)
        shifts = [value * scale for value in disparity[row]]
        for column, shift in enumerate(shifts):
            left = int(np.floor(np.float32(column) - shift))
            if left >= 0:
                nearest[left] = max(nearest[left], shift)
                nearest[left + 1] = max(nearest[left + 1], shift)
        for column, shift in enumerate(shifts):
            place = np.float32(column) - shift
            left = int(np.floor(place))
            if left >= 0:
                covering = nearest[left + (1 if place - left > 0.5 else 0)]
                visible[row, column] = not covering - shift > 0.6
    return visible


def main() -> None:
    render_scene(0, (64, 128))  # the tables are made once a process
    for size in ((256, 512), (64, 128)):
        start = time.perf_counter()
        for seed in range(SCENES):
            render_scene(seed, size)
        seconds = (time.perf_counter() - start) / SCENES
        print(f"{size[1]}x{size[0]}: {1 / seconds:.1f} images/s, {seconds * 1e3:.1f} ms each")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_streets(Path(folder), WRITTEN, 0, (256, 512), seed=0)
        seconds = time.perf_counter() - start
    print(f"512x256 written to files, {os.cpu_count()} processes: {WRITTEN / seconds:.1f} images/s")

    disparity = render_scene(0, (256, 512)).disparity
    start = time.perf_counter()
    slow = visible_loop(disparity)
    loop = time.perf_counter() - start
    start = time.perf_counter()
    fast = visible_in_right(disparity)
    vectorized = time.perf_counter() - start
    if not np.array_equal(slow, fast):
        raise SystemExit("the loop and the vectorized stage disagree")
    print(
        f"occlusion at 512x256: {vectorized * 1e3:.2f} ms, Python loop over pixels "
        f"{loop * 1e3:.0f} ms ({loop / vectorized:.0f} times as long)"
    )
    describe()


def describe() -> None:
    """Print what 200 small scenes hold, and how well 40 larger ones are coded."""
    scenes = [render_scene(seed, (64, 128)) for seed in range(200)]
    labels = np.stack([scene.label_ids for scene in scenes])
    valid = np.mean([np.mean(scene.disparity > 0) for scene in scenes])
    print(f"valid disparity: {100 * valid:.0f} % of the pixels")
    for entry in CLASSES:
        found = labels == entry.label_id
        print(
            f"{entry.name:14} {100 * found.mean():6.2f} % of the pixels, "
            f"in {100 * found.any(axis=(1, 2)).mean():3.0f} % of the scenes"
        )
    bpp = []
    for seed in range(SCENES):
        buffer = io.BytesIO()
        Image.fromarray(render_scene(seed, (256, 512)).image).save(buffer, "WEBP", quality=75)
        bpp.append(8 * len(buffer.getvalue()) / (256 * 512))
    print(
        f"WebP quality 75 at 512x256: {np.mean(bpp):.2f} bits per pixel "
        f"({np.min(bpp):.2f} to {np.max(bpp):.2f})"
    )


if __name__ == "__main__":
    main()
