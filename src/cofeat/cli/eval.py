"""`cofeat eval`: rate-accuracy points of a trained network, and of coded pictures beside it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofeat import shipped
from cofeat.cli import trained_on
from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    from cofeat.evaluation.points import Curve
    from cofeat.evaluation.sweep import OnPrediction, Sweep
    from cofeat.network.build import Model

HELP = "measure a trained network: bytes against accuracy, for each codec and for coded pictures"

PAPER_CODECS = ("png", "jpeg:95", "jpeg:90", "jpeg:85", "jpeg:80")
# Of the learned codec, each some seventh fewer bytes than the one before.
_LEARNED_SETTINGS = range(16, 28, 2)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat eval` takes."""
    parser.add_argument("checkpoint", type=Path, help="folder of a run or of a checkpoint")
    trained_on.add_arguments(parser)
    parser.add_argument("--split", default="val", help="train, val or test (val)")
    parser.add_argument("--images", type=int, help="only the first so many")
    parser.add_argument(
        "--codecs",
        help=f"of the features ({','.join(PAPER_CODECS)}, those that hold the network's bits; "
        "settings of cofeat-learned where it was trained for that)",
    )
    parser.add_argument(
        "--pictures", default="", help="codings of the picture for cloud only, e.g. webp:75,avif:60"
    )
    parser.add_argument("--batch", type=int, default=16, help="images at once (16)")
    parser.add_argument("-o", "--out", type=Path, help="folder of the results (RUN/results)")
    parser.add_argument("--save-predictions", action="store_true", help="as PNG files")
    parser.add_argument("--save-features", action="store_true", help="as features.npz")
    parser.add_argument("--json", action="store_true", help="print the curves as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat eval`."""
    from cofeat.cli.machine import provenance
    from cofeat.cli.progress import track
    from cofeat.evaluation.points import save_curve, write_csv
    from cofeat.evaluation.sweep import save_features
    from cofeat.feature.pipeline import check_codecs

    asked, pictures = _checked_codecs(arguments)
    sweep, model = open_sweep(arguments)
    codecs = _usual_codecs(model) if asked is None else asked
    check_codecs(codecs, model.network.qlayer.bits)  # now, not after the first of them
    about = model.about
    sweep.provenance = provenance(_seed(about)) | {"trained": _training(about)}
    out = arguments.out or _run_folder(model.folder) / "results"
    out.mkdir(parents=True, exist_ok=True)

    arm = about.get("arm", "features")
    curves: list[Curve] = []
    keep = _keeper(sweep, out / "predictions") if arguments.save_predictions else None
    if codecs:
        with track(f"Coding {arm} features", total=len(codecs) * len(sweep.samples)) as bar:
            curves.append(sweep.coded_features(arm, codecs, lambda done, _: bar.update(done), keep))
    if pictures:
        with track("Coding pictures", total=len(pictures) * len(sweep.samples)) as bar:
            curves += sweep.coded_pictures(pictures, lambda done, _: bar.update(done), keep)
    curves.append(sweep.uncoded(on_prediction=keep))
    for curve in curves:
        save_curve(curve, out / f"{curve.name}.json")
    write_csv(curves, out / "points.csv")
    if arguments.save_features:
        save_features(sweep, out / "features.npz")
    if arguments.json:
        print(json.dumps([_plain(out / f"{curve.name}.json") for curve in curves]))
    else:
        print_points(curves)
        print(f"written to {out}")
    return 0


def _seed(about: dict[str, Any]) -> int | None:
    """Return the seed of the training, None where the checkpoint does not tell it."""
    seed: int | None = about.get("recipe", {}).get("train", {}).get("seed")
    return seed


def _training(about: dict[str, Any]) -> dict[str, Any]:
    """Return with which recipe and at which commit a checkpoint was trained, as far as it tells."""
    return {key: about.get(key) for key in ("commit", "recipe")}


def _checked_codecs(arguments: argparse.Namespace) -> tuple[list[str] | None, list[str]]:
    """Return the codecs of features, where any are asked for, and of pictures.

    Raises:
        InvalidInputError: something about the arguments is wrong.
    """
    from cofeat.feature.codecs import parse_codec
    from cofeat.pictures import parse_picture_spec

    codecs = None if arguments.codecs is None else _words(arguments.codecs)
    pictures = _words(arguments.pictures)
    for codec in codecs or ():
        parse_codec(codec)
    for codec in pictures:
        parse_picture_spec(codec)
    for option in ("images", "batch"):
        number = getattr(arguments, option)
        if number is not None and number < 1:
            raise InvalidInputError(f"--{option} is {number}: give at least 1")
    return codecs, pictures


def _usual_codecs(model: Model) -> list[str]:
    """Return what to measure where nothing is asked for."""
    from cofeat.feature.codecs import parse_codec
    from cofeat.feature.tables import LEARNED_CODEC

    qlayer = model.network.qlayer
    if qlayer.step is not None:  # trained by an entropy model
        return [f"{LEARNED_CODEC}:{setting}" for setting in _LEARNED_SETTINGS]
    return [codec for codec in PAPER_CODECS if parse_codec(codec).codec.max_bits >= qlayer.bits]


def open_sweep(arguments: argparse.Namespace) -> tuple[Sweep, Model]:
    """Return the sweep that the arguments ask for, and its model."""
    from cofeat.evaluation.sweep import Sweep
    from cofeat.network.build import load_network

    model = load_network(arguments.checkpoint)
    dataset = trained_on.open_trained_on(model, arguments, arguments.split)
    return Sweep(model, dataset, arguments.images, arguments.batch), model


def print_points(curves: list[Curve]) -> None:
    """Print the points of curves as one aligned table."""
    from cofeat.cli.tables import table
    from cofeat.tasks import load_task

    measures = [load_task(task).measure for task in curves[0].tasks]
    header = ["curve", "codec", "bytes", "bits/element", "bits/pixel", *measures]
    rows = []
    for curve in curves:
        columns = curve.columns
        for index, codec in enumerate(curve.codecs):
            numbers = [
                f"{columns['mean_bytes'][index]:.0f}",
                f"{columns['bpfe'][index]:.3f}",
                f"{columns['bpp'][index]:.3f}",
                *(f"{columns[measure][index]:.4f}" for measure in measures),
            ]
            shown = ["-" if number == "nan" else number for number in numbers]
            rows.append([curve.name, codec, *shown])
    print(table(header, rows))


def _keeper(sweep: Sweep, folder: Path) -> OnPrediction:
    """Return a callable that writes every prediction to ``folder/CURVE/CODEC``."""
    from cofeat.evaluation.predictions import save_prediction

    def keep(curve: str, codec: str, index: int, predictions: dict[str, Any]) -> None:
        place = folder / curve / codec.replace(":", "-")
        for task, prediction in predictions.items():
            save_prediction(place, sweep.samples[index].name, task, prediction)

    return keep


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _run_folder(checkpoint: Path) -> Path:
    """Return the folder of a checkpoint's run, under runs for a model that comes with cofeat."""
    return Path("runs") / checkpoint.name if shipped.holds(checkpoint) else checkpoint.parent


def _plain(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
