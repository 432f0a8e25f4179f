"""`cofeat reproduce`: the paper's comparison, from nothing to report.html.

Every stage looks first whether its outcome is there already, so that the same
command goes on where it was stopped and is quick when nothing has changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofeat.cli import experiment
from cofeat.cli.eval import PAPER_CODECS
from cofeat.errors import CofeatError
from cofeat.files import write_text

if TYPE_CHECKING:
    from cofeat.evaluation.points import Curve
    from cofeat.evaluation.sweep import Sweep
    from cofeat.network.build import Model
    from cofeat.training.recipe import Arm, Recipe

HELP = "run the paper's comparison of baseline and proposed: data, training, measures, report"

ARMS: tuple[Arm, Arm] = ("baseline", "proposed")
BD_METHOD = "cubic"  # Bjontegaard's own, and the paper's
# Changes when the measuring changes, so that older results are measured anew.
MEASURED_BY = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat reproduce` takes."""
    experiment.add_arguments(parser, "train.epochs=50 data.seed=2")
    parser.add_argument("-o", "--out", type=Path, help="folder of the run (runs/NAME)")
    parser.add_argument(
        "--split",
        action="store_true",
        help="also show the split at run time: a bundle, a cloud on this machine, a device",
    )
    parser.add_argument("--json", action="store_true", help="print curves and BD-rates as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat reproduce`."""
    from cofeat.cli.bd import print_results
    from cofeat.cli.bd_tables import bd_json, bd_tables, write_bd
    from cofeat.cli.eval import print_points
    from cofeat.cli.experiment import load_experiment, open_splits, process_rank
    from cofeat.cli.machine import provenance
    from cofeat.cli.train import train_arm
    from cofeat.evaluation.report.page import build_report
    from cofeat.feature.pipeline import check_codecs
    from cofeat.network.build import load_network

    recipe = load_experiment(arguments.recipe, arguments.overrides)
    check_codecs(recipe.evaluate.codecs, recipe.network.bits)  # now, not after hours of training
    folder = arguments.out or Path("runs") / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / "results"
    results.mkdir(exist_ok=True)

    started = time.monotonic()
    wall_s: dict[str, float] = {}
    for arm in ARMS:
        before = time.monotonic()
        if not train_arm(_with_arm(recipe, arm), folder / arm):
            if arguments.json:
                print(json.dumps({"complete": False, "run": str(folder)}))
            else:
                print(f"{folder / arm}: stopped before the end; the same command goes on from here")
            return experiment.stopped()
        wall_s[f"train {arm}"] = time.monotonic() - before

    if process_rank() > 0:
        return 0  # one of several training processes; the first one measures
    # Only now: a run of another recipe was refused, and keeps its own.
    write_text(folder / "recipe.yaml", recipe.to_yaml())
    models: dict[str, Model] = {arm: load_network(folder / arm) for arm in ARMS}
    before = time.monotonic()
    about = provenance(recipe.train.seed)
    curves, measured = _curves(recipe, models, folder, results, about)
    wall_s["measure"] = time.monotonic() - before
    swept = recipe.evaluate.codecs
    sweeps = {"The wide sweep": list(swept)}
    if points := [codec for codec in PAPER_CODECS if codec in swept]:
        sweeps = {"The paper's points": points, **sweeps}
    tables = bd_tables(curves, sweeps, BD_METHOD, recipe.evaluate.resamples)
    write_bd(tables, results)
    complete = [results / "pictures" / "index.json", results / "provenance.json"]
    if measured or not all(file.is_file() for file in complete):
        _, val = open_splits(recipe, beside=folder)
        photographs = _pictures(models, val, results / "pictures", recipe)
        wall_s["all"] = time.monotonic() - started
        about |= {
            "stand_in": recipe.data.name == "streets",
            "wall_s": {name: round(seconds, 1) for name, seconds in wall_s.items()},
            "train_s": {arm: model.about["train_seconds"] for arm, model in models.items()},
            "photographs": photographs,
        }
        write_text(results / "provenance.json", json.dumps(about, indent=1))
    _split(arguments.split, models["proposed"], recipe, folder, about)
    report = folder / "report.html"
    build_report(folder, report)

    if arguments.json:
        names = [f"{curve.name}.json" for curve in curves]
        shown = [json.loads((results / name).read_text(encoding="utf-8")) for name in names]
        print(json.dumps({"curves": shown, "bd": bd_json(tables), "report": str(report)}))
        return 0
    print_points(curves)
    for table in tables:
        print(f"\n{table.title}: {', '.join(table.codecs)}")
        print_results(table.results, BD_METHOD)
    print(f"\nreport: {report}")
    return 0


def _with_arm(recipe: Recipe, arm: Arm) -> Recipe:
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"arm": arm})})


def _curves(
    recipe: Recipe, models: dict[str, Model], folder: Path, results: Path, about: dict[str, Any]
) -> tuple[list[Curve], bool]:
    """Return all curves, read where they are measured already; True if any was measured now."""
    from cofeat.cli.experiment import open_splits
    from cofeat.cli.progress import track
    from cofeat.evaluation.points import load_curve, save_curve, write_csv
    from cofeat.evaluation.sweep import Sweep

    options = recipe.evaluate
    families = list(dict.fromkeys(codec.partition(":")[0] for codec in options.pictures))
    keys = {arm: _key(model, recipe) for arm, model in models.items()}
    # Pictures go through the baseline, which was trained for nothing but its tasks.
    pictures = ["mobile", *(f"cloud-{family}" for family in sorted(families))]
    names: dict[str, list[str]] = {"baseline": ["baseline", *pictures], "proposed": ["proposed"]}
    files = {arm: [results / f"{name}.json" for name in names[arm]] for arm in ARMS}
    missing = [arm for arm in ARMS if not _measured(files[arm], keys[arm])]
    _remove_others(results, {file.stem for arm in ARMS for file in files[arm]})
    if missing:
        # What shows older measurements must not outlive them, should this be killed.
        for name in ("pictures/index.json", "provenance.json"):
            (results / name).unlink(missing_ok=True)
        _, val = open_splits(recipe, beside=folder)

    def sweep_of(arm: str) -> Sweep:
        stamp = {**about, "key": keys[arm]}
        return Sweep(models[arm], val, options.images, options.batch, stamp)

    for arm in missing:
        sweep = sweep_of(arm)
        total = len(options.codecs) * len(sweep.samples)
        with track(f"Coding {arm} features", total=total) as bar:
            arm_curves = [
                sweep.coded_features(arm, options.codecs, lambda done, _: bar.update(done))
            ]
        if arm == "baseline":
            arm_curves.append(sweep.uncoded())
            total = len(options.pictures) * len(sweep.samples)
            with track("Coding pictures", total=total) as bar:
                arm_curves += sweep.coded_pictures(
                    options.pictures, lambda done, _: bar.update(done)
                )
        for curve in arm_curves:
            save_curve(curve, results / f"{curve.name}.json")
    curves = [load_curve(file) for arm in ("proposed", "baseline") for file in files[arm]]
    write_csv(curves, results / "points.csv")
    return curves, bool(missing)


def _split(wanted: bool, model: Model, recipe: Recipe, folder: Path, about: dict[str, Any]) -> None:
    """Show the split in the report where it is wanted and not shown yet; without it goes on."""
    from cofeat.cli.demonstration import put_split
    from cofeat.cli.experiment import open_splits

    key = _key(model, recipe)
    put_split(wanted, key, model, lambda: open_splits(recipe, beside=folder), folder, about)


def _remove_others(results: Path, wanted: set[str]) -> None:
    """Remove curves that the recipe no longer asks for, lest the report show them."""
    kept = wanted | {"bd", "provenance"}
    for file in (*results.glob("*.json"), *results.glob("*.npz")):
        if file.stem not in kept:
            file.unlink()


def _key(model: Model, recipe: Recipe) -> str:
    """Return what a measurement depends on, as a short hash."""
    depends = [
        model.model_id.hex(),
        model.tables.id.hex() if model.tables else None,
        recipe.evaluate.model_dump(exclude={"resamples", "batch"}),
        recipe.data.model_dump(exclude={"root"}),
        MEASURED_BY,
    ]
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:16]


def _measured(files: list[Path], key: str) -> bool:
    """Whether all files hold curves of that key."""
    try:
        texts = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    except (OSError, ValueError):
        return False
    return all(text.get("provenance", {}).get("key") == key for text in texts)


def _pictures(models: dict[str, Model], val: Any, folder: Path, recipe: Recipe) -> list[str]:
    """Make the pictures of the report; returns the names of the photographs."""
    from cofeat.data.samples import motorcycle, photographs
    from cofeat.evaluation.gallery import Gallery
    from cofeat.image import parse_size

    gallery = Gallery(folder)
    gallery.mosaics(models, val[0])
    codecs = [codec for codec in ("png", "jpeg:80", "jpeg:20") if codec in recipe.evaluate.codecs]
    pictures = [codec for codec in ("webp:75", "webp:20") if codec in recipe.evaluate.pictures]
    for index in range(min(2, len(val))):
        gallery.rates(models, val[index], codecs, pictures)
    try:
        samples = [motorcycle(), *photographs()][:5]
    except CofeatError as error:  # the package that has them is not installed
        print(f"no photographs in the report: {error}")
        samples = []
    if samples:
        gallery.photographs(models["proposed"], samples, "png", parse_size(recipe.data.size))
    gallery.finish()
    return [sample.name for sample in samples]
