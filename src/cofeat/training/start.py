"""What a run begins with: another's weights, a teacher, a bottleneck that fits the features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from lightning.fabric import Fabric
from torch import nn

from cofeat.data.feed import Feed
from cofeat.errors import InvalidInputError
from cofeat.network.build import load_network
from cofeat.network.multitask import MultiTaskNetwork
from cofeat.training.objective import Objective
from cofeat.training.recipe import Recipe

# Images whose features bottleneck and entropy model begin with: far more vectors than channels.
STARTING_IMAGES = 128


def load_start(network: MultiTaskNetwork, path: str) -> None:
    """Give a network the weights of another, wherever both have a tensor of that name and shape.

    Raises:
        InvalidInputError: there is no checkpoint, or it has nothing in common with the network.
    """
    own, others = network.state_dict(), load_network(path).network.state_dict()
    shared = {
        key: value for key, value in others.items() if key in own and own[key].shape == value.shape
    }
    if not shared:
        raise InvalidInputError(
            f"train.start: '{path}' has no tensor in common with the recipe's network"
        )
    network.load_state_dict(own | shared)


def load_teacher(recipe: Recipe) -> MultiTaskNetwork:
    """Load the network that a run learns from.

    Raises:
        InvalidInputError: there is no checkpoint, or its network lacks a task that is to learn.
    """
    path = str(recipe.train.teacher)
    teacher = load_network(path).network.requires_grad_(False).eval()
    for task in recipe.loss.distillation:
        if task not in teacher.tasks:
            raise InvalidInputError(
                f"train.teacher: '{path}' has no task '{task}', which loss.distillation names; "
                f"it has {', '.join(teacher.tasks)}"
            )
    return teacher


def freeze(network: nn.Module, parts: Sequence[str]) -> None:
    """Keep parts of a network, named as its modules are, at the weights that they have.

    Raises:
        InvalidInputError: there is no such part.
    """
    for part in parts:
        try:
            network.get_submodule(part).requires_grad_(False)
        except AttributeError:
            inside = ", ".join(name for name, _ in network.named_children())
            raise InvalidInputError(
                f"train.freeze names '{part}', which is no part of the network: give paths of "
                f"modules below {inside}"
            ) from None


@torch.no_grad()
def begin_with_features(
    objective: Objective, feed: Feed, principal: bool, batch: int, fabric: Fabric
) -> None:
    """Give bottleneck, if principal, and entropy model weights that fit the encoder's features."""
    network, entropy_model = objective.network.eval(), objective.entropy_model
    count = min(STARTING_IMAGES, len(feed))
    plan = [list(range(first, min(first + batch, count))) for first in range(0, count, batch)]
    features = torch.cat([
        network.encoder_features(part.to(fabric.device).images).float()
        for part in feed.batches(plan)
    ])  # fmt: skip
    if principal:
        network.bottleneck.keep_principal(features)
    if entropy_model is not None:
        entropy_model.expect(network.bottleneck.down(features))
    for module in (network.bottleneck, entropy_model):
        for parameter in module.parameters() if module else ():
            parameter.copy_(fabric.broadcast(parameter))  # one set of weights in all processes
