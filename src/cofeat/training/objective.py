"""One step's loss: the network, the losses of its tasks, compressibility, and their weights.

A loss is a sum and a count over the whole batch, wherever its images are: the
means below are those of the global batch, so that any number of processes
takes the same step.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, distributed, nn

from cofeat.errors import InvalidInputError
from cofeat.losses.compressibility import Form, bits_sum, compressibility_sum
from cofeat.losses.rate import EntropyModel
from cofeat.losses.weighting import Term, Weighting
from cofeat.network.heads.base import LossSum
from cofeat.network.multitask import MultiTaskNetwork
from cofeat.training.recipe import Recipe

COMPRESSIBILITY = "compressibility"
RATE = "rate"
# Before the name of the task whose head learns from the teacher's.
DISTILLATION = "distillation_"


class Step(NamedTuple):
    """What one forward pass gives."""

    total: Tensor
    losses: dict[str, Tensor]
    """Name -> mean over the global batch, before weighting."""
    weights: dict[str, Tensor]
    """Name -> d total / d loss."""
    feature_range: Tensor
    """Mean over this process's images of max - min of the features."""


class Objective(nn.Module):
    """Network and weighting in one module, so that everything trained is in one place.

    Args:
        network: in training.
        weighting: knows every loss by name.
        compressibility: the form of L_c, or None to leave it out.
        entropy_model: tells the rate, or None to leave it out.
    """

    def __init__(
        self,
        network: MultiTaskNetwork,
        weighting: Weighting,
        compressibility: Form | None,
        entropy_model: EntropyModel | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.weighting = weighting
        self.compressibility = compressibility
        self.entropy_model = entropy_model

    def forward(
        self,
        images: Tensor,
        truths: dict[str, Tensor],
        unit_noise: Tensor,
        coarseness: Tensor | None = None,
        taught: dict[str, Tensor] | None = None,
    ) -> Step:
        """Return the step's losses.

        Args:
            images: uint8 (N, 3, H, W).
            truths: task -> truth, batch first.
            unit_noise: for the Q-layer, like the features, uniform in [-1/2, 1/2).
            coarseness: by how much each image's step is coarser, float32 (N,); None is 1.
            taught: task -> the teacher's raw output, for the tasks that learn from it.
        """
        if coarseness is not None:
            unit_noise = unit_noise * coarseness.view(-1, 1, 1, 1)
        features, outputs = self.network(images, unit_noise)
        losses = {
            task: global_mean(self.network.head(task).loss(output, truths[task]))
            for task, output in outputs.items()
        }
        for task, output in (taught or {}).items():
            losses[DISTILLATION + task] = global_mean(
                self.network.head(task).distance(outputs[task], output)
            )
        if self.compressibility is not None:
            elements = torch.full((), features.numel(), device=features.device)
            total = self._compressibility_sum(features, self.compressibility, coarseness)
            losses[COMPRESSIBILITY] = global_mean(LossSum(total, elements))
        if self.entropy_model is not None:
            bits = self.entropy_model(self.network.qlayer(features, unit_noise), coarseness)
            pixels = torch.full((), images[:, 0].numel(), device=features.device)
            losses[RATE] = global_mean(LossSum(bits.sum(), pixels))
        span = features.detach().amax((1, 2, 3)) - features.detach().amin((1, 2, 3))
        return Step(
            self.weighting(losses),
            {name: loss.detach() for name, loss in losses.items()},
            self.weighting.weights(losses),
            span.mean(),
        )

    def _compressibility_sum(
        self, features: Tensor, form: Form, coarseness: Tensor | None
    ) -> Tensor:
        qlayer = self.network.qlayer
        if form != "bits":
            return compressibility_sum(features, form, qlayer.per_channel)
        width = qlayer.width(features)
        return bits_sum(
            features, width if coarseness is None else width * coarseness.view(-1, 1, 1, 1)
        )


def global_mean(loss: LossSum) -> Tensor:
    """Return the mean over all processes' elements, shape ().

    Its value is the global mean. Its gradient is this process's part of it,
    times the number of processes, since data-parallel training then averages
    over them; so anything computed from the value has the right gradient too.
    """
    total, elements, processes = loss.total.detach().clone(), loss.elements.clone(), 1
    if distributed.is_available() and distributed.is_initialized():
        distributed.all_reduce(total)
        distributed.all_reduce(elements)
        processes = distributed.get_world_size()
    elements = elements.clamp(min=1)
    own = (loss.total - loss.total.detach()) * processes
    return total / elements + own / elements


def build_weighting(recipe: Recipe, network: MultiTaskNetwork) -> Weighting:
    """Build the weights of all losses that the recipe's arm has."""
    terms = {}
    for task in network.tasks:
        if task in recipe.loss.tasks:
            weight = recipe.loss.tasks[task]
            terms[task] = Term(network.head(task).kind, weight.rule, weight.pressure)
        else:
            terms[task] = Term(network.head(task).kind)
    for task, weight in recipe.loss.distillation.items():
        terms[DISTILLATION + task] = Term(network.head(task).kind, weight.rule, weight.pressure)
    if recipe.train.arm == "proposed":
        weight = recipe.loss.compressibility
        terms[COMPRESSIBILITY] = Term("regression", weight.rule, weight.pressure)
    if recipe.train.arm == "rate":
        terms[RATE] = Term("regression", recipe.loss.rate.rule, recipe.loss.rate.pressure)
    return Weighting(terms)


def build_entropy_model(recipe: Recipe, network: MultiTaskNetwork) -> EntropyModel | None:
    """Build the model of the rate that the recipe's arm trains with, None for the others.

    Raises:
        InvalidInputError: the network quantizes over each image's own range.
    """
    if recipe.train.arm != "rate":
        return None
    if network.qlayer.step is None:
        raise InvalidInputError(
            "the arm 'rate' counts bits at a fixed step of the quantizer: give network.step=1"
        )
    usual = network.qlayer.step * recipe.train.coarse[0]
    rate = recipe.loss.rate
    return EntropyModel(
        network.bottleneck.channels, network.qlayer.step, usual, rate.groups, rate.hidden
    )


def compressibility_form(recipe: Recipe) -> Form | None:
    """Return the form of L_c that the recipe's arm trains with, None for the baseline."""
    return recipe.loss.compressibility.form if recipe.train.arm == "proposed" else None
