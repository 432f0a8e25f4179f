"""A tiny data set that can be learned in seconds, and a script that trains on it.

The script is what the tests start, kill and start again, alone or as one of
several processes::

    python scenes.py RECIPE.yaml RUN [KEY=VALUE ...]
"""

import json
import sys
from pathlib import Path

import numpy as np

from cofeat.data.base import Sample
from cofeat.tasks.segmentation import CLASSES, VOID

SIZE = (32, 64)


class Scenes:
    """Rectangles of four classes; class decides color and disparity.

    Every fourth image is mostly void and invalid, so that counts differ
    between images. In memory, each image made once from its index.
    """

    size = SIZE

    def __init__(self, count=16, first=0):
        self.names = tuple(f"scene_{first + index:03d}" for index in range(count))
        self._samples = [_scene(first + index, name) for index, name in enumerate(self.names)]

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        return self._samples[index]


def _scene(seed, name):
    random = np.random.default_rng(seed)
    height, width = SIZE
    labels = np.zeros(SIZE, np.uint8)
    for _ in range(6):
        top, left = random.integers(0, height - 8), random.integers(0, width - 12)
        down, right = top + random.integers(6, 16), left + random.integers(8, 24)
        labels[top:down, left:right] = random.choice([2, 8, 10, 13])
    colors = np.array([entry.color for entry in CLASSES], np.float64)[labels]
    image = np.clip(colors + random.normal(0, 6, (*SIZE, 3)), 0, 255).astype(np.uint8)
    disparity = (4.0 + 3.0 * labels).astype(np.float32)
    if seed % 4 == 3:
        labels[:, : width - 4] = VOID
        disparity[: height - 4] = 0.0
    return Sample(
        name, image, {"segmentation": labels, "disparity": disparity, "reconstruction": image}
    )


def main():
    from cofeat.training.loop import train
    from cofeat.training.recipe import load_recipe

    recipe = load_recipe(sys.argv[1], sys.argv[3:])
    complete = train(recipe, Path(sys.argv[2]), (Scenes(16), Scenes(4, 100)))
    sys.stdout.write(json.dumps({"complete": complete}))


if __name__ == "__main__":
    main()
