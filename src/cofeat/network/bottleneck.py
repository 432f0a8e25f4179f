"""What stands between encoder and Q-layer, and again between Q-layer and heads."""

from __future__ import annotations

from typing import cast

from torch import nn

from cofeat.errors import InvalidInputError
from cofeat.registry import Registry

# name -> a callable (encoder's channels, channels to send or None) -> Bottleneck.
BOTTLENECKS = Registry(
    "bottleneck",
    "cofeat.bottlenecks",
    {
        "none": "cofeat.network.bottleneck:NoBottleneck",
        "conv1x1": "cofeat.network.bottleneck:Conv1x1Bottleneck",
        "narrow": "cofeat.network.bottleneck:NarrowBottleneck",
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


def build_bottleneck(name: str, encoder_channels: int, channels: int | None) -> Bottleneck:
    """Build a bottleneck with random weights.

    Raises:
        InvalidInputError: there is no such bottleneck, or it cannot send so many channels.
    """
    return cast(Bottleneck, BOTTLENECKS.load(name)(encoder_channels, channels))
