"""Checkpoints that survive a kill at any moment.

A checkpoint is a folder, ``checkpoint-<step>``, written under another name and
renamed when it is whole; older ones are removed after that. It holds the
network (``network.json``, ``weights.safetensors``) and ``training.pt``: the
optimizer, the weighting's log-variances, the place in the schedule and, where
the network is an average, the weights that training goes on with.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from cofeat.errors import InvalidInputError, TrainingError
from cofeat.network.build import CHECKPOINT_GLOB, find_checkpoint, load_network, save_network
from cofeat.training.average import NetworkAverage
from cofeat.training.objective import Objective
from cofeat.training.recipe import Recipe, parse_recipe

TRAINING_FILE = "training.pt"
# Sections of a recipe that may change between the slices of one run: where it
# runs and what is measured afterwards, not what is trained.
FREE_SECTIONS = ("machine", "evaluate")


class Optimizer(Protocol):
    """An optimizer, or Fabric's wrapper of one."""

    def state_dict(self) -> dict[str, Any]:
        """Return moments and learning rates."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take them back."""
        ...


@dataclass
class Place:
    """Where a run is; everything else follows from it and the recipe."""

    step: int = 0
    """Optimizer steps done."""
    seconds: float = 0.0
    """Spent so far, over all slices."""
    images: int = 0
    """Of an epoch; 0 where an older checkpoint does not tell."""


def save_checkpoint(
    run: Path,
    objective: Objective,
    optimizer: Optimizer,
    place: Place,
    recipe: Recipe,
    about: dict[str, Any],
    average: NetworkAverage | None = None,
) -> Path:
    """Write a checkpoint and remove the older ones; returns its folder.

    Its network is the average, where there is one.
    """
    final = run / f"checkpoint-{place.step:09d}"
    temporary = run / f".{final.name}.tmp"
    for left_over in run.glob(".checkpoint-*.tmp"):  # of a save that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    temporary.mkdir(parents=True)
    about = {**about, "recipe": recipe.model_dump(mode="json"), "step": place.step}
    about["train_seconds"] = round(place.seconds, 1)
    network = objective.network if average is None else average.network
    try:
        save_network(temporary, network, recipe.network.model_dump(mode="json"), about)
        torch.save(
            {
                "optimizer": optimizer.state_dict(),
                "weighting": objective.weighting.state_dict(),
                "entropy_model": _entropy_state(objective),
                "network": {} if average is None else objective.network.state_dict(),
                "place": vars(place),
            },
            temporary / TRAINING_FILE,
        )
    # A full disk shows itself as whatever the two writers make of it.
    except Exception as error:
        shutil.rmtree(temporary, ignore_errors=True)
        reason = " ".join(str(error).split())[:200]
        raise TrainingError(
            f"the checkpoint of step {place.step} cannot be written to '{run}' ({reason}): make "
            "room; the same command goes on from the last one"
        ) from error
    for file in temporary.iterdir():
        _flush(file)
    _flush(temporary)
    if final.exists():  # the same step of the same run has the same content: never without one
        shutil.rmtree(temporary)
        return final
    temporary.rename(final)
    _flush(run)
    for other in run.glob(CHECKPOINT_GLOB):
        if other != final:
            shutil.rmtree(other, ignore_errors=True)
    return final


def _entropy_state(objective: Objective) -> dict[str, torch.Tensor]:
    """Return the entropy model's weights, none where the arm has no such model."""
    return {} if objective.entropy_model is None else objective.entropy_model.state_dict()


def _flush(path: Path) -> None:
    """Have the disk hold a file, or a folder's list of names, before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def has_checkpoint(run: Path) -> bool:
    """Whether a folder holds a run that can go on."""
    return any(run.glob(CHECKPOINT_GLOB))


def resume(
    run: Path,
    objective: Objective,
    optimizer: Optimizer,
    recipe: Recipe,
    average: NetworkAverage | None = None,
) -> Place:
    """Load the newest checkpoint of a run, if it has one, and return where to go on.

    Raises:
        InvalidInputError: the folder holds a run of another recipe, or its
            checkpoint cannot be read.
    """
    if not has_checkpoint(run):
        return Place()
    folder = find_checkpoint(run)
    model = load_network(folder)
    earlier = model.about.get("recipe")
    if not isinstance(earlier, dict):
        raise InvalidInputError(f"'{folder}' was not written by training: use another folder")
    # What its recipe does not name yet was then as the default is now.
    earlier = parse_recipe(earlier, f"the recipe of '{folder}'").model_dump(mode="json")
    differences = _differences(earlier, recipe.model_dump(mode="json"))
    if differences:
        raise InvalidInputError(
            f"'{run}' holds a run of another recipe ({'; '.join(differences[:3])}): "
            "use another folder, or remove this one"
        )
    objective.network.load_state_dict(model.network.state_dict())
    try:
        state = torch.load(folder / TRAINING_FILE, map_location="cpu", weights_only=True)
        objective.weighting.load_state_dict(state["weighting"])
        if objective.entropy_model is not None:
            objective.entropy_model.load_state_dict(state["entropy_model"])
        optimizer.load_state_dict(state["optimizer"])
        place = Place(**state["place"])
        if average is not None:
            objective.network.load_state_dict(state["network"])
            average.resume(model.network.state_dict(), place.step)
        return place
    except Exception as error:  # whatever the file holds, it is no training state of ours
        reason = " ".join(str(error).split())[:200]
        raise InvalidInputError(f"'{folder / TRAINING_FILE}' cannot be read: {reason}") from error


def _differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """Name the values that differ between two recipes, the free sections left out."""
    differences = []
    for key in old.keys() | new.keys():
        before, after = old.get(key), new.get(key)
        if before == after or (not prefix and key in FREE_SECTIONS):
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            differences += _differences(before, after, f"{prefix}{key}.")
        elif f"{prefix}{key}" != "data.root":  # the data may move
            differences.append(f"{prefix}{key} is {before} there and {after} here")
    return sorted(differences)
