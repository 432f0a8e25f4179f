"""`cofeat export`: checkpoints to a bundle that a device and a cloud run without torch."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofeat import shipped
from cofeat.cli import trained_on
from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    from cofeat.bundle.manifest import Manifest, RatePoint
    from cofeat.evaluation.points import Curve
    from cofeat.export.write import Source
    from cofeat.network.build import Model

HELP = "turn checkpoints into a bundle: ONNX graphs in fp32 and int8, checked and measured"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat export` takes."""
    parser.add_argument(
        "checkpoints",
        nargs="+",
        metavar="[NAME=]CHECKPOINT",
        help="folder of a run or of a checkpoint, and what the model is called (RECIPE-ARM)",
    )
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="BUNDLE", help="folder of the bundle"
    )
    parser.add_argument("--overwrite", action="store_true", help="take an older bundle's place")
    trained_on.add_arguments(parser)
    parser.add_argument(
        "--parts",
        default="encoder,encoder_int8,heads,whole",
        help="what the bundle holds (encoder,encoder_int8,heads,whole)",
    )
    parser.add_argument(
        "--calibration", type=int, default=64, help="training images that calibrate int8 (64)"
    )
    parser.add_argument(
        "--images", type=int, default=100, help="validation images that are measured (100)"
    )
    parser.add_argument(
        "--codec",
        help="that a device takes if it is told no other (zstd:1, or the one it was trained for)",
    )
    parser.add_argument(
        "--points",
        action="append",
        default=[],
        metavar="[NAME=]JSON",
        help="a model's rate-accuracy points, as cofeat eval writes them; once for each curve",
    )
    parser.add_argument(
        "--measure-codecs",
        default="",
        metavar="CODECS",
        help="codecs of the features whose bytes and accuracy are measured, in each precision, "
        "such as png,jpeg:90",
    )
    parser.add_argument(
        "--measure-pictures",
        default="",
        metavar="FORMATS",
        help="the same of the picture, for mode cloud, such as jpeg:85,webp:75",
    )
    parser.add_argument(
        "--model-version", type=int, default=1, metavar="N", help="of every model (1)"
    )
    parser.add_argument("--threads", type=int, help="of ONNX Runtime (every core)")
    parser.add_argument("--json", action="store_true", help="print the manifest")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat export`."""
    from cofeat.bundle import open_bundle
    from cofeat.cli.train import PhaseBars
    from cofeat.export.write import Options, export_bundle

    options = Options(
        parts=_words(arguments.parts),
        codec=arguments.codec,
        point_codecs=_words(arguments.measure_codecs),
        point_pictures=_words(arguments.measure_pictures),
        version=arguments.model_version,
        calibration_images=arguments.calibration,
        accuracy_images=arguments.images,
        threads=arguments.threads,
    )
    sources = _sources(arguments)
    with PhaseBars({}) as bars:
        export_bundle(
            arguments.out,
            sources,
            options,
            arguments.overwrite,
            lambda phase, done, total: bars.update(phase, done, total, ""),
        )
    manifest = open_bundle(arguments.out).manifest  # as any reader gets it, hashes checked
    if arguments.json:
        print((arguments.out / "manifest.json").read_text(encoding="utf-8"), end="")
    else:
        _print(manifest)
        print(f"written to {arguments.out}")
    return 0


def _sources(arguments: argparse.Namespace) -> list[Source]:
    """Return what is to be exported, after a look at all that could be wrong.

    Raises:
        InvalidInputError: something is.
    """
    from cofeat.export.write import Source
    from cofeat.network.build import load_network

    models = []
    for word in arguments.checkpoints:
        name, path = _named(word)
        model = load_network(path)
        models.append((name or default_name(model), model))
    points = _points(arguments.points, [name for name, _ in models])
    return [
        Source(
            name=name,
            model=model,
            train=trained_on.open_trained_on(model, arguments, "train"),
            val=trained_on.open_trained_on(model, arguments, "val"),
            data=trained_on.name_of_data(model, arguments),
            points=points.get(name, ()),
        )
        for name, model in models
    ]


def default_name(model: Model) -> str:
    """Return recipe and arm of a checkpoint, else its folder's name, as a model may be called."""
    if shipped.holds(model.folder):
        return model.folder.name
    about = model.about
    told = [str(about[key]) for key in ("model", "arm") if about.get(key)]
    name = "-".join(told) or model.folder.resolve().name
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).lstrip("._-") or "model"


def _named(word: str) -> tuple[str | None, str]:
    """Split ``NAME=PATH``; a path that exists as it stands has no name before it."""
    name, equals, path = word.partition("=")
    return (name, path) if equals and not Path(word).exists() else (None, word)


def _points(words: list[str], names: list[str]) -> dict[str, tuple[RatePoint, ...]]:
    """Return model -> the points of the curves that were given for it.

    Raises:
        InvalidInputError: a curve cannot be read, or it is not said which model's it is.
    """
    from cofeat.bundle.manifest import RatePoint, known
    from cofeat.evaluation.points import load_curve

    points: dict[str, tuple[RatePoint, ...]] = {}
    for word in words:
        name, path = _named(word)
        if name is None and len(names) > 1:
            raise InvalidInputError(
                f"--points {word}: say whose they are, NAME={word}, of {', '.join(names)}"
            )
        name = name or names[0]
        if name not in names:
            raise InvalidInputError(f"--points {word}: there is no model '{name}' here")
        curve = load_curve(path)
        points[name] = points.get(name, ()) + tuple(
            RatePoint(_sent(curve, row), "fp32", codec, known(_row(curve, row)))
            for row, codec in enumerate(curve.codecs)
        )
    return points


def _row(curve: Curve, row: int) -> dict[str, float]:
    return {key: column[row] for key, column in curve.columns.items()}


def _sent(curve: Curve, row: int) -> str:
    """Return what a point's bytes are: a picture has no feature elements."""
    if curve.codecs[row] == "none":
        return "nothing"
    return "picture" if math.isnan(_row(curve, row).get("bpfe", math.nan)) else "features"


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _print(manifest: Manifest) -> None:
    """Print the parts of every model with their sizes, and the accuracy of both precisions."""
    from cofeat.cli.tables import table

    for model in manifest.models:
        print(f"{model.name}: {model.encoder} cut at {model.cut}, model {model.model_id}")
        sizes = [[part, f"{file.bytes / 1e6:.2f}"] for part, file in model.files.items()]
        print(table(["part", "MB"], sizes, left=1))
        accuracy = model.accuracy
        if accuracy is not None:
            rows: list[list[str]] = []
            for precision, values in (("fp32", accuracy.fp32), ("int8", accuracy.int8)):
                if values is not None:
                    rows.append([precision, *map(_shown, values.values())])
            print(f"{accuracy.images} images of {accuracy.data} {accuracy.split}, {accuracy.size}")
            print(table(["encoder", *accuracy.fp32], rows, left=1))


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.4f}"
