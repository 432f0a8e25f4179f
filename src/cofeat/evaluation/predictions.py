"""Predictions as files: label-id PNGs, 16-bit disparity PNGs, pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cofeat.files import replacing
from cofeat.tasks import load_task
from cofeat.tasks.disparity import to_png16
from cofeat.tasks.segmentation import label_ids


def save_prediction(folder: Path, name: str, task: str, prediction: npt.NDArray[Any]) -> Path:
    """Write one prediction as ``<folder>/<task>/<name>_<task>.png`` and return its path.

    Segmentation is written as label ids, 8 bits, which the evaluator of
    cityscapesScripts reads; disparity as 16 bits in the form of Cityscapes;
    anything else as its task draws it.

    Args:
        folder: made where needed.
        name: of the sample.
        task: of the table of tasks.
        prediction: of one image, as the task measures it.
    """
    if task == "segmentation":
        picture = Image.fromarray(label_ids(prediction.astype(np.uint8)))
    elif task == "disparity":
        picture = Image.fromarray(to_png16(prediction.astype(np.float32)))
    else:
        picture = Image.fromarray(load_task(task).draw(prediction))
    path = folder / task / f"{name}_{task}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        picture.save(temporary)
    return path
