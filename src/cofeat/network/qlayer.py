"""The Q-layer: what quantization does to features, as noise in training, exactly in testing.

Its numbers equal those of ``cofeat.feature.quantizer``, the reference, to the bit.

N batch, C channels, H height, W width.

Source: Alvar and Bajic, ICIP 2019, section 2; the noise follows Balle et al.,
"End-to-end optimized image compression", ICLR 2017.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from cofeat.errors import InvalidInputError
from cofeat.feature.quantizer import stepped_range


def feature_range(features: Tensor, per_channel: bool = False) -> tuple[Tensor, Tensor]:
    """Return (minimum, maximum) over each image, or over each of its channels.

    Args:
        features: float32 (N, C, H, W).
        per_channel: one range a channel rather than one an image.

    Returns:
        two float32 tensors (N, 1, 1, 1) or (N, C, 1, 1); gradients reach them.
    """
    dims = (2, 3) if per_channel else (1, 2, 3)
    return features.amin(dims, keepdim=True), features.amax(dims, keepdim=True)


def _finite_range(features: Tensor, per_channel: bool) -> tuple[Tensor, Tensor]:
    """Return the range over finite elements, (0, 0) where there is none."""
    finite = torch.isfinite(features)
    minimum, _ = feature_range(features.masked_fill(~finite, torch.inf), per_channel)
    _, maximum = feature_range(features.masked_fill(~finite, -torch.inf), per_channel)
    none = minimum > maximum
    return minimum.masked_fill(none, 0.0), maximum.masked_fill(none, 0.0)


def step_size(minimum: Tensor, maximum: Tensor, bits: int) -> Tensor:
    """Return the quantizer's step, (maximum - minimum) / (2^bits - 1), rounded to float32 once."""
    return ((maximum.double() - minimum.double()) / (2**bits - 1)).float()


def quantize_dequantize(
    features: Tensor, bits: int = 8, per_channel: bool = False, step: float | None = None
) -> Tensor:
    """Return what the cloud gets: features rounded to 2^bits levels and turned back.

    Args:
        features: float32 (N, C, H, W).
        bits: 1..16.
        per_channel: one range a channel.
        step: a fixed distance of two levels around zero, in place of the features' own range.

    Returns:
        float32 (N, C, H, W).
    """
    if step is None:
        minimum, maximum = _finite_range(features, per_channel)
    else:
        minimum, maximum = _stepped_range(features, step, bits)
    width = step_size(minimum, maximum, bits)
    # A constant tensor has step 0: every integer is 0 and every value the minimum.
    levels = (features - minimum) / torch.where(width > 0, width, torch.ones_like(width))
    levels = torch.where(width > 0, levels, torch.zeros_like(levels))
    levels = torch.nan_to_num(levels.round(), nan=0.0).clamp(0, 2**bits - 1)
    return levels * width + minimum


def _stepped_range(features: Tensor, step: float, bits: int) -> tuple[Tensor, Tensor]:
    """Return the range of 2^bits levels a step apart, around zero, shape () each."""
    low = -step * 2.0 ** (bits - 1)
    return features.new_tensor(low), features.new_tensor(low + step * (2**bits - 1))


class QLayer(nn.Module):
    """Noise of the quantizer's size in training, the quantizer itself in testing.

    Args:
        bits: 1..16.
        per_channel: one range a channel rather than one an image.
        step: a fixed distance of two levels, around zero, in place of the features' own range.
        noise: half width of the uniform noise; ``"step"`` is half the quantizer's
            step, the paper's text; a number is a fixed amplitude, as in the
            paper's code (0.002).

    Raises:
        InvalidInputError: bits, noise or step out of range.
    """

    def __init__(
        self,
        bits: int = 8,
        per_channel: bool = False,
        noise: float | Literal["step"] = "step",
        step: float | None = None,
    ) -> None:
        super().__init__()
        if not 1 <= bits <= 16:
            raise InvalidInputError(f"the Q-layer has {bits} bits: use 1 to 16")
        if noise != "step" and not noise >= 0:
            raise InvalidInputError(f"the Q-layer's noise is {noise}: use 'step' or a number >= 0")
        if step is not None:
            stepped_range(step, bits)
        self.bits = bits
        self.per_channel = per_channel
        self.noise = noise
        self.step = step

    def forward(self, features: Tensor, unit_noise: Tensor | None = None) -> Tensor:
        """Return features as the heads get them, the same shape.

        Args:
            features: float32 (N, C, H, W).
            unit_noise: uniform in [-1/2, 1/2), the same shape, used in training;
                None draws it from torch's generator.
        """
        if not self.training:
            return quantize_dequantize(features, self.bits, self.per_channel, self.step)
        if unit_noise is None:
            unit_noise = torch.rand_like(features) - 0.5
        if self.noise == "step":
            return features + unit_noise * self.width(features)
        return features + unit_noise * (2.0 * self.noise)

    def width(self, features: Tensor) -> Tensor:
        """Return the quantizer's step, gradients reach it; 0 where features are constant.

        Args:
            features: float32 (N, C, H, W).

        Returns:
            float32 (1, 1, 1, 1), (N, 1, 1, 1) or (N, C, 1, 1).
        """
        if self.step is not None:
            return features.new_full((1, 1, 1, 1), self.step)
        return step_size(*feature_range(features, self.per_channel), self.bits)
