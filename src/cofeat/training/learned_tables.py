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

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cofeat.errors import InvalidInputError
from cofeat.feature.entropy.fitted import generation_bounds
from cofeat.feature.entropy.learned import MEAN_BITS, SCALE_BITS, LearnedTables
from cofeat.feature.entropy.learned_walk import magnitudes
from cofeat.feature.quantizer import Quantized
from cofeat.losses.rate import causal_mask, interval_bits

UNIT = 16
# Tables count in sixteenths of an integer.
_SUB = 16
# Over all tensors.
PASSES = 60
_BATCH = 16
_LEARNING_RATE = 1e-2
# Of a channel that is all but silent, in units.
_LEAST_MAGNITUDE = 0.05
_LARGEST_WEIGHT = (1 << 15) - 1


class _GroupModel(nn.Module):
    """Mean and scale of every value, in units."""

    mask: Tensor

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.mean = nn.Conv2d(channels, channels, 3, padding=1)
        self.octaves = nn.Conv2d(channels, channels, 3, padding=1)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)
        self.register_buffer("mask", causal_mask(channels, groups))

    def forward(self, values: Tensor, steps: Tensor) -> Tensor:
        """Return the bits of each element: values (N, C, H, W) and steps (N, 1, 1, 1) in units."""
        # The codec's logarithm of a magnitude in sixteenths of an integer, in octaves.
        octaves = torch.from_numpy(magnitudes((values * UNIT * _SUB).round().double().numpy()))
        mean = self._masked(self.mean, values)
        scale = self._masked(self.octaves, octaves.float() / 64).clamp(-12, 12).exp2()
        return interval_bits((values - mean).abs(), scale, 0.5 * steps)

    def _masked(self, convolution: nn.Conv2d, x: Tensor) -> Tensor:
        return F.conv2d(x, convolution.weight * self.mask, convolution.bias, padding=1)


def learn_tables(
    tensors: list[Quantized],
    coarse: tuple[float, float],
    groups: int = 8,
    passes: int = PASSES,
    on_progress: Callable[[int, int], None] | None = None,
) -> LearnedTables:
    """Learn tables from features of training images.

    Args:
        tensors: integers of one shape, at a fixed step.
        coarse: the steps that are sent, least and most, in integers.
        groups: of channels; more save bytes and take time.
        passes: over all tensors.
        on_progress: called with (passes done, passes).

    Raises:
        InvalidInputError: the tensors differ in shape, or are none.
    """
    if not tensors or len({tensor.values.shape for tensor in tensors}) > 1:
        raise InvalidInputError("tables are learned from features of one shape: give some")
    middle = 1 << tensors[0].bits - 1
    stack = np.stack([tensor.values for tensor in tensors]).astype(np.float32) - middle
    values = torch.from_numpy(stack / UNIT)
    channels = values.shape[1]
    groups = min(groups, channels)
    model = _GroupModel(channels, groups)
    # Each channel begins with its own scale: a logistic's mean magnitude is 2 log 2 scales.
    usual = values.abs().mean(dim=(0, 2, 3)).clamp(min=_LEAST_MAGNITUDE) / (2 * math.log(2))
    model.octaves.bias.data = usual.log2()  # type: ignore[union-attr]
    optimizer = torch.optim.Adam(model.parameters(), _LEARNING_RATE)
    generator = torch.Generator().manual_seed(0)
    low, high = math.log(coarse[0] / UNIT), math.log(coarse[1] / UNIT)
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
    return _rounded(model, channels, groups)


def _rounded(model: _GroupModel, channels: int, groups: int) -> LearnedTables:
    """Turn a model into integers."""
    sub_units = UNIT * _SUB
    with torch.no_grad():
        mean = (model.mean.weight * model.mask).double().numpy()
        octaves = (model.octaves.weight * model.mask).double().numpy()
        mean_bias = model.mean.bias.double().numpy() * (sub_units << MEAN_BITS)  # type: ignore[union-attr]
        # Octaves above a unit -> quarters above a sixteenth of an integer.
        scale_bias = 4 * (model.octaves.bias.double().numpy() + math.log2(sub_units))  # type: ignore[union-attr]
    # Per 64th of an octave of magnitude, in 2^-SCALE_BITS quarters of an octave.
    factor = 4 / 64 * (1 << SCALE_BITS)
    parts: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for first, stop in itertools.pairwise(generation_bounds(channels, groups)):
        for out, weights, unit in (
            (parts[0], mean, float(1 << MEAN_BITS)),
            (parts[1], octaves, factor),
        ):
            own = weights[first:stop]
            earlier = own[:, :first].transpose(0, 2, 3, 1).reshape(stop - first, -1)
            above = own[:, first:stop, 0].reshape(stop - first, -1)
            whole = np.rint(np.concatenate([earlier, above], axis=1) * unit)
            limit = _LARGEST_WEIGHT
            out.append(np.clip(whole, -limit, limit).astype(np.int16))
    return LearnedTables(
        groups,
        np.rint(mean_bias).astype(np.int32),
        np.rint(scale_bias * (1 << SCALE_BITS)).astype(np.int32),
        tuple(parts[0]),
        tuple(parts[1]),
    )
