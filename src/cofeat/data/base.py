"""What a data set gives, whatever its files are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from cofeat.image import UInt8Array


@dataclass(frozen=True)
class Sample:
    """One image and the truths of its tasks."""

    name: str
    """Unique in its split, e.g. ``"aachen_000000_000019"``; it names files."""
    image: UInt8Array
    """uint8 (H, W, 3), RGB."""
    truths: dict[str, npt.NDArray[Any]]
    """Task name -> truth: ``"segmentation"`` uint8 (H, W) train ids,
    ``"disparity"`` float32 (H, W), pixels of the full-width image, and
    ``"reconstruction"``, the image itself. A truth with H and W as its last two axes is a map and
    is mirrored with the image in training; any other is left as it is."""


class Dataset(Protocol):
    """Samples of one split, all of one size, in a fixed order.

    Several threads may ask for samples at once.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the samples, in order."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every image in pixels."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...
