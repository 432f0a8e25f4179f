"""Measures, bits and pictures of the validation images while a network trains."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from lightning.fabric import Fabric

from cofeat.data.feed import Batch, Feed
from cofeat.feature.pipeline import compress
from cofeat.image import UInt8Array
from cofeat.network.multitask import MultiTaskNetwork
from cofeat.tasks import load_task

# Images whose features are coded for the log: enough to see a trend, too few to take time.
SAMPLED_IMAGES = 8


@torch.no_grad()
def validate(network: MultiTaskNetwork, feed: Feed, batch: int, fabric: Fabric) -> dict[str, float]:
    """Return each task's measure over all images, quantized but not coded.

    Every process takes its part of the images; all get the same result.

    Args:
        network: in evaluation mode.
        feed: the images.
        batch: images at once.
        fabric: who shares the work.
    """
    own = list(range(fabric.global_rank, len(feed), fabric.world_size))
    plan = [own[start : start + batch] for start in range(0, len(own), batch)]
    figures: dict[str, list[np.ndarray]] = {task: [] for task in network.tasks}
    for part in feed.batches(plan):
        on_device = part.to(fabric.device)
        _, outputs = network(on_device.images)
        for task, output in outputs.items():
            predictions = network.head(task).predict(output).cpu().numpy()
            truths = truth_arrays(part, task)
            figures[task] += [
                load_task(task).figures(prediction, truth)
                for prediction, truth in zip(predictions, truths, strict=True)
            ]
    gathered = _gather(figures, fabric.world_size)
    return {
        load_task(task).measure: load_task(task).summarize(np.stack(rows))
        for task, rows in gathered.items()
    }


def truth_arrays(batch: Batch, task: str) -> np.ndarray:
    """Return the truths of a batch as the task's measure wants them, batch first."""
    truth = batch.truths[task].cpu().numpy()
    return truth.transpose(0, 2, 3, 1) if task == "reconstruction" else truth


def _gather(figures: dict[str, list[np.ndarray]], processes: int) -> dict[str, list[np.ndarray]]:
    """Join the figures of all processes."""
    if processes == 1:
        return figures
    parts: list[dict[str, list[np.ndarray]]] = [{} for _ in range(processes)]
    torch.distributed.all_gather_object(parts, figures)
    return {task: [row for part in parts for row in part[task]] for task in figures}


@torch.no_grad()
def bits_per_element(network: MultiTaskNetwork, feed: Feed, device: torch.device) -> float:
    """Return the bits per feature element of the first images, PNG, all bytes counted."""
    batch = next(iter(feed.batches([list(range(min(SAMPLED_IMAGES, len(feed))))])))
    features = network.encode(batch.images.to(device)).cpu().numpy()
    qlayer = network.qlayer
    given = (qlayer.bits, qlayer.per_channel)
    sent = [len(compress(one, "png", *given, step=qlayer.step)) for one in features]
    return 8.0 * sum(sent) / features.size


@torch.no_grad()
def sample_pictures(
    network: MultiTaskNetwork, feed: Feed, device: torch.device
) -> Iterator[tuple[str, UInt8Array]]:
    """Yield (name, picture) of the first image: truth above prediction, for each task."""
    batch = next(iter(feed.batches([[0]])))
    _, outputs = network(batch.images.to(device))
    for name, output in outputs.items():
        task = load_task(name)
        prediction = network.head(name).predict(output)[0].cpu().numpy()
        truth = truth_arrays(batch, name)[0]
        yield name, np.concatenate([task.draw(truth), task.draw(prediction)])
