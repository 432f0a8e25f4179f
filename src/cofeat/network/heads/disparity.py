"""Disparity: one channel in pixels of the full-width image, mean squared error where valid."""

from __future__ import annotations

import torch
from torch import Tensor

from cofeat.network.heads.base import Activation, Head, LossSum

# Pixels for one unit of the last convolution: a street's usual disparity, so
# that weights of ordinary size reach it. Without it the first epochs go into
# growing one bias.
UNIT_PX = 32.0


class DisparityHead(Head):
    """Output: disparity (N, 1, H, W) in pixels."""

    kind = "regression"

    def __init__(
        self, channels: int, stride: int, activation: Activation = "relu", light: bool = False
    ) -> None:
        super().__init__(channels, stride, 1, activation, light)

    def forward(self, features: Tensor) -> Tensor:
        """Turn features (N, C, h, w) into disparity (N, 1, H, W) in pixels."""
        return super().forward(features) * UNIT_PX

    def loss(self, output: Tensor, truth: Tensor) -> LossSum:
        """Squared error in px^2 over valid pixels; truth float32 (N, H, W), 0 invalid."""
        valid = truth > 0
        error = torch.where(valid, output[:, 0].float() - truth, 0.0)
        return LossSum(error.square().sum(), valid.sum())

    def predict(self, output: Tensor) -> Tensor:
        """Return disparity in pixels, float32 (N, H, W), never negative."""
        return output[:, 0].float().clamp(min=0.0)
