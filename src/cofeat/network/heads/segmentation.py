"""Semantic segmentation: 19 logits a pixel, cross-entropy without void."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from cofeat.network.heads.base import Activation, Head, LossSum
from cofeat.tasks.segmentation import NUM_CLASSES, VOID


class SegmentationHead(Head):
    """Output: logits (N, 19, H, W)."""

    kind = "classification"

    def __init__(
        self, channels: int, stride: int, activation: Activation = "relu", light: bool = False
    ) -> None:
        super().__init__(channels, stride, NUM_CLASSES, activation, light)

    def loss(self, output: Tensor, truth: Tensor) -> LossSum:
        """Cross-entropy over the pixels that are not void; truth uint8 (N, H, W)."""
        labels = truth.long()
        total = F.cross_entropy(output.float(), labels, ignore_index=VOID, reduction="sum")
        return LossSum(total, (labels != VOID).sum())

    def distance(self, output: Tensor, taught: Tensor) -> LossSum:
        """Kullback-Leibler divergence from another network's classes, in nats, over all pixels."""
        total = F.kl_div(
            output.float().log_softmax(1),
            taught.float().log_softmax(1),
            reduction="sum",
            log_target=True,
        )
        return LossSum(total, torch.full((), output[:, 0].numel(), device=output.device))

    def predict(self, output: Tensor) -> Tensor:
        """Return train ids, uint8 (N, H, W)."""
        return output.argmax(dim=1).to(torch.uint8)
