"""Cityscapes in its real layout; street scenes are written in the same one.

    root/leftImg8bit/<split>/<city>/<name>_leftImg8bit.png    RGB, 8 bits
    root/gtFine/<split>/<city>/<name>_gtFine_labelIds.png     label ids 0..33, 8 bits
    root/disparity/<split>/<city>/<name>_disparity.png        16 bits, 0 invalid

with <name> = <city>_<sequence>_<frame>. ``gtFine`` and ``disparity`` may be
absent as a whole; then there is no truth for that task.

Source: Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene
Understanding", CVPR 2016; https://www.cityscapes-dataset.com.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cofeat.data.base import Sample
from cofeat.errors import InvalidInputError
from cofeat.image import UInt8Array, format_size, open_image, read_image, resize_image
from cofeat.registry import nearest
from cofeat.tasks.disparity import from_png16, resize_disparity
from cofeat.tasks.segmentation import resize_labels, train_ids

SPLITS = ("train", "val", "test")
# In the archive gtFine_trainvaltest the labels of this split are dummies: the
# true ones stay with the makers of the data set, for their benchmark.
SPLIT_WITH_DUMMY_LABELS = "test"
# Images of every city in the archive leftImg8bit_trainvaltest: 2,975, 500 and 1,525.
CITIES = {
    "train": {
        "aachen": 174, "bochum": 96, "bremen": 316, "cologne": 154, "darmstadt": 85,
        "dusseldorf": 221, "erfurt": 109, "hamburg": 248, "hanover": 196, "jena": 119,
        "krefeld": 99, "monchengladbach": 94, "strasbourg": 365, "stuttgart": 196,
        "tubingen": 144, "ulm": 95, "weimar": 142, "zurich": 122,
    },
    "val": {"frankfurt": 267, "lindau": 59, "munster": 174},
    "test": {
        "berlin": 544, "bielefeld": 181, "bonn": 46, "leverkusen": 58, "mainz": 298, "munich": 398,
    },
}  # fmt: skip


class Layer(NamedTuple):
    """One kind of file of the layout."""

    folder: str
    suffix: str
    modes: tuple[str, ...]
    """Pillow's modes of a file with the right channels and depth."""
    described: str
    """The same for people."""


IMAGES = Layer("leftImg8bit", "_leftImg8bit.png", ("RGB",), "an 8-bit RGB PNG")
# Task -> its truths.
TRUTHS = {
    "segmentation": Layer(
        "gtFine", "_gtFine_labelIds.png", ("L",), "an 8-bit grey PNG of label ids"
    ),
    "disparity": Layer("disparity", "_disparity.png", ("I;16", "I;16B", "I"), "a 16-bit grey PNG"),
}


class Cityscapes:
    """One split of Cityscapes, every image resized; see ``cofeat.data.base.Dataset``.

    Args:
        root: the folder that holds ``leftImg8bit``.
        split: ``"train"``, ``"val"`` or ``"test"`` (images and disparity only).
        size: (height, width) in pixels.

    Raises:
        InvalidInputError: no such split, no images, or a truth of an image is missing.
    """

    def __init__(self, root: str | Path, split: str, size: tuple[int, int]) -> None:
        if split not in SPLITS:
            raise InvalidInputError(
                f"there is no split '{split}': use one of {', '.join(SPLITS)}."
                + nearest(split, SPLITS)
            )
        self._root = Path(root)
        self._size = size
        self._images = find_files(self._root, IMAGES, split)
        if not self._images:
            raise InvalidInputError(_no_images(self._root, split))
        self._names = tuple(sorted(self._images))
        self._truths = {
            task: self._find_truths(layer, split)
            for task, layer in TRUTHS.items()
            if has_truths(self._root, task, split)
        }

    def _find_truths(self, layer: Layer, split: str) -> dict[str, Path]:
        files = find_files(self._root, layer, split)
        missing = [name for name in self._names if name not in files]
        if missing:
            others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            image = self._images[missing[0]]
            wanted = self._root / layer.folder / split / image.parent.name
            raise InvalidInputError(
                f"there is no '{wanted / (missing[0] + layer.suffix)}'{others}: "
                f"run `cofeat data check {self._root}` to see all that is missing"
            )
        return files

    @property
    def names(self) -> tuple[str, ...]:
        """``<city>_<sequence>_<frame>`` of every image, sorted."""
        return self._names

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every image in pixels."""
        return self._size

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks that have a truth; reconstruction always has."""
        return (*self._truths, "reconstruction")

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        """Read one sample.

        Raises:
            InvalidInputError: a file cannot be read, or image and truth differ in size.
        """
        name = self._names[index]
        full_image = read_image(self._images[name])
        image = resize_image(full_image, self._size)
        truths: dict[str, npt.NDArray[Any]] = {}
        for task, files in self._truths.items():
            truth = _HANDLING[task].read(files[name])
            if truth.shape != full_image.shape[:2]:
                raise InvalidInputError(
                    f"'{files[name]}' is {format_size(truth.shape)}, its image is "
                    f"{format_size(full_image.shape[:2])}: run `cofeat data check {self._root}`"
                )
            truths[task] = _HANDLING[task].resize(truth, self._size)
        truths["reconstruction"] = image
        return Sample(name, image, truths)


def find_files(root: Path, layer: Layer, split: str) -> dict[str, Path]:
    """Return name -> path of all files of one kind and split, in no particular order."""
    files = (root / layer.folder / split).glob(f"*/*{layer.suffix}")
    # Names with a leading dot are what macOS leaves beside the files it copies.
    return {
        path.name.removesuffix(layer.suffix): path
        for path in files
        if not path.name.startswith(".")
    }


def has_truths(root: Path, task: str, split: str) -> bool:
    """Return whether a split has (true) truths of a task."""
    if task == "segmentation" and split == SPLIT_WITH_DUMMY_LABELS:
        return False
    return (root / TRUTHS[task].folder / split).is_dir()


def read_segmentation(path: Path) -> UInt8Array:
    """Read a ``_gtFine_labelIds.png`` as train ids, uint8 (H, W), 0..18, void 255.

    Raises:
        InvalidInputError: it cannot be read, or is no map of label ids.
    """
    return train_ids(read_grey(path, TRUTHS["segmentation"]).astype(np.uint8))


def read_disparity(path: Path) -> npt.NDArray[np.float32]:
    """Read a ``_disparity.png``: float32 (H, W), pixels of the full-width image, 0 invalid.

    Raises:
        InvalidInputError: it cannot be read, or is no 16-bit map.
    """
    return from_png16(read_grey(path, TRUTHS["disparity"]).astype(np.uint16))


class _Handling(NamedTuple):
    read: Callable[[Path], npt.NDArray[Any]]
    resize: Callable[[npt.NDArray[Any], tuple[int, int]], npt.NDArray[Any]]


_HANDLING = {
    "segmentation": _Handling(read_segmentation, resize_labels),
    "disparity": _Handling(read_disparity, resize_disparity),
}


def read_header(path: Path) -> tuple[tuple[int, int], str]:
    """Return (height, width) in pixels and Pillow's mode of an image file, pixels unread.

    Raises:
        InvalidInputError: it is no image.
    """
    with open_image(path, ("PNG",)) as picture:
        return (picture.height, picture.width), picture.mode


def read_grey(path: Path, layer: Layer) -> npt.NDArray[Any]:
    """Read a truth as it is stored, (H, W).

    Raises:
        InvalidInputError: it cannot be read, or has other channels or another depth.
    """
    with open_image(path, ("PNG",)) as picture:
        if picture.mode not in layer.modes:
            raise InvalidInputError(
                f"'{path}' has mode {picture.mode}; it must be {layer.described}"
            )
        return np.asarray(picture)


def _no_images(root: Path, split: str) -> str:
    pattern = f"{root / IMAGES.folder / split}/<city>/<city>_<sequence>_<frame>{IMAGES.suffix}"
    others = [name for name in SPLITS if find_files(root, IMAGES, name)]
    found = f" (there are images of {', '.join(others)})" if others else layout_hint(root)
    return (
        f"there are no images {pattern}{found}: Cityscapes is to be had after a registration at "
        f"www.cityscapes-dataset.com; `cofeat data streets {root}` makes a stand-in"
    )


def layout_hint(root: Path) -> str:
    """Return ``" (...)"`` that tells where the data set seems to be instead of root, or ``""``."""
    if not root.is_dir():
        return f" (there is no folder '{root}')"
    absolute = root.resolve()
    inside = sorted(path.parent for path in absolute.glob(f"*/{IMAGES.folder}"))
    outside = [path for path in absolute.parents[:2] if (path / IMAGES.folder).is_dir()]
    return f" (did you mean '{(*inside, *outside)[0]}'?)" if inside or outside else ""
