"""Reconstruction of the input image: three channels in [0, 1], mean absolute error."""

from __future__ import annotations

import torch
from torch import Tensor

from cofeat.network.heads.base import Activation, Head, LossSum


class ReconstructionHead(Head):
    """Output: RGB (N, 3, H, W), about [0, 1], not clamped."""

    kind = "regression"

    def __init__(
        self, channels: int, stride: int, activation: Activation = "relu", light: bool = False
    ) -> None:
        super().__init__(channels, stride, 3, activation, light)

    def loss(self, output: Tensor, truth: Tensor) -> LossSum:
        """Absolute error over all pixels and channels; truth uint8 (N, 3, H, W)."""
        error = (output.float() - truth.float() / 255.0).abs()
        return LossSum(error.sum(), torch.full((), error.numel(), device=error.device))

    def predict(self, output: Tensor) -> Tensor:
        """Return RGB in [0, 1], float32 (N, H, W, 3)."""
        return output.float().clamp(0.0, 1.0).permute(0, 2, 3, 1)
