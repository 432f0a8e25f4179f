"""What a bundle's model is worth on validation images, the whole way with the quantizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cofeat.bundle.manifest import known
from cofeat.data.base import Sample
from cofeat.feature.quantizer import dequantize, quantize
from cofeat.runtime import RuntimeModel
from cofeat.tasks import load_task


def measure(
    model: RuntimeModel,
    samples: Sequence[Sample],
    on_progress: Callable[[int], None] | None = None,
) -> dict[str, float | None]:
    """Return each task's measure; None where the data have no truth of a task.

    Args:
        model: its encoder at its precision, and its heads.
        samples: of a validation set.
        on_progress: called with the number of images done.
    """
    figures: dict[str, list[np.ndarray]] = {task: [] for task in model.tasks}
    for index, sample in enumerate(samples):
        features = model.encode(sample.image)
        sent = dequantize(quantize(features, model.bits, model.per_channel, model.step))
        tasks = [task for task in model.tasks if task in sample.truths]
        outputs = model.predict(sent, sample.image.shape[:2], tasks)
        for task, prediction in outputs.items():
            figures[task].append(load_task(task).figures(prediction, sample.truths[task]))
        if on_progress:
            on_progress(index + 1)
    values = {
        load_task(task).measure: load_task(task).summarize(np.array(rows)) if rows else np.nan
        for task, rows in figures.items()
    }
    return known(values)
