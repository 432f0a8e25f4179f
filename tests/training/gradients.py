"""A script: the gradients of one step's objective, by one process or as one of two.

The global batch is cut so that the second of two processes has nearly all
void and invalid pixels. The first process writes the losses and gradients::

    python gradients.py OUT
"""

import os
import sys
from pathlib import Path

import torch

from cofeat.data.feed import HeldFeed
from cofeat.data.plan import unit_noise
from cofeat.losses.weighting import Term, Weighting
from cofeat.network.build import build_network
from cofeat.training.loop import _fabric, _training_mode
from cofeat.training.objective import Objective
from cofeat.training.recipe import Machine, Train

sys.path.insert(0, str(Path(__file__).parent))
from scenes import SIZE, Scenes

RULES = ("uncertainty", "log", "fixed")
BATCH = [0, 1, 2, 4, 3, 7, 11, 15]


class Double(torch.nn.Module):
    """Widen the features, which are float32 at the cut whatever the network is."""

    def forward(self, x):
        return x.double()


def gradients(rule, processes=1, parts=((0, 8),)):
    """Return name -> loss or gradient; several parts are averaged naively."""
    torch.manual_seed(0)
    network = build_network("tiny")
    network.bottleneck.up = Double()
    weighting = Weighting(
        {
            "segmentation": Term("classification", rule),
            "disparity": Term("regression", rule),
            "reconstruction": Term("regression", rule),
            "compressibility": Term("regression", rule, 0.1),
        }
    )
    fabric = _fabric(Machine(accelerator="cpu", devices=processes, threads=1))
    # Sums of float64, so that what is compared is not the order of a sum.
    plain = Objective(network, weighting, "scale_free").double()
    objective, _ = fabric.setup(plain, torch.optim.SGD(plain.parameters(), 0.1))
    _training_mode(objective, Train(freeze_batch_norm=True))
    feed = HeldFeed(Scenes(16), network.tasks, fabric.device)
    share = len(BATCH) // processes
    for start, end in parts if processes == 1 else [(0, share)]:
        indices = BATCH[fabric.global_rank * share :][start:end]
        batch = next(iter(feed.batches([indices])))
        noise = unit_noise(indices, 0, 0, network.feature_shape(SIZE), fabric.device)
        step = objective(batch.images, batch.truths, noise)
        fabric.backward(step.total / len(parts))
    result = {f"loss {name}": loss for name, loss in step.losses.items()}
    return result | {name: p.grad for name, p in plain.named_parameters()}


def main():
    results = {rule: gradients(rule, processes=2) for rule in RULES}
    if os.environ["RANK"] == "0":
        torch.save(results, sys.argv[1])


if __name__ == "__main__":
    main()
