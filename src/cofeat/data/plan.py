"""Which samples make which batch, and the random numbers of each sample.

Nothing here keeps a state: order, mirroring and noise follow from (seed,
epoch, index) alone. A run that was killed therefore goes on with the very
batches it would have had, and any number of processes sees the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from cofeat.errors import InvalidInputError

_MASK = (1 << 64) - 1


def sample_key(*numbers: int) -> int:
    """Mix integers into one of 63 bits; a change of any gives an unrelated key.

    Source: the finalizer of splitmix64 (Steele, Lea, Flood, OOPSLA 2014), applied in turn.
    """
    state = 0
    for number in numbers:
        state = (state + 0x9E3779B97F4A7C15 + (number & _MASK)) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state >> 1


def epoch_plan(
    count: int, batch: int, seed: int, epoch: int, rank: int = 0, processes: int = 1
) -> list[list[int]]:
    """Return the batches of one epoch for one process, as lists of sample indices.

    The samples are shuffled; each batch is cut into equal parts for the
    processes; samples left over after the last full batch wait for the next epoch.

    Raises:
        InvalidInputError: the batch does not fit the data or the processes.
    """
    if batch > count:
        raise InvalidInputError(
            f"a batch of {batch} needs as many images, and there are {count}: lower train.batch"
        )
    if batch % processes:
        raise InvalidInputError(
            f"a batch of {batch} cannot be shared by {processes} processes: use a multiple"
        )
    generator = torch.Generator().manual_seed(sample_key(seed, epoch))
    order = torch.randperm(count, generator=generator).tolist()
    share = batch // processes
    starts = range(rank * share, count - count % batch, batch)
    return [order[start : start + share] for start in starts]


def flips(indices: Sequence[int], seed: int, epoch: int) -> Tensor:
    """Return which samples to mirror this epoch, bool (N,), each with probability 1/2."""
    return torch.tensor([bool(sample_key(seed, epoch, index, 1) & 1) for index in indices])


def coarseness(
    indices: Sequence[int], seed: int, epoch: int, bounds: tuple[float, float]
) -> Tensor:
    """Return by how much each sample's step is coarser, float32 (N,), log-uniform in bounds."""
    least, most = bounds
    generator = torch.Generator()
    drawn = [
        torch.rand((), generator=generator.manual_seed(sample_key(seed, epoch, index, 3)))
        for index in indices
    ]
    return torch.stack(drawn).mul(math.log(most / least)).exp() * least


def unit_noise(
    indices: Sequence[int], seed: int, epoch: int, shape: Sequence[int], device: torch.device
) -> Tensor:
    """Return each sample's own noise, float32 (N, *shape), uniform in [-1/2, 1/2)."""
    noise = torch.empty((len(indices), *shape), device=device)
    generator = torch.Generator(device)
    for row, index in zip(noise, indices, strict=True):
        row.uniform_(-0.5, 0.5, generator=generator.manual_seed(sample_key(seed, epoch, index, 2)))
    return noise
