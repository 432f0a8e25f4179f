"""What train and reproduce share: a recipe whose every name exists, and its two splits."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    import argparse

    from cofeat.data.base import Dataset
    from cofeat.training.recipe import Recipe


# How often a waiting process looks whether the first one has made the data.
WAIT_S = 0.5
# Exit status of a run that stopped before its end: sysexits' "try again", so that a script
# does not go on with half a training.
STOPPED = 75


def add_arguments(parser: argparse.ArgumentParser, example: str) -> None:
    """Add the recipe, and what overrides it."""
    parser.add_argument("recipe", help="a YAML file, see recipes/")
    parser.add_argument(
        "overrides", nargs="*", default=[], metavar="KEY=VALUE", help=f"such as {example}"
    )


def load_experiment(path: str, overrides: list[str]) -> Recipe:
    """Read a recipe and refuse names of parts that do not exist, before any work is done.

    Raises:
        InvalidInputError: the recipe cannot be used.
    """
    from cofeat.data import DATASETS
    from cofeat.data.coded import UNCODED
    from cofeat.feature.codecs import parse_codec
    from cofeat.network.build import build_network
    from cofeat.pictures import parse_picture_spec
    from cofeat.training.recipe import load_recipe

    recipe = load_recipe(path, overrides)
    DATASETS.load(recipe.data.name)
    for codec in recipe.evaluate.codecs:
        parse_codec(codec)
    for picture in (*recipe.evaluate.pictures, *recipe.train.pictures):
        if picture != UNCODED:
            parse_picture_spec(picture)
    build_network(**{**recipe.network.model_dump(), "weights": None})
    return recipe


def process_rank() -> int:
    """Return which of several training processes this is; 0 where there is one."""
    return int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")))


def stopped() -> int:
    """Return the exit status of a run that goes on later.

    It is the first process's; of the others' any but 0 would be a fault to who started them.
    """
    return STOPPED if process_rank() == 0 else 0


def data_root(recipe: Recipe, beside: Path) -> Path | None:
    """Return the folder of a recipe's data; None where the recipe must name it and does not."""
    data = recipe.data
    if data.root:
        return Path(data.root)
    if data.name == "streets":
        return beside / f"streets-{data.size}-{data.train}-{data.val}-seed{data.seed}"
    return None


def open_splits(recipe: Recipe, beside: Path) -> tuple[Dataset, Dataset]:
    """Return the training and validation samples of a recipe.

    Args:
        recipe: its section ``data``.
        beside: where streets are made if the recipe names no folder.

    Raises:
        InvalidInputError: the recipe names no folder, or one that cannot be used.
    """
    from cofeat.data import open_dataset
    from cofeat.image import parse_size

    data = recipe.data
    root = data_root(recipe, beside)
    if root is None:
        raise InvalidInputError(
            f"the recipe does not say where '{data.name}' is: add data.root=FOLDER "
            "(cofeat data check FOLDER tells whether it is whole)"
        )
    if data.name == "streets":
        _make_streets(recipe, root)
    size = parse_size(data.size)
    return (
        open_dataset(data.name, root, "train", size),
        open_dataset(data.name, root, "val", size),
    )


def _make_streets(recipe: Recipe, root: Path) -> None:
    """Make the scenes in the first process; the others wait for them."""
    from cofeat.cli.progress import track
    from cofeat.data.streets.write import write_streets
    from cofeat.image import parse_size

    data = recipe.data
    if data.train is None or data.val is None:
        raise InvalidInputError("streets are made to order: give data.train and data.val")
    while process_rank() > 0 and not (root / "streets.json").is_file():
        time.sleep(WAIT_S)
    with track("Making street scenes", total=data.train + data.val) as bar:
        write_streets(
            root,
            data.train,
            data.val,
            parse_size(data.size),
            data.seed,
            progress=lambda done, _: bar.update(done),
        )
