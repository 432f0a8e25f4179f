"""What stands between encoder and Q-layer, and again between Q-layer and heads."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from cofeat.errors import InvalidInputError
from cofeat.registry import Registry

# Of the deep bottleneck; their four 3x3 convolutions come after the narrow one's two.
RESIDUAL_BLOCKS = 2

# name -> a callable (encoder's channels, channels to send or None) -> Bottleneck.
BOTTLENECKS = Registry(
    "bottleneck",
    "cofeat.bottlenecks",
    {
        "none": "cofeat.network.bottleneck:NoBottleneck",
        "conv1x1": "cofeat.network.bottleneck:Conv1x1Bottleneck",
        "narrow": "cofeat.network.bottleneck:NarrowBottleneck",
        "deep": "cofeat.network.bottleneck:DeepBottleneck",
    },
)


class Bottleneck(nn.Module):
    """Two modules, one on each side of the cut, and how many channels are sent between them."""

    channels: int
    stride: int = 1
    """By how much it shrinks the features; they are padded so that it divides them."""
    down: nn.Module
    """On the device: (N, encoder's channels, h, w) -> (N, channels, h / stride, w / stride)."""
    up: nn.Module
    """In the cloud: the way back, to the encoder's channels and resolution."""

    def keep_principal(self, features: Tensor) -> None:
        """Take weights that keep the principal components of the encoder's features.

        A network that is trained already then hardly notices its new bottleneck, while a
        random one makes its heads begin again.

        Args:
            features: of the encoder, float32 (N, encoder's channels, h, w), of many pictures.

        Raises:
            InvalidInputError: this bottleneck cannot.
        """
        raise InvalidInputError(
            f"the bottleneck '{type(self).__name__}' cannot start with principal components of "
            f"{features.shape[1]} channels: leave train.bottleneck_start=random"
        )


class NoBottleneck(Bottleneck):
    """The features are sent as the encoder made them, as in the paper."""

    def __init__(self, encoder_channels: int, channels: int | None) -> None:
        super().__init__()
        if channels is not None:
            raise InvalidInputError(
                f"bottleneck 'none' sends all {encoder_channels} channels: leave its channels "
                f"null, or use bottleneck 'conv1x1' to send {channels}"
            )
        self.channels = encoder_channels
        self.down = nn.Identity()
        self.up = nn.Identity()


class Conv1x1Bottleneck(Bottleneck):
    """A 1x1 convolution to fewer channels, and one back."""

    def __init__(self, encoder_channels: int, channels: int | None) -> None:
        super().__init__()
        # A quarter by default: small enough to matter, wide enough to train at once.
        self.channels = channels or max(1, encoder_channels // 4)
        self.down = nn.Conv2d(encoder_channels, self.channels, 1)
        self.up = nn.Conv2d(self.channels, encoder_channels, 1)

    @torch.no_grad()
    def keep_principal(self, features: Tensor) -> None:
        """Project on the principal components, and back."""
        mean, components = principal_components(features, self.channels)
        _set_pixelwise(self.down, components, -components @ mean)
        _set_pixelwise(self.up, components.T, mean)


class NarrowBottleneck(Bottleneck):
    """A 1x1 convolution to few channels on the device; the cloud can afford more on the way back.

    Down it costs a phone's encoder less than 1 % of its multiplications; up, two 3x3
    convolutions let a place be completed from its neighbors.
    """

    def __init__(self, encoder_channels: int, channels: int | None) -> None:
        super().__init__()
        self.channels = channels or max(1, encoder_channels // 4)
        self.down = nn.Conv2d(encoder_channels, self.channels, 1)
        self.up = nn.Sequential(
            nn.Conv2d(self.channels, encoder_channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(encoder_channels, encoder_channels, 3, padding=1),
        )

    @torch.no_grad()
    def keep_principal(self, features: Tensor) -> None:
        """Project on the principal components, and back; the neighbors come by training."""
        mean, components = principal_components(features, self.channels)
        # What an activation left at 0 or above passes the one between as it is; else it is lifted.
        lift = -features.amin((0, 2, 3)).clamp(max=0)
        first, _, second, *_ = self.up.children()
        _set_pixelwise(self.down, components, -components @ mean)
        _set_pixelwise(first, components.T, mean + lift)
        _set_pixelwise(second, torch.eye(len(mean)), -lift)


class DeepBottleneck(NarrowBottleneck):
    """A narrow one with a deeper way back: residual blocks, which the cloud alone pays for.

    They change nothing before training, so that a trained network with a narrow bottleneck can
    go on with a deep one.
    """

    def __init__(self, encoder_channels: int, channels: int | None) -> None:
        super().__init__(encoder_channels, channels)
        blocks = [_ResidualBlock(encoder_channels) for _ in range(RESIDUAL_BLOCKS)]
        self.up = nn.Sequential(*self.up.children(), *blocks)


class _ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside the way through; adds nothing until it is trained.

    Without normalization, for batches of a few pictures; the activations come first, as the
    features that it passes on have a sign.

    Source: He et al., "Identity mappings in deep residual networks", ECCV 2016; the zero start:
    Zhang et al., "Fixup initialization", ICLR 2019.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.get_parameter("bias"))

    def forward(self, features: Tensor) -> Tensor:
        """Add to features (N, C, h, w) what the convolutions make of them."""
        return features + self.second(self.first(features.relu()).relu())


def principal_components(features: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the directions in which vectors of channels vary most.

    Args:
        features: float32 (N, C, h, w).
        count: how many directions, the first ones of C.

    Returns:
        mean float32 (C,), components float32 (count or C, C): orthonormal rows, most variance
        first.
    """
    vectors = features.movedim(1, -1).flatten(0, -2).double()
    mean = vectors.mean(0)
    _, directions = torch.linalg.eigh((vectors - mean).T @ (vectors - mean))
    return mean.float(), directions.flip(1).T[:count].float()


def _set_pixelwise(convolution: nn.Module, matrix: Tensor, bias: Tensor) -> None:
    """Have a convolution multiply each pixel's channels by a matrix and add a bias.

    Channels that it has beyond the matrix give and take nothing.
    """
    weight, offset = convolution.get_parameter("weight"), convolution.get_parameter("bias")
    middle = weight.shape[-1] // 2
    weight.zero_()
    weight[: matrix.shape[0], : matrix.shape[1], middle, middle] = matrix.to(weight)
    offset.zero_()
    offset[: len(bias)] = bias.to(offset)


def build_bottleneck(name: str, encoder_channels: int, channels: int | None) -> Bottleneck:
    """Build a bottleneck with random weights.

    Raises:
        InvalidInputError: there is no such bottleneck, or it cannot send so many channels.
    """
    return cast(Bottleneck, BOTTLENECKS.load(name)(encoder_channels, channels))
