"""Semantic segmentation: the 19 classes of Cityscapes, mIoU, the palette.

Source: Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene
Understanding", CVPR 2016; ids and colors are those of the data set.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cofeat.image import UInt8Array
from cofeat.tasks.base import AnyArray

# Train id of a pixel that is neither trained on nor measured.
VOID = 255


class Class(NamedTuple):
    """One class that is trained and measured."""

    name: str
    label_id: int
    """Id in the ``_labelIds.png`` files."""
    color: tuple[int, int, int]


# In the order of their train ids, 0 to 18.
CLASSES = (
    Class("road", 7, (128, 64, 128)),
    Class("sidewalk", 8, (244, 35, 232)),
    Class("building", 11, (70, 70, 70)),
    Class("wall", 12, (102, 102, 156)),
    Class("fence", 13, (190, 153, 153)),
    Class("pole", 17, (153, 153, 153)),
    Class("traffic light", 19, (250, 170, 30)),
    Class("traffic sign", 20, (220, 220, 0)),
    Class("vegetation", 21, (107, 142, 35)),
    Class("terrain", 22, (152, 251, 152)),
    Class("sky", 23, (70, 130, 180)),
    Class("person", 24, (220, 20, 60)),
    Class("rider", 25, (255, 0, 0)),
    Class("car", 26, (0, 0, 142)),
    Class("truck", 27, (0, 0, 70)),
    Class("bus", 28, (0, 60, 100)),
    Class("train", 31, (0, 80, 100)),
    Class("motorcycle", 32, (0, 0, 230)),
    Class("bicycle", 33, (119, 11, 32)),
)
NUM_CLASSES = len(CLASSES)
NUM_LABEL_IDS = 34


def _tables() -> tuple[UInt8Array, UInt8Array, UInt8Array]:
    to_train = np.full(256, VOID, dtype=np.uint8)
    to_label = np.zeros(256, dtype=np.uint8)
    palette = np.zeros((256, 3), dtype=np.uint8)
    for train_id, entry in enumerate(CLASSES):
        to_train[entry.label_id] = train_id
        to_label[train_id] = entry.label_id
        palette[train_id] = entry.color
    return to_train, to_label, palette


_TO_TRAIN, _TO_LABEL, _PALETTE = _tables()


def train_ids(label_ids: UInt8Array) -> UInt8Array:
    """Turn label ids (uint8, 0..33, any shape) into train ids (uint8, 0..18, void 255)."""
    return _TO_TRAIN[label_ids]


def label_ids(train_ids: UInt8Array) -> UInt8Array:
    """Turn train ids (uint8, 0..18) into label ids (uint8); void becomes 0, "unlabeled"."""
    return _TO_LABEL[train_ids]


def resize_labels(labels: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Resize ids (H, W) to the pixel under each new pixel's centre, so no id is ever invented.

    New row i takes old row floor((i + 1/2) * H / height), in whole numbers, and
    columns alike: the rule of Pillow's ``NEAREST``.

    Args:
        labels: uint8 (H, W), label ids or train ids.
        size: (height, width) in pixels.

    Returns:
        uint8 (height, width).
    """
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new)
        for old, new in zip(labels.shape, size, strict=True)
    )
    return np.ascontiguousarray(labels[np.ix_(rows, columns)])


def miou(confusion: npt.NDArray[np.float64]) -> float:
    """Return the mean intersection over union, 0..1, of a confusion matrix (19, 19).

    Rows are the truth, columns the prediction. Classes that occur neither in
    truth nor in prediction are left out; NaN where none occurs.
    """
    hits = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
    occurs = union > 0
    return float(np.mean(hits[occurs] / union[occurs])) if occurs.any() else float("nan")


class Segmentation:
    """The task; a prediction and a truth are train ids, uint8 (H, W), void 255."""

    name = "segmentation"
    measure = "miou"
    measure_label = "mIoU"

    def figures(self, prediction: AnyArray, truth: AnyArray) -> npt.NDArray[np.float64]:
        """Return the confusion matrix (19, 19) of one image; void pixels of the truth are left out.

        Args:
            prediction: uint8 (H, W), 0..18.
            truth: uint8 (H, W), 0..18 or 255.
        """
        counted = truth != VOID
        pairs = truth[counted].astype(np.int64) * NUM_CLASSES + prediction[counted]
        counts = np.bincount(pairs, minlength=NUM_CLASSES**2)
        return counts.reshape(NUM_CLASSES, NUM_CLASSES).astype(np.float64)

    def summarize(self, figures: npt.NDArray[np.float64]) -> float:
        """Return mIoU, 0..1, of the one matrix that all images (N, 19, 19) add up to."""
        return miou(figures.sum(axis=0))

    def draw(self, values: AnyArray) -> UInt8Array:
        """Draw train ids (H, W) in the colors of Cityscapes, void black."""
        return _PALETTE[values]


SEGMENTATION = Segmentation()
