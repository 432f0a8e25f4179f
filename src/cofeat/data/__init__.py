"""Data sets: one file a data set, one line in the table."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from cofeat.data.base import Dataset
from cofeat.registry import Registry

# name -> a class called as Class(root, split, size), split "train" or "val".
DATASETS = Registry(
    "data set",
    "cofeat.datasets",
    {
        "cityscapes": "cofeat.data.cityscapes:Cityscapes",
        # Streets are written in Cityscapes' layout, so one loader reads both.
        "streets": "cofeat.data.cityscapes:Cityscapes",
    },
)


def open_dataset(name: str, root: str | Path, split: str, size: tuple[int, int]) -> Dataset:
    """Open one split of a data set, resized to (height, width).

    Raises:
        InvalidInputError: no such data set or split, or its folder cannot be used.
    """
    return cast(Dataset, DATASETS.load(name)(root, split, size))
