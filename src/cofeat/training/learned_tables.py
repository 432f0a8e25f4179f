"""The entropy model of a trained network as tables of the codec ``cofeat-learned``.

The model is trained once more, on rounded features and with the codec's own groups of channels and
approximate logarithms, then rounded to the integers of the tables. Values are in units of
``UNIT`` = 16 integers, as the codec's usual step has it.

N batch, C channels, H height, W width.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from torch import Tensor

from cofeat.errors import InvalidInputError
from cofeat.feature.entropy.fitted import generation_bounds
from cofeat.feature.entropy.learned import (
    HIDDEN_BITS,
    LARGEST_BIAS,
    MEAN_BITS,
    OCTAVE,
    SCALE_BITS,
    LearnedTables,
)
from cofeat.feature.entropy.learned_walk import magnitudes
from cofeat.feature.quantizer import Quantized
from cofeat.losses.rate import EntropyModel

UNIT = 16
# Tables count in sixteenths of an integer.
_UNIT_SIXTEENTHS = 16 * UNIT
# Tensors that are looked at, however few there are to begin with.
_VISITS = 24000
_BATCH = 16
_LEARNING_RATE = 5e-3
# Of a channel that is all but silent, in units.
_LEAST_MAGNITUDE = 0.05


class _TablesModel(EntropyModel):
    """The entropy model with the codec's logarithm; values and steps are in integers."""

    def magnitudes(self, values: Tensor) -> Tensor:
        """Return octaves, as the codec finds them of sixteenths of an integer."""
        sixteenths = (values * _UNIT_SIXTEENTHS).round().double().numpy()
        return torch.from_numpy(magnitudes(sixteenths)).float() / OCTAVE


def passes_over(count: int) -> int:
    """Return how often to go over so many tensors."""
    return max(1, round(_VISITS / max(count, 1)))


def learn_tables(
    tensors: list[Quantized],
    coarse: tuple[float, float],
    groups: int = 8,
    hidden: int = 32,
    *,
    passes: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> LearnedTables:
    """Learn tables from features of training images.

    Args:
        tensors: integers of one shape, at a fixed step.
        coarse: the steps that are sent, least and most, in integers.
        groups: of channels; more save bytes and take time.
        hidden: units of a group in each of two layers; likewise.
        passes: over all tensors; ``passes_over`` tells how many are enough for most.
        on_progress: called with (passes done, passes).

    Raises:
        InvalidInputError: the tensors differ in shape, or are none.
    """
    if not tensors or len({tensor.values.shape for tensor in tensors}) > 1:
        raise InvalidInputError("tables are learned from features of one shape: give some")
    middle = 1 << tensors[0].bits - 1
    stack = np.stack([tensor.values for tensor in tensors]).astype(np.float32) - middle
    values = torch.from_numpy(stack)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = _TablesModel(values.shape[1], 1.0, UNIT, groups, hidden)
    # Each channel begins with its own scale: a logistic's mean magnitude is 2 log 2 scales.
    usual = (values.abs().mean(dim=(0, 2, 3)) / UNIT).clamp(min=_LEAST_MAGNITUDE)
    model.octaves.data = (usual / (2 * math.log(2))).log2()
    optimizer = torch.optim.Adam(model.parameters(), _LEARNING_RATE)
    generator = torch.Generator().manual_seed(0)
    low, high = math.log(coarse[0]), math.log(coarse[1])
    for done in range(passes):
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * (1 - done / passes) ** 0.9
        for part in torch.randperm(len(values), generator=generator).split(_BATCH):
            steps = torch.rand((len(part), 1, 1, 1), generator=generator)
            steps = (low + steps * (high - low)).exp()
            bits = model((values[part] / steps).round() * steps, steps)
            optimizer.zero_grad()
            bits.mean().backward()
            optimizer.step()
        if on_progress:
            on_progress(done + 1, passes)
    return _rounded(model, hidden)


@torch.no_grad()
def _rounded(model: EntropyModel, hidden: int) -> LearnedTables:
    """Turn a model into integers."""
    octaves = model.octaves.double().numpy() + math.log2(_UNIT_SIXTEENTHS)
    means = _UNIT_SIXTEENTHS << MEAN_BITS
    # Half a unit is added, for floors to round.
    hidden_bias = [
        _whole(cast(Tensor, part.bias) + 0.5 / OCTAVE, OCTAVE << HIDDEN_BITS, np.int32)
        for part in (model.first, model.second)
    ]
    mean = _whole(model.mean.weight * model.mask, 1 << MEAN_BITS)
    first = _whole(model.first.weight * model.hidden_mask, 1 << HIDDEN_BITS)
    second = _whole(model.second.weight[..., 0, 0], 1 << HIDDEN_BITS)
    told = (model.told.weight * model.own_mask)[..., 0, 0].chunk(2)
    units = (means / OCTAVE, (4 << SCALE_BITS) / OCTAVE)
    told_means, told_scales = (_whole(*pair) for pair in zip(told, units, strict=True))
    bounds = generation_bounds(mean.shape[1], model.groups)
    parts: list[tuple[np.ndarray, ...]] = []
    for group, (start, stop) in enumerate(itertools.pairwise(bounds)):
        own = slice(group * hidden, (group + 1) * hidden)
        parts.append((
            _taps(mean[start:stop], start, stop),
            _taps(first[own], start, stop),
            second[own],
            np.concatenate([told_means[start:stop, own], told_scales[start:stop, own]]),
        ))  # fmt: skip
    return LearnedTables(
        model.groups,
        _whole(cast(Tensor, model.mean.bias), means, np.int32),
        np.rint(4 * octaves * (1 << SCALE_BITS)).astype(np.int32),
        np.stack(hidden_bias).reshape(2, model.groups, hidden),
        *zip(*parts, strict=True),
    )


def _whole(weights: Tensor, unit: float, dtype: type[np.integer] = np.int16) -> np.ndarray:
    """Return weights in parts of a unit, at the ends of the type's range where they are beyond."""
    limit = min(np.iinfo(dtype).max, LARGEST_BIAS)
    whole = np.rint(weights.double().numpy() * unit)
    return np.clip(whole, -limit, limit).astype(dtype)


def _taps(weights: np.ndarray, start: int, stop: int) -> np.ndarray:
    """(outputs, C, 3, 3) -> (outputs, taps): nine of all channels before, three of the own ones."""
    earlier = weights[:, :start].transpose(0, 2, 3, 1).reshape(len(weights), -1)
    return np.concatenate([earlier, weights[:, start:stop, 0].reshape(len(weights), -1)], axis=1)
