"""What a head is: the part of the network that makes one task's output from the features."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from cofeat.errors import InvalidInputError

Activation = Literal["relu", "none"]

# No step of the chain is narrower. The paper's chains end at 16 channels, so
# this changes nothing there; it keeps the heads of narrow encoders able.
MIN_CHANNELS = 16


class LossSum(NamedTuple):
    """A loss as a sum over elements and their number, so that processes can share a batch."""

    total: Tensor
    """Sum over all elements that count, shape ()."""
    elements: Tensor
    """How many there are, shape ()."""


class Head(nn.Module):
    """A chain of 2x2 transposed convolutions, each followed by a 3x3 convolution, then a 1x1 one.

    Each step doubles the size and halves the channels, from the features to
    the full resolution::

        (N, C, h, w) ─► up 2x2 ─► conv 3x3 ─► ... ─► conv 1x1 ─► (N, outputs, H, W)

    A light head ends at half the resolution, with a 3x3 convolution to four values a place, one
    for each pixel of a 2x2 block. It saves the last step, which is half or more of a head on
    narrow features; an output of many channels, such as segmentation's, costs that again.

    Args:
        channels: of the features.
        stride: of the features against the image, a power of two, at least 2.
        outputs: channels of the output.
        activation: after each 3x3 convolution. The released first implementation
            has none, so that its heads are linear but for the encoder.
        light: end at half the resolution.

    Raises:
        InvalidInputError: another stride.

    Source: Alvar and Bajic, ICIP 2019, section 2; the light end: Shi et al., "Real-time single
    image and video super-resolution using an efficient sub-pixel convolutional neural network",
    CVPR 2016.
    """

    kind: Literal["classification", "regression"]
    """How uncertainty weighting treats the loss."""

    def __init__(
        self,
        channels: int,
        stride: int,
        outputs: int,
        activation: Activation = "relu",
        light: bool = False,
    ) -> None:
        super().__init__()
        if stride < 2 or stride & (stride - 1):
            raise InvalidInputError(
                f"the features have stride {stride}: the heads double them up to the picture, so "
                "an encoder's stride is a power of two, at least 2"
            )
        layers: list[nn.Module] = []
        for _ in range(stride.bit_length() - 1 - light):
            narrower = max(channels // 2, MIN_CHANNELS)
            layers.append(nn.ConvTranspose2d(channels, narrower, 2, stride=2))
            layers.append(nn.Conv2d(narrower, narrower, 3, padding=1))
            if activation == "relu":
                layers.append(nn.ReLU(inplace=True))
            channels = narrower
        if light:
            layers.append(nn.Conv2d(channels, 4 * outputs, 3, padding=1))
            layers.append(nn.PixelShuffle(2))
        else:
            layers.append(nn.Conv2d(channels, outputs, 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """Turn features (N, C, h, w) into the raw output (N, outputs, h * stride, w * stride)."""
        output: Tensor = self.layers(features)
        return output

    def loss(self, output: Tensor, truth: Tensor) -> LossSum:
        """Return the loss of a raw output, cropped to the image, against the task's truth."""
        raise NotImplementedError

    def distance(self, output: Tensor, taught: Tensor) -> LossSum:
        """Return how far a raw output is from another network's, both cropped to the image.

        Squared difference here; a head whose outputs are logits has its own.
        """
        return LossSum(
            (output.float() - taught.float()).square().sum(),
            torch.full((), output.numel(), device=output.device),
        )

    def predict(self, output: Tensor) -> Tensor:
        """Turn a raw output, cropped to the image, into the task's prediction, batch first."""
        raise NotImplementedError
