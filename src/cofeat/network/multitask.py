"""The whole network, in two halves: what the device runs and what the cloud runs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cofeat.errors import InvalidInputError
from cofeat.image import normalization
from cofeat.network.bottleneck import Bottleneck
from cofeat.network.encoders.base import Encoder
from cofeat.network.heads.base import Head
from cofeat.network.qlayer import QLayer


class MultiTaskNetwork(nn.Module):
    """One encoder, several heads.

    ::

        image ─ normalize ─ pad ─► encoder ─► bottleneck.down ─► features      encode()
                                                                    │
                                                                 Q-layer       quantize
                                                                    │
        outputs ◄─ crop ─ heads ◄──────────── bottleneck.up ◄───────┘          decode()

    Args:
        encoder: runs on the device.
        bottleneck: around the cut.
        qlayer: between the halves.
        heads: task name -> head, on the encoder's channels and stride.

    Raises:
        InvalidInputError: there is no head.
    """

    scale: Tensor
    offset: Tensor

    def __init__(
        self, encoder: Encoder, bottleneck: Bottleneck, qlayer: QLayer, heads: dict[str, Head]
    ) -> None:
        super().__init__()
        if not heads:
            raise InvalidInputError("a network needs at least one task, and none was given")
        self.encoder = encoder
        self.bottleneck = bottleneck
        self.qlayer = qlayer
        self.heads = nn.ModuleDict(heads)
        scale, offset = normalization(encoder.mean, encoder.std)
        self.register_buffer("scale", torch.from_numpy(scale), persistent=False)
        self.register_buffer("offset", torch.from_numpy(offset), persistent=False)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in order."""
        return tuple(self.heads)

    def head(self, task: str) -> Head:
        """Return the head of a task."""
        head = self.heads[task]
        if not isinstance(head, Head):
            raise TypeError(f"the head of '{task}' is a {type(head).__name__}, not a Head")
        return head

    @property
    def stride(self) -> int:
        """Image pixels for one feature, along each side."""
        return self.encoder.stride * self.bottleneck.stride

    def feature_shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        """Return (channels, height, width) of the features of an image of (height, width)."""
        height, width = (-(-side // self.stride) for side in size)
        return self.bottleneck.channels, height, width

    def encode(self, images: Tensor) -> Tensor:
        """Run the device's half.

        Args:
            images: uint8 (N, 3, H, W), any size; sides that the stride does not
                divide are padded on the right and below by repeating the edge.

        Returns:
            features float32 (N, C, ceil(H / stride), ceil(W / stride)).
        """
        features: Tensor = self.bottleneck.down(self.encoder_features(images))
        return features.float()

    def encoder_features(self, images: Tensor) -> Tensor:
        """Return what the encoder gives to the bottleneck, for images as in ``encode``."""
        x = images.float() * self.scale - self.offset
        height, width = x.shape[-2:]
        below, right = -height % self.stride, -width % self.stride
        if below or right:
            x = F.pad(x, (0, right, 0, below), mode="replicate")
        features: Tensor = self.encoder(x)
        return features

    def decode(
        self, features: Tensor, size: tuple[int, int], tasks: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        """Run the cloud's half.

        Args:
            features: float32 (N, C, h, w), as the Q-layer or the bitstream gives them.
            size: (height, width) of the image, to which outputs are cropped.
            tasks: which heads to run; all by default.

        Returns:
            task -> raw output (N, outputs, height, width).
        """
        x = self.bottleneck.up(features)
        height, width = size
        return {
            task: self.heads[task](x)[..., :height, :width]
            for task in (self.tasks if tasks is None else tasks)
        }

    def forward(
        self, images: Tensor, unit_noise: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Run both halves with the Q-layer between.

        Args:
            images: uint8 (N, 3, H, W).
            unit_noise: for the Q-layer in training, uniform in [-1/2, 1/2), like the features.

        Returns:
            (features before the Q-layer, task -> raw output).
        """
        features = self.encode(images)
        size = (images.shape[-2], images.shape[-1])
        return features, self.decode(self.qlayer(features, unit_noise), size)

    def predict(
        self, features: Tensor, size: tuple[int, int], tasks: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        """Turn features into each task's prediction, as ``cofeat.tasks`` measures it."""
        outputs = self.decode(features, size, tasks)
        return {task: self.head(task).predict(output) for task, output in outputs.items()}
