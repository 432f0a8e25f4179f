"""How long the compressibility loss takes, against a plain loop and against a training step.

    python benchmarks/compressibility.py [--threads N]

Median times of forward and backward on the CPU. "loop" is the formula written
channel by channel; "share" is the loss's part of a whole step of all three
tasks with Adam.
"""

import argparse
import statistics
import time

import torch

from cofeat.losses.compressibility import compressibility_sum, dct_matrix
from cofeat.losses.weighting import Term, Weighting
from cofeat.network.build import build_network
from cofeat.training.objective import Objective

# encoder, cut, height, width, batch
CASES = (("tiny", "stride8", 64, 128, 8), ("resnet34", "layer3", 256, 512, 2))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args().threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(
        f"{'network':<18}{'features':>18}{'loss ms':>9}{'loop ms':>9}{'step ms':>9}{'share %':>9}"
    )
    for encoder, cut, height, width, batch in CASES:
        step, shape = training_step(encoder, cut, height, width, batch)
        loss_ms = median_ms(backward_of(compressibility_sum, shape))
        loop_ms = median_ms(backward_of(by_loop, shape), repeats=5)
        step_ms = median_ms(step, repeats=7)
        name, size = f"{encoder} {cut}", "x".join(map(str, shape))
        share = 100 * loss_ms / step_ms
        print(f"{name:<18}{size:>18}{loss_ms:9.2f}{loop_ms:9.1f}{step_ms:9.1f}{share:9.1f}")


def backward_of(loss, shape):
    """Return a callable that runs a loss forward and backward, on features ordered as a step's."""
    features = torch.randn(shape).to(memory_format=torch.channels_last).requires_grad_()
    return lambda: loss(features).backward()


def training_step(encoder, cut, height, width, batch):
    """Return a callable that takes one whole step, and the features' shape."""
    network = build_network(encoder, cut).to(memory_format=torch.channels_last)
    terms = {task: Term() for task in (*network.tasks, "compressibility")}
    objective = Objective(network, Weighting(terms), "scale_free").train()
    optimizer = torch.optim.Adam(objective.parameters(), 1e-3)
    images = torch.randint(0, 256, (batch, 3, height, width), dtype=torch.uint8)
    truths = {
        "segmentation": torch.randint(0, 19, (batch, height, width), dtype=torch.uint8),
        "disparity": torch.rand(batch, height, width) * 60,
        "reconstruction": images,
    }
    shape = (batch, *network.feature_shape((height, width)))
    noise = torch.rand(shape) - 0.5

    def step():
        objective(images, truths, noise).total.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step, shape


def by_loop(features):
    """The same loss, scale-free, with a loop over images and channels."""
    total = torch.zeros(())
    rows, columns = dct_matrix(features.shape[2]), dct_matrix(features.shape[3])
    for image in features:
        image_total = torch.zeros(())
        for f in image:
            h = f.clone()
            h[:, 1:] = f[:, 1:] - f[:, :-1]
            v = f.clone()
            v[1:] = f[1:] - f[:-1]
            t = rows @ ((h + v) / 2) @ columns.T
            image_total = image_total + torch.where(t >= 0, t, -t).sum()
        total = total + image_total / (image.max() - image.min())
    return total


def median_ms(call, repeats=20):
    """Return the median time of a call in ms, after three calls that do not count."""
    times = []
    for index in range(repeats + 3):
        start = time.perf_counter()
        call()
        if index >= 3:
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


if __name__ == "__main__":
    main()
