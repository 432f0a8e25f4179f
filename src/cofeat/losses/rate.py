"""A learned entropy model: how many bits an ideal coder would spend on the features.

Channels come in groups. The model tells the probability of every integer from what a decoder knows
by then: the groups before its own in a 3x3 neighborhood, and its own group in the row above. The
codec ``cofeat-learned`` tells it alike, from tables that are made after training::

    o(v)     = log2(1 + |v| / unit)
    hidden   = relu(second layer of relu(b1 + masked 3x3 weights * sign(v) o(v)))
    mean     = unit * (b + masked 3x3 weights * v / unit + weights * hidden)
    scale    = unit * 2 ** (a + weights * hidden)
    P(value) = F((value + step/2 - mean) / scale) - F((value - step/2 - mean) / scale)

F is the logistic function; every group has hidden units of its own. With noise in place of rounding
the values are not integers, and the same difference is the density of values plus noise.

N batch, C channels, H height, W width.

Source: Balle et al., "End-to-end optimized image compression", ICLR 2017;
Minnen, Balle, Toderici, "Joint autoregressive and hierarchical priors for
learned image compression", NeurIPS 2018; Minnen and Singh, "Channel-wise
autoregressive entropy models for learned image compression", ICIP 2020.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cofeat.feature.entropy.fitted import generation_bounds

# A value that the model holds for all but impossible costs so much and no more.
MIN_PROBABILITY = 2.0**-30
# Of the scale, either side of a unit, so that no first step overflows.
MOST_OCTAVES = 20.0


class EntropyModel(nn.Module):
    """Bits of features, differentiable.

    Args:
        channels: C of the features.
        step: distance of two levels of the quantizer.
        unit: of the features, about the step that they are sent with.
        groups: of channels, up to C are made.
        hidden: units a group in each of two layers.
    """

    mask: Tensor
    hidden_mask: Tensor
    own_mask: Tensor

    def __init__(self, channels: int, step: float, unit: float, groups: int, hidden: int) -> None:
        super().__init__()
        self.step, self.unit, self.groups = step, unit, min(groups, channels)
        units = self.groups * hidden
        self.mean = nn.Conv2d(channels, channels, 3, padding=1)
        self.octaves = nn.Parameter(torch.zeros(channels))
        self.first = nn.Conv2d(channels, units, 3, padding=1)
        self.second = nn.Conv2d(units, units, 1, groups=self.groups)
        self.told = nn.Conv2d(units, 2 * channels, 1, bias=False)
        # At first every channel is on its own, with a scale of one unit.
        for part in (self.mean, self.told):
            for parameter in part.parameters():
                nn.init.zeros_(parameter)
        # Hidden units see what the channels of their group see, and tell of these alone.
        mask, bounds = causal_mask(channels, self.groups), generation_bounds(channels, self.groups)
        group = torch.repeat_interleave(torch.tensor(bounds).diff())
        own = group[:, None] == torch.arange(self.groups).repeat_interleave(hidden)
        self.register_buffer("mask", mask, persistent=False)
        self.register_buffer(
            "hidden_mask", mask[bounds[:-1]].repeat_interleave(hidden, 0), persistent=False
        )
        self.register_buffer("own_mask", own.repeat(2, 1)[..., None, None], persistent=False)

    @torch.no_grad()
    def expect(self, features: Tensor) -> None:
        """Begin with each channel's own spread, where features are known from the start.

        Args:
            features: float32 (N, C, H, W).
        """
        # A logistic variable of scale s has the standard deviation s * pi / sqrt(3).
        spread = features.float().std((0, 2, 3)) * (math.sqrt(3) / math.pi)
        bias = (spread / self.unit).clamp(min=1).log2()
        self.octaves.copy_(bias)

    def forward(self, features: Tensor, coarseness: Tensor | None = None) -> Tensor:
        """Return the bits of each element.

        Args:
            features: float32 (N, C, H, W), with noise or rounded.
            coarseness: by how much each image's step is coarser, float32 (N,); None is 1.

        Returns:
            float32 (N, C, H, W), not negative.
        """
        with torch.autocast(features.device.type, enabled=False):
            values = features.float() / self.unit
            half = torch.full((), 0.5 * self.step / self.unit, device=features.device)
            if coarseness is not None:
                half = half * coarseness.view(-1, 1, 1, 1)
            signed = values.sign() * self.magnitudes(values)
            hidden = F.relu(_masked(self.first, self.hidden_mask, signed))
            hidden = F.relu(self.second(hidden))
            told = _masked(self.told, self.own_mask, hidden).chunk(2, dim=1)
            mean = _masked(self.mean, self.mask, values) + told[0]
            octaves = self.octaves.view(-1, 1, 1) + told[1]
            scale = octaves.clamp(-MOST_OCTAVES, MOST_OCTAVES).exp2()
            return interval_bits((values - mean).abs(), scale, half)

    def magnitudes(self, values: Tensor) -> Tensor:
        """Return octaves of 1 + |value|, of values in units."""
        return torch.log2(1 + values.abs())


def _masked(convolution: nn.Conv2d, mask: Tensor, x: Tensor) -> Tensor:
    padding = convolution.kernel_size[0] // 2
    return F.conv2d(x, convolution.weight * mask, convolution.bias, padding=padding)


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


def causal_mask(channels: int, groups: int) -> Tensor:
    """Return what a value may be told from: 1 or 0, float32 (C, C, 3, 3), to by from.

    Groups before its own everywhere, its own in the row above; so a codec can take rows whole.

    Args:
        channels: C.
        groups: of channels, as a codec takes them.
    """
    mask = torch.zeros(channels, channels, 3, 3)
    for first, stop in itertools.pairwise(generation_bounds(channels, groups)):
        mask[first:stop, :first] = 1
        mask[first:stop, first:stop, 0] = 1
    return mask
