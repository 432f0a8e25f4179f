"""ResNet-34 without pooling and classifier: the encoders of the paper.

``layer4`` is the paper's Encoder1 (stride 32, 512 channels), ``layer3`` its
Encoder2 (stride 16, 256 channels). Keys of the weights are torchvision's.

Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from cofeat.errors import InvalidInputError
from cofeat.network.encoders.base import Encoder, check_cut

# Channels and number of blocks of each residual stage.
STAGES = {"layer1": (64, 3), "layer2": (128, 4), "layer3": (256, 6), "layer4": (512, 3)}
CUTS = ("layer4", "layer3", "layer2")


class BasicBlock(nn.Module):
    """``y = relu(x' + bn(conv(relu(bn(conv(x))))))``, x' a 1x1 convolution where shapes differ."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet34(Encoder):
    """ResNet-34 up to and with the stage named by ``cut``."""

    cuts = CUTS

    def __init__(self, cut: str | None = None) -> None:
        super().__init__()
        cut = check_cut(cut, CUTS, "resnet34")
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stages: list[str] = []
        self.channels, self.stride = 64, 4
        for stage, (channels, blocks) in STAGES.items():
            stride = 1 if stage == "layer1" else 2
            layers = [BasicBlock(self.channels, channels, stride)]
            layers += [BasicBlock(channels, channels, 1) for _ in range(blocks - 1)]
            self.add_module(stage, nn.Sequential(*layers))
            self.stages.append(stage)
            self.channels, self.stride = channels, self.stride * stride
            if stage == cut:
                break
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in self.stages:
            x = self.get_submodule(stage)(x)
        return x

    @classmethod
    def imagenet_weights(cls) -> Mapping[str, Tensor]:
        """Return torchvision's weights, from its own cache or its own download."""
        try:
            from torchvision.models import ResNet34_Weights  # type: ignore[import-not-found]
        except (ImportError, RuntimeError) as error:
            # RuntimeError: a torchvision built for another torch breaks on import.
            raise InvalidInputError(
                "ImageNet weights of resnet34 come from torchvision, which cannot be imported "
                f"here ({error}): install it, or give the path of a .safetensors or .pth file "
                "with its key names, or use weights=null to train from scratch"
            ) from error
        weights: Mapping[str, Tensor] = ResNet34_Weights.IMAGENET1K_V1.get_state_dict(
            progress=False, check_hash=True
        )
        return weights
