"""`cofeat fit`: the codec's tables for a model, from its features of training images."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from cofeat import shipped
from cofeat.cli import trained_on
from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    from cofeat.cli.progress import Bar
    from cofeat.data.base import Dataset
    from cofeat.feature.quantizer import Quantized
    from cofeat.feature.tables import Tables
    from cofeat.network.build import Model

HELP = "fit the codec's tables to a model's features, and tell what they save"

# What is told of is measured on so many images that nothing was fitted to.
_MOST_MEASURED = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat fit` takes."""
    parser.add_argument("checkpoint", type=Path, help="folder of a run or of a checkpoint")
    trained_on.add_arguments(parser)
    parser.add_argument(
        "--images", type=int, default=400, metavar="N", help="training images to fit to (400)"
    )
    parser.add_argument(
        "--generations", type=int, help="of channels; more save bytes and take time (32)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat fit`."""
    from cofeat.cli.progress import track
    from cofeat.feature.entropy.fitted import MOST_GENERATIONS
    from cofeat.feature.entropy.fitting import DEFAULT_GENERATIONS, fit_tables
    from cofeat.files import replacing
    from cofeat.network.build import TABLES_FILE, load_network
    from cofeat.training.learned_tables import learn_tables, passes_over

    generations = DEFAULT_GENERATIONS if arguments.generations is None else arguments.generations
    if arguments.images < 1 or not 1 <= generations <= MOST_GENERATIONS:
        raise InvalidInputError(
            f"--images {arguments.images}, --generations {generations}: give at least 1 image, "
            f"and 1 to {MOST_GENERATIONS} generations"
        )
    model = load_network(arguments.checkpoint, with_tables=False)
    if shipped.holds(model.folder):
        raise InvalidInputError(
            f"'{model.folder.name}' comes with cofeat, and streams are read with its tables as "
            f"they are: copy '{model.folder}', and give the copy"
        )
    train = trained_on.open_trained_on(model, arguments, "train")
    val = trained_on.open_trained_on(model, arguments, "val")
    count, measured = min(arguments.images, len(train)), min(_MOST_MEASURED, len(val))
    with track("Encoding images", total=count + measured) as bar:
        tensors = _features(model, train, count, bar)
        held_out = _features(model, val, measured, bar)
    # A network with a fixed step was trained by an entropy model: its tables are learned.
    codec = "cofeat" if model.network.qlayer.step is None else "cofeat-learned"
    fitted: Tables
    if codec == "cofeat":
        total = min(generations, len(tensors[0].values)) + count
        with track("Fitting tables", total=total) as bar:
            fitted = fit_tables(tensors, generations, lambda done, _: bar.update(done))
    else:
        passes = passes_over(count)
        with track("Learning tables", total=passes) as bar:
            fitted = learn_tables(
                tensors,
                *_trained_for(model),
                passes=passes,
                on_progress=lambda done, _: bar.update(done),
            )
    path = model.folder / TABLES_FILE
    with replacing(path) as temporary:
        temporary.write_bytes(fitted.to_bytes())
    told = {
        "tables": str(path),
        "tables_id": fitted.id.hex(),
        "tables_bytes": path.stat().st_size,
        "fitted_to": count,
        "measured_on": measured,
        "codec": codec,
        **_saved(held_out, fitted, codec),
    }
    if arguments.json:
        print(json.dumps(told, indent=1))
    else:
        print(
            f"{path}: {told['tables_bytes']} bytes, {told['tables_id']}, fitted to {count} images\n"
            f"of {measured} others codec {codec} takes {told['bpfe_without']:.3f} bits/element "
            f"without tables and {told['bpfe_with']:.3f} with them ({told['saved_percent']:.1f} %)"
        )
    return 0


def _features(model: Model, dataset: Dataset, count: int, bar: Bar) -> list[Quantized]:
    """Return the integers of the first images, as the codec gets them."""
    from cofeat.cli.models import CheckpointModel
    from cofeat.feature.pipeline import quantize_finite

    runnable = CheckpointModel(model)
    given = (runnable.bits, runnable.per_channel, runnable.step)
    tensors = []
    for index in range(count):
        features = runnable.encode(dataset[index].image)
        tensors.append(quantize_finite(features, *given))
        bar.advance()
    return tensors


def _trained_for(model: Model) -> tuple[tuple[float, float], int, int]:
    """Return what a network was trained for: steps, in its quantizer's; groups, hidden units."""
    from cofeat.training.recipe import parse_recipe

    # What training did not write a recipe into was trained as the defaults are.
    given = model.about.get("recipe", {"name": "none"})
    recipe = parse_recipe(given, f"the recipe of '{model.folder}'")
    rate = recipe.loss.rate
    return recipe.train.coarse, rate.groups, rate.hidden


def _saved(tensors: list[Quantized], fitted: Tables, codec: str) -> dict[str, float]:
    """Return what the tables save on tensors, streams as they are sent."""
    from cofeat.feature.pipeline import compress_quantized

    elements = sum(tensor.values.size for tensor in tensors)
    without, with_ = (
        8 * sum(len(compress_quantized(t, codec, tables=tables)) for t in tensors) / elements
        for tables in (None, fitted)
    )
    saved = 100 * (1 - with_ / without)
    return {"bpfe_without": without, "bpfe_with": with_, "saved_percent": saved}
