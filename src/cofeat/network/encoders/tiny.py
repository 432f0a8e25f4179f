"""A narrow encoder for tests and for the quick recipe: minutes on two cores."""

from __future__ import annotations

from torch import Tensor, nn

from cofeat.network.encoders.base import Encoder, check_cut
from cofeat.network.encoders.resnet34 import BasicBlock

# cut -> channels of the stages, each at half the size of the one before.
CUTS = {"stride8": (24, 48, 64), "stride16": (24, 48, 64, 128)}


class Tiny(Encoder):
    """A 3x3 convolution of stride 2, then residual blocks of stride 2."""

    cuts = tuple(CUTS)

    def __init__(self, cut: str | None = None) -> None:
        super().__init__()
        first, *rest = CUTS[check_cut(cut, self.cuts, "tiny")]
        layers: list[nn.Module] = [
            nn.Conv2d(3, first, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(inplace=True),
        ]
        self.channels, self.stride = first, 2
        for channels in rest:
            layers += [BasicBlock(self.channels, channels, 2)]
            self.channels, self.stride = channels, self.stride * 2
        layers += [BasicBlock(self.channels, self.channels, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x)
        return features
