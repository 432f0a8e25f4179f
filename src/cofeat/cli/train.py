"""`cofeat train`: train one arm of a recipe, or go on where it was stopped."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from cofeat.cli import experiment

if TYPE_CHECKING:
    from cofeat.cli.progress import Bar
    from cofeat.training.recipe import Recipe

HELP = (
    f"train one arm of a recipe; where it was stopped (exit status {experiment.STOPPED}) "
    "the same command again goes on"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat train` takes."""
    experiment.add_arguments(parser, "train.epochs=50 train.arm=baseline")
    parser.add_argument("-o", "--out", type=Path, help="folder of the run (runs/NAME-ARM)")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat train`."""
    from cofeat.cli.experiment import load_experiment

    recipe = load_experiment(arguments.recipe, arguments.overrides)
    folder = arguments.out or Path("runs") / f"{recipe.name}-{recipe.train.arm}"
    complete = train_arm(recipe, folder)
    if arguments.json:
        print(json.dumps({"run": str(folder), "complete": complete}))
    elif complete:
        print(f"{folder}: complete; measure it with: cofeat eval {folder}")
    else:
        print(f"{folder}: stopped before the end; the same command goes on from here")
    return 0 if complete else experiment.stopped()


def train_arm(recipe: Recipe, folder: Path, title: str = "") -> bool:
    """Train into a folder with progress on standard error; True when the run is complete."""
    from cofeat.cli.experiment import data_root, open_splits
    from cofeat.cli.machine import commit, machine, versions
    from cofeat.training.loop import train

    data = open_splits(recipe, beside=folder.parent)
    about = {
        "model": recipe.name,
        "arm": recipe.train.arm,
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
        "stand_in": recipe.data.name == "streets",
        "data_root": str(data_root(recipe, folder.parent)),
    }
    with PhaseBars({"train": title or f"Training {recipe.train.arm}"}) as bars:
        return train(recipe, folder, data, bars.update, about)


class PhaseBars:
    """One bar after another for work that goes through phases.

    Args:
        titles: phase -> what to call it; others are called by their own name.
    """

    def __init__(self, titles: dict[str, str]) -> None:
        self._titles = titles
        self._phase: str | None = None
        self._stack = ExitStack()
        self._bar: Bar | None = None

    def __enter__(self) -> PhaseBars:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def update(self, phase: str, done: int, total: int, note: str) -> None:
        """Show how much of a phase is done; a new phase opens a new bar."""
        from cofeat.cli.progress import track

        if phase != self._phase or self._bar is None:
            self._stack.close()
            title = self._titles.get(phase, phase.capitalize())
            # What an earlier slice did is no speed of this one.
            before = max(0, done - 1) if phase == "train" else 0
            self._bar = self._stack.enter_context(track(title, total=total, completed=before))
            self._phase = phase
        self._bar.update(done, note=note)
