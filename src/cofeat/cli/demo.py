"""`cofeat demo`: the models that come with the package, measured and shown in two minutes.

Street scenes that they never saw, features against coded pictures, the paper's two arms, and the
split at run time, into one page. Training from nothing is `cofeat reproduce`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofeat.errors import InvalidInputError
from cofeat.files import write_text

if TYPE_CHECKING:
    from cofeat.data.base import Dataset
    from cofeat.evaluation.points import Curve
    from cofeat.network.build import Model

HELP = (
    "show what the models that come with cofeat do: curves, arms, pictures, the split, as one page"
)

# The paper's two arms are compared over these; the wide sweep of `cofeat eval` takes longer.
PAIR = ["png", "jpeg:98", "jpeg:95", "jpeg:90", "jpeg:80", "jpeg:60", "jpeg:30"]
# curve -> model of the package, and the codings of features that are measured.
FEATURES = {
    "bottleneck": (
        "streets-mobile",
        [f"cofeat-learned:{setting}" for setting in (14, 18, 22, 26, 30)],
    ),
    "proposed": ("streets-mobile-proposed", PAIR),
    "baseline": ("streets-mobile-baseline", PAIR),
}
PICTURES_MODEL = "streets-mobile-pictures"
PICTURES = ["jpeg:70", "jpeg:30", "webp:70", "webp:20", "avif:50", "avif:30", "avif:20"]
SIZE = (128, 256)
# A seed that neither training nor any choice has seen.
SEED, TRAIN_SCENES = 3, 16
RESAMPLES = 200
# A cubic, as the paper's, does not follow curves this flat at their dear end.
BD_METHOD = "pchip"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat demo` takes."""
    parser.add_argument("-o", "--out", type=Path, default=Path("runs/demo"), help="(runs/demo)")
    parser.add_argument("--images", type=int, default=30, metavar="N", help="scenes (30)")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat demo`."""
    from cofeat.cli.bd_tables import bd_tables, write_bd
    from cofeat.cli.demonstration import put_split
    from cofeat.cli.eval import print_points
    from cofeat.cli.machine import provenance
    from cofeat.evaluation.points import write_csv
    from cofeat.evaluation.report.page import build_report
    from cofeat.network.build import load_network

    if arguments.images < 1:
        raise InvalidInputError(f"--images is {arguments.images}: give at least 1")
    folder, results = arguments.out, arguments.out / "results"
    results.mkdir(parents=True, exist_ok=True)
    about = provenance(0) | {"stand_in": True}
    train, val = _scenes(folder, arguments.images)
    names = [name for name, _ in FEATURES.values()]
    models = {name: load_network(name) for name in (*names, PICTURES_MODEL)}
    curves = _curves(models, val, results, about)
    write_csv(curves, results / "points.csv")
    tables = bd_tables(curves, {"PNG, and JPEG 98 to 30": PAIR}, BD_METHOD, RESAMPLES)
    write_bd(tables, results)
    _pictures(models, val, results / "pictures")
    write_text(results / "provenance.json", json.dumps(about, indent=1))
    first = models[names[0]]
    put_split(True, first.model_id.hex(), first, lambda: (train, val), folder, about)
    build_report(folder, folder / "report.html")
    print_points(curves)
    print(f"\nreport: {folder / 'report.html'}")
    return 0


def _scenes(folder: Path, count: int) -> tuple[Dataset, Dataset]:
    """Make the scenes, or find them made: some for calibration, and those that are measured."""
    from cofeat.cli.progress import track
    from cofeat.data import open_dataset
    from cofeat.data.streets.write import write_streets

    root = folder / f"streets-{count}"
    with track("Making street scenes", total=TRAIN_SCENES + count) as bar:
        write_streets(
            root, TRAIN_SCENES, count, SIZE, SEED, progress=lambda done, _: bar.update(done)
        )
    return (
        open_dataset("streets", root, "train", SIZE),
        open_dataset("streets", root, "val", SIZE),
    )


def _curves(
    models: dict[str, Model], val: Dataset, results: Path, about: dict[str, Any]
) -> list[Curve]:
    """Measure features and pictures, and keep the curves."""
    from cofeat.cli.progress import track
    from cofeat.evaluation.points import save_curve
    from cofeat.evaluation.sweep import Sweep

    curves: list[Curve] = []
    for name, (model, codecs) in FEATURES.items():
        sweep = Sweep(models[model], val, provenance=about)
        with track(f"Coding features, {name}", total=len(codecs) * len(val)) as bar:
            curves.append(sweep.coded_features(name, codecs, lambda done, _: bar.update(done)))
    sweep = Sweep(models[PICTURES_MODEL], val, provenance=about)
    with track("Coding pictures", total=len(PICTURES) * len(val)) as bar:
        curves += sweep.coded_pictures(PICTURES, lambda done, _: bar.update(done))
    curves.append(sweep.uncoded())
    for curve in curves:
        save_curve(curve, results / f"{curve.name}.json")
    return curves


def _pictures(models: dict[str, Model], val: Dataset, folder: Path) -> None:
    """Make the pictures of the report."""
    from cofeat.evaluation.gallery import Gallery

    gallery = Gallery(folder)
    gallery.mosaics({arm: models[FEATURES[arm][0]] for arm in ("baseline", "proposed")}, val[0])
    name, codecs = FEATURES["bottleneck"]
    gallery.rates({"bottleneck": models[name]}, val[0], codecs, [])
    gallery.rates({"pictures": models[PICTURES_MODEL]}, val[0], [], ["avif:50", "avif:20"])
    gallery.finish()
