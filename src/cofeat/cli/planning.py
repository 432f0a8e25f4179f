"""What the commands that plan share: what is asked for, profiles, and how answers are coded."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cofeat.errors import InvalidInputError, MissingPackageError

if TYPE_CHECKING:
    import numpy as np

    from cofeat.bundle import BundleModel
    from cofeat.image import UInt8Array
    from cofeat.planner.choose import Wish
    from cofeat.planner.energy import Energy
    from cofeat.planner.plan import Planner
    from cofeat.planner.profile import Profile
    from cofeat.planner.stages import Answering

# Beside the codecs whose accuracy the bundle knows: those that lose nothing, and one that does.
CODECS = ("zstd:1", "png", "cofeat", "webp-lossless", "jpeg:90")
PICTURES = ("jpeg:85", "webp:75")
# Of a bundle that does not tell on what it was measured.
SIZE = "512x256"
SCENES = 4
# Enough to tell plans from each other that differ by a third, in some seconds.
QUICK_ROUNDS = 5
# Option -> measure of a task.
MEASURES = {"min_miou": "miou", "min_irmse": "irmse", "min_psnr": "psnr_db"}


def add_wish(parser: argparse.ArgumentParser) -> None:
    """Add what is asked of a plan, and what a device takes."""
    wish = parser.add_argument_group("what is asked for")
    wish.add_argument(
        "--minimize",
        choices=("latency", "energy", "bytes"),
        help="median latency, the device's energy, or the payload (latency)",
    )
    wish.add_argument("--min-miou", type=float, metavar="X", help="of the segmentation")
    wish.add_argument("--min-irmse", type=float, metavar="X", help="1/RMSE of the disparity, 1/px")
    wish.add_argument("--min-psnr", type=float, metavar="DB", help="of the reconstruction")
    wish.add_argument("--max-bytes", type=float, metavar="N", help="of a frame's payload")
    wish.add_argument("--max-ms", type=float, metavar="T", help="of the median latency")
    wish.add_argument("--radio", help="wifi, lte, 5g, 5g-mmwave, or a JSON file of one (wifi)")
    wish.add_argument(
        "--compute-w", type=float, metavar="W", help="of the device while it computes (2)"
    )


def asks_for_something(arguments: argparse.Namespace) -> bool:
    """Return whether any option of ``add_wish`` was given."""
    names = ("minimize", *MEASURES, "max_bytes", "max_ms", "radio", "compute_w")
    return any(getattr(arguments, name) is not None for name in names)


def wish_of(arguments: argparse.Namespace) -> Wish:
    """Return what is asked for."""
    from cofeat.planner.choose import Wish

    given = {measure: getattr(arguments, option) for option, measure in MEASURES.items()}
    return Wish(
        minimize=arguments.minimize or "latency",
        at_least={measure: least for measure, least in given.items() if least is not None},
        max_bytes=arguments.max_bytes,
        max_ms=arguments.max_ms,
    )


def energy_of(arguments: argparse.Namespace) -> Energy:
    """Return the device's power.

    Raises:
        InvalidInputError: there is no such radio, or a value cannot be.
    """
    from cofeat.planner.energy import COMPUTE_W, DEFAULT_RADIO, Energy, parse_radio

    watts = COMPUTE_W if arguments.compute_w is None else arguments.compute_w
    return Energy(parse_radio(arguments.radio or DEFAULT_RADIO), watts)


def open_models(word: str) -> list[BundleModel]:
    """Return the models of a bundle, or the one of ``FOLDER:NAME``."""
    from cofeat.bundle import open_bundle, open_bundle_model
    from cofeat.bundle.reading import is_bundle

    if not is_bundle(word):
        return [open_bundle_model(word)]
    bundle = open_bundle(word)
    return [bundle.model(name) for name in bundle.names]


def make_planner(
    models: Sequence[BundleModel],
    device: Profile,
    cloud: Profile,
    energy: Energy,
    tasks: str | None,
    answers: str,
) -> Planner:
    """Return the planner of a bundle.

    Args:
        models: of the bundle.
        device: profile.
        cloud: profile.
        energy: of the device.
        tasks: that are wanted, separated by commas; None for all.
        answers: the form in which the server answers.
    """
    from cofeat.planner.plan import Planner

    wanted = None if tasks is None else tuple(tasks.split(","))
    names = {task.name for model in models for task in model.entry.tasks}
    strange = [task for task in wanted or () if task not in names]
    if strange:
        raise InvalidInputError(
            f"the bundle has no task '{strange[0]}': it has {', '.join(sorted(names))}"
        )
    forms = _forms(tuple(sorted(names)), answers)
    return Planner([model.entry for model in models], device, cloud, energy, wanted, forms)


def profiles_of(
    models: Sequence[BundleModel],
    device: Path | None,
    cloud: Path | None,
    threads: int | None = None,
) -> tuple[Profile, Profile]:
    """Return the profiles of device and cloud; what is not given is this machine's, and said so.

    Raises:
        InvalidInputError: a file is no profile.
    """
    from cofeat.planner.profile import load_profile

    given = [None if path is None else load_profile(path) for path in (device, cloud)]
    if None not in given:
        return given[0], given[1]  # type: ignore[return-value]
    missing = [
        name for name, profile in zip(("device", "cloud"), given, strict=True) if not profile
    ]
    print(
        f"cofeat: no profile of the {' and the '.join(missing)}: measuring this machine in its "
        "place, quickly; 'cofeat profile BUNDLE -o FILE' on each does it well",
        file=sys.stderr,
    )
    known = given[0] or given[1]
    here = profile_here(
        models, size=None if known is None else known.size, rounds=QUICK_ROUNDS, threads=threads
    )
    return given[0] or here, given[1] or here


def profile_here(
    models: Sequence[BundleModel],
    size: str | None = None,
    pictures: Sequence[Path] = (),
    codecs: Sequence[str] = (),
    formats: Sequence[str] = (),
    batches: Sequence[int] = (1,),
    rounds: int = QUICK_ROUNDS,
    threads: int | None = None,
) -> Profile:
    """Measure this machine.

    Args:
        models: of the bundle.
        size: WxH of the pictures; None for that on which the bundle was measured.
        pictures: files; none for street scenes.
        codecs: of the features; none for the bundle's and some more.
        formats: of the picture; alike.
        batches: pictures at once.
        rounds: that are counted.
        threads: of one run of a network.
    """
    from cofeat import __version__
    from cofeat.cli.progress import track
    from cofeat.image import parse_size
    from cofeat.planner.profile import SCHEMA, Profile
    from cofeat.planner.stages import Measuring, profile_model

    measured = models[0].entry.accuracy
    size = size or (SIZE if measured is None else measured.size)
    images = _images(pictures, parse_size(size))
    profiles = []
    for model in models:
        measuring = Measuring(
            images=images,
            codecs=tuple(codecs) or _codecs(model, "features"),
            pictures=tuple(formats) or _codecs(model, "picture"),
            batches=batches,
            rounds=rounds,
            threads=threads,
            answering=answering(tuple(task.name for task in model.entry.tasks)),
        )
        with track(f"Profiling {model.entry.name}", total=rounds + 1) as bar:
            profiles.append(profile_model(model, measuring, lambda done, _: bar.update(done)))
    return Profile(
        schema=SCHEMA,
        cofeat=__version__,
        machine=f"{platform.node()}, {platform.machine()}, {platform.system()}",
        cores=os.cpu_count() or 1,
        threads=threads,
        size=size,
        pictures=len(images),
        models=tuple(profiles),
    )


def answering(tasks: tuple[str, ...]) -> Answering:
    """Return how server and device code answers.

    Raises:
        MissingPackageError: the device's part is not installed.
    """
    from cofeat.cloud.outputs import check_format, output_tensor
    from cofeat.planner.stages import Answering
    from cofeat.protocol.http import decode_response, encode_response
    from cofeat.protocol.messages import InferResponse

    edge = _edge_answers()

    def encode(task: str, prediction: np.ndarray, form: str) -> bytes:
        tensor = output_tensor(task, [prediction], check_format(form))
        body, head_bytes = encode_response(InferResponse("profile", "1", (tensor,)))
        return (head_bytes or 0).to_bytes(4, "big") + body

    def decode(task: str, body: bytes, size: tuple[int, int]) -> Any:
        answer = decode_response(body[4:], int.from_bytes(body[:4], "big"))
        return edge.outputs_of(answer, (task,), size)

    forms = [_forms(tasks, answers) for answers in edge.ANSWERS]
    each = {task: tuple(dict.fromkeys(form[task] for form in forms)) for task in tasks}
    return Answering(each, encode, decode)


def _forms(tasks: tuple[str, ...], answers: str) -> dict[str, str]:
    """Return task -> the format in which it is asked for."""
    edge = _edge_answers()
    outputs = edge.requested(tasks, edge.check_answers(answers))
    return {output.name: str(output.parameters["format"]) for output in outputs}


def _edge_answers() -> ModuleType:
    """Return ``cofeat.edge.answers``.

    Raises:
        MissingPackageError: what a device needs is not installed.
    """
    try:
        return importlib.import_module("cofeat.edge.answers")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "cofeat"):
            raise
        raise MissingPackageError(package, "edge", "planning") from None


def _codecs(model: BundleModel, sent: str) -> tuple[str, ...]:
    """Return what the bundle has measured, and some more that hold its bits."""
    from cofeat.feature.codecs import parse_codec
    from cofeat.planner.accuracy import canonical

    known = [point.codec for point in model.entry.points if point.sent == sent]
    if sent == "features":
        bits = model.entry.bits
        able = [codec for codec in CODECS if parse_codec(codec).codec.max_bits >= bits]
        known += [model.entry.codec, *able]
    else:
        known += PICTURES
    return tuple(dict.fromkeys(canonical(sent, codec) for codec in known))


def _images(files: Sequence[Path], size: tuple[int, int]) -> list[UInt8Array]:
    """Return pictures of one size, (height, width)."""
    from cofeat.image import read_image, resize_image

    if files:
        return [resize_image(read_image(file), size) for file in files]
    from cofeat.data.streets.render import render_scene

    return [render_scene(seed, size).image for seed in range(SCENES)]
