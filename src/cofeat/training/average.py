"""A moving average of a network's weights, which is what a run then gives."""

from __future__ import annotations

from typing import cast

from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cofeat.network.multitask import MultiTaskNetwork


class NetworkAverage:
    """The weights and buffers after each step, later ones weighing more.

    Args:
        network: on the device that it is trained on.
        share: of itself that the average keeps at each step, above 0 and below 1.
    """

    def __init__(self, network: MultiTaskNetwork, share: float) -> None:
        blend = get_ema_multi_avg_fn(share)
        self._model = AveragedModel(network, multi_avg_fn=blend, use_buffers=True)

    @property
    def network(self) -> MultiTaskNetwork:
        """A network of its own that has the averages."""
        return cast(MultiTaskNetwork, self._model.module)

    def update(self, network: MultiTaskNetwork) -> None:
        """Take in the weights after one more step; those of the first are the first average."""
        self._model.update_parameters(network)

    def resume(self, averages: dict[str, Tensor], steps: int) -> None:
        """Go on from averages of so many steps."""
        self.network.load_state_dict(averages)
        self._model.n_averaged.fill_(steps)
