"""A learned entropy model: how many bits an ideal coder would spend on the features.

It tells the probability of every integer from what a decoder knows by then: the
channels before it in a 3x3 neighborhood, and its own channel in the row above.
The codec ``cofeat-learned`` tells it alike, channels taken in groups, from
tables that are made after training; this model is for training alone::

    mean     = b + sum of masked weights * values
    scale    = exp(a + sum of masked weights * log(1 + |values| / unit))
    P(value) = F((value + step/2 - mean) / scale) - F((value - step/2 - mean) / scale)

F is the logistic function. With noise in place of rounding the values are not
integers, and the same difference is the density of values plus noise.

N batch, C channels, H height, W width.

Source: Balle et al., "End-to-end optimized image compression", ICLR 2017;
Minnen, Balle, Toderici, "Joint autoregressive and hierarchical priors for
learned image compression", NeurIPS 2018.
"""

from __future__ import annotations

import itertools
import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cofeat.feature.entropy.fitted import generation_bounds

# A value that the model holds for all but impossible costs so much and no more.
MIN_PROBABILITY = 2.0**-30
# Of exp(), so that no first step overflows.
MAX_LOG_SCALE = 20.0


class EntropyModel(nn.Module):
    """Bits of features, differentiable.

    Args:
        channels: C of the features.
        step: distance of two levels of the quantizer.
        unit: of the features, about the step that they are sent with.
    """

    mask: Tensor

    def __init__(self, channels: int, step: float, unit: float) -> None:
        super().__init__()
        self.step, self.unit = step, unit
        self.mean = nn.Conv2d(channels, channels, 3, padding=1)
        self.log_scale = nn.Conv2d(channels, channels, 3, padding=1)
        # At first every channel is on its own, with a scale of one unit.
        for parameter in self.parameters():
            nn.init.zeros_(parameter)
        nn.init.constant_(cast(Tensor, self.log_scale.bias), math.log(unit))
        self.register_buffer("mask", causal_mask(channels), persistent=False)

    @torch.no_grad()
    def expect(self, features: Tensor) -> None:
        """Begin with each channel's own spread, where features are known from the start.

        Args:
            features: float32 (N, C, H, W).
        """
        # A logistic variable of scale s has the standard deviation s * pi / sqrt(3).
        spread = features.float().std((0, 2, 3)) * (math.sqrt(3) / math.pi)
        cast(Tensor, self.log_scale.bias).copy_(spread.clamp(min=self.unit).log())

    def forward(self, features: Tensor, coarseness: Tensor | None = None) -> Tensor:
        """Return the bits of each element.

        Args:
            features: float32 (N, C, H, W), with noise or rounded.
            coarseness: by how much each image's step is coarser, float32 (N,); None is 1.

        Returns:
            float32 (N, C, H, W), not negative.
        """
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            half = torch.full((), 0.5 * self.step, device=features.device)
            if coarseness is not None:
                half = half * coarseness.view(-1, 1, 1, 1)
            magnitude = torch.log1p(features.abs() / self.unit)
            mean = self._masked(self.mean, features)
            scale = self._masked(self.log_scale, magnitude).clamp(max=MAX_LOG_SCALE).exp()
            return interval_bits((features - mean).abs(), scale, half)

    def _masked(self, convolution: nn.Conv2d, x: Tensor) -> Tensor:
        return F.conv2d(x, convolution.weight * self.mask, convolution.bias, padding=1)


def interval_bits(distance: Tensor, scale: Tensor, half: Tensor) -> Tensor:
    """Return the bits of a logistic variable's being within ``half`` of a value, shapes broadcast.

    Args:
        distance: of the value from the mean, not negative: by symmetry F is taken on the side
            where it is small and exact.
        scale: of the distribution, positive.
        half: of the interval, positive.
    """
    upper, lower = (
        torch.sigmoid((half - distance) / scale),
        torch.sigmoid((-half - distance) / scale),
    )
    return -torch.log2((upper - lower).clamp(min=MIN_PROBABILITY))


def causal_mask(channels: int, groups: int | None = None) -> Tensor:
    """Return what a value may be told from: 1 or 0, float32 (C, C, 3, 3), to by from.

    Groups before its own everywhere, its own in the row above; so a codec can take rows whole.

    Args:
        channels: C.
        groups: of channels, as a codec takes them; None is one of each channel.
    """
    mask = torch.zeros(channels, channels, 3, 3)
    for first, stop in itertools.pairwise(generation_bounds(channels, groups or channels)):
        mask[first:stop, :first] = 1
        mask[first:stop, first:stop, 0] = 1
    return mask
