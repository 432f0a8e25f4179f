"""The data that a checkpoint was trained on, or others in their place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    import argparse

    from cofeat.data.base import Dataset
    from cofeat.network.build import Model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that name other data."""
    parser.add_argument("--data", type=Path, help="folder of the data (the one it was trained on)")
    parser.add_argument("--dataset", help="name of the data set (the one it was trained on)")
    parser.add_argument("--size", help="WxH of the pictures (the size it was trained on)")


def open_trained_on(model: Model, arguments: argparse.Namespace, split: str) -> Dataset:
    """Open a split of the data that the options name, else of those of the checkpoint's recipe.

    Raises:
        InvalidInputError: neither says which, or they cannot be used.
    """
    from cofeat.data import open_dataset
    from cofeat.image import parse_size

    recipe = _recipe(model, arguments)
    root = arguments.data or recipe.get("root") or model.about.get("data_root")
    if root is None:
        raise InvalidInputError("give the folder of the data with --data")
    return open_dataset(
        name_of_data(model, arguments),
        root,
        split,
        parse_size(arguments.size or recipe["size"]),
    )


def name_of_data(model: Model, arguments: argparse.Namespace) -> str:
    """Return the name of the data set.

    Raises:
        InvalidInputError: neither options nor checkpoint say it.
    """
    return str(arguments.dataset or _recipe(model, arguments)["name"])


def _recipe(model: Model, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the section ``data`` of the recipe, empty where the options say it all."""
    try:
        return dict(model.about["recipe"]["data"])
    except (KeyError, TypeError):
        if arguments.data and arguments.dataset and arguments.size:
            return {}
        raise InvalidInputError(
            f"checkpoint '{model.folder}' does not say what it was trained on: "
            "give --data, --dataset and --size"
        ) from None
