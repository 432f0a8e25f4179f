from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@dataclass(frozen=True)
class Tree:
    """A tiny data set in Cityscapes' layout, and what was written to it."""

    root: Path
    images: dict
    labels: dict
    disparities: dict

    def image(self, name, split="train"):
        return self._path("leftImg8bit", split, name, "_leftImg8bit.png")

    def label(self, name, split="train"):
        return self._path("gtFine", split, name, "_gtFine_labelIds.png")

    def disparity(self, name, split="train"):
        return self._path("disparity", split, name, "_disparity.png")

    def _path(self, folder, split, name, suffix):
        return self.root / folder / split / name.split("_")[0] / (name + suffix)


NAMES = {
    "train": ("zurich_000001_000019", "aachen_000000_000019", "aachen_000000_000020"),
    "val": ("lindau_000000_000019",),
    "test": ("berlin_000000_000019",),
}


@pytest.fixture
def tree(tmp_path):
    """Images of 16x8 pixels with random contents; the labels of the test split are dummies."""
    random = np.random.default_rng(7)
    root = tmp_path / "cityscapes"
    tree = Tree(root, {}, {}, {})
    for split, names in NAMES.items():
        for name in names:
            image = random.integers(0, 256, (8, 16, 3), dtype=np.uint8)
            label = random.integers(0, 34, (8, 16), dtype=np.uint8)
            if split == "test":
                label[:] = 3  # "out of roi"
            disparity = random.integers(1, 30000, (8, 16), dtype=np.uint16)
            disparity[:4, :4] = 0
            tree.images[name], tree.labels[name], tree.disparities[name] = image, label, disparity
            for path, values in (
                (tree.image(name, split), image),
                (tree.label(name, split), label),
                (tree.disparity(name, split), disparity),
            ):
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(values).save(path)
    return tree
