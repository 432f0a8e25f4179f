"""From checkpoints to a bundle: the stages of this room in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cofeat.bundle.layout import check_name
from cofeat.bundle.manifest import (
    PADDING,
    Accuracy,
    ModelEntry,
    Normalization,
    Origin,
    RatePoint,
    TaskEntry,
)
from cofeat.bundle.writing import BundleWriter, writing_bundle
from cofeat.data.base import Dataset, Sample
from cofeat.errors import InvalidInputError
from cofeat.export.accuracy import measure
from cofeat.export.graphs import export_graph, join_graphs, output_words
from cofeat.export.int8 import quantize_encoder
from cofeat.export.parity import check_parity
from cofeat.export.points import feature_point, merged, picture_point, uncoded_point
from cofeat.feature.codecs import parse_codec
from cofeat.feature.pipeline import check_codecs
from cofeat.feature.tables import usual_codec
from cofeat.image import format_size
from cofeat.network.build import Model
from cofeat.pictures import parse_picture_spec
from cofeat.runtime import RuntimeModel
from cofeat.tasks.segmentation import CLASSES

# Called with (what is done, how much of it is done, in all).
OnProgress = Callable[[str, int, int], None]

# Lossless, in the base, and a device's quickest: about as small as PNG 6, many times as fast.
DEFAULT_CODEC = "zstd:1"
PARTS = ("encoder", "encoder_int8", "heads", "whole")
# Every other image adds nothing that a handful has not shown.
PARITY_IMAGES = 3


@dataclass(frozen=True)
class Source:
    """A checkpoint, and the data to calibrate and to measure it on."""

    name: str
    """Of the model in the bundle."""
    model: Model
    """On the CPU."""
    train: Dataset
    """Whose first images calibrate the int8 encoder."""
    val: Dataset
    """Whose first images are measured."""
    data: str
    """Name of the data set."""
    points: tuple[RatePoint, ...] = ()


@dataclass(frozen=True)
class Options:
    """How to export.

    Raises:
        InvalidInputError: a value is out of range, or there is no such part or codec.
    """

    parts: tuple[str, ...] = PARTS
    codec: str | None = None
    """That a device takes; None for ``DEFAULT_CODEC``, or what the model was trained for."""
    point_codecs: tuple[str, ...] = ()
    """Codecs of the features that are measured, for those who choose by accuracy."""
    point_pictures: tuple[str, ...] = ()
    """Formats of the picture that are measured."""
    version: int = 1
    calibration_images: int = 64
    accuracy_images: int = 100
    threads: int | None = None

    def __post_init__(self) -> None:
        strange = [part for part in self.parts if part not in PARTS]
        if strange or not self.parts:
            what = f"there is no part '{strange[0]}'" if strange else "there are no parts"
            raise InvalidInputError(f"{what}: use some of {', '.join(PARTS)}")
        for name in ("version", "calibration_images", "accuracy_images"):
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name} is {getattr(self, name)}: give at least 1")
        if self.threads is not None and self.threads < 1:
            raise InvalidInputError(f"{self.threads} threads: give at least 1")
        for codec in self.codecs:
            parse_codec(codec)
        for picture in self.point_pictures:
            parse_picture_spec(picture)

    @property
    def codecs(self) -> tuple[str, ...]:
        """All codecs of features that are named."""
        return (*([self.codec] if self.codec else ()), *self.point_codecs)


def export_bundle(
    folder: Path,
    sources: Sequence[Source],
    options: Options | None = None,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
) -> None:
    """Write a bundle of one model or several, whole or not at all.

    Args:
        folder: of the bundle.
        sources: with different names.
        options: for all of them.
        overwrite: take the place of an older bundle.
        on_progress: is told what is done, and how far.

    Raises:
        InvalidInputError: a name or an option cannot be, or the folder exists.
        ExportError: a network cannot be exported, or its graphs do not compute what it does.
        MissingPackageError: ONNX or ONNX Runtime is not installed.
    """
    options = options or Options()
    names = [source.name for source in sources]
    for name in names:
        check_name(name)
        if names.count(name) > 1:
            raise InvalidInputError(
                f"two models are called '{name}': name them, as NAME=CHECKPOINT"
            )
    for source in sources:
        check_codecs(options.codecs, source.model.network.qlayer.bits)
    with writing_bundle(folder, overwrite) as writer:
        for source in sources:
            _export(writer, source, options, on_progress or (lambda *_: None))


def _export(
    writer: BundleWriter, source: Source, options: Options, on_progress: OnProgress
) -> None:
    """Write one model: its graphs, then what they are worth, then without what is not wanted."""
    name, network = source.name, source.model.network
    what = f"graphs of {name}"
    on_progress(what, 0, 2)
    encoder = export_graph(network, "encoder")
    on_progress(what, 1, 2)
    heads = export_graph(network, "heads")
    on_progress(what, 2, 2)
    graphs = {"encoder": encoder, "heads": heads, "whole": join_graphs(encoder, heads)}
    for part, graph in graphs.items():
        writer.place(name, part).write_bytes(graph)
    if source.model.tables is not None:
        writer.place(name, "tables").write_bytes(source.model.tables.to_bytes())
    int8 = "encoder_int8" in options.parts
    if int8:
        count = min(options.calibration_images, len(source.train))
        quantize_encoder(
            encoder,
            [source.train[index].image for index in range(count)],
            network.stride,
            writer.place(name, "encoder_int8"),
            lambda done: on_progress(f"calibrating {name}", done, count),
        )
    entry = _entry(source, options)
    written = writer.add(entry)

    exact = RuntimeModel(written, "fp32", options.threads)
    count = min(options.accuracy_images, len(source.val))
    samples = [source.val[index] for index in range(count)]
    images = [sample.image for sample in samples[:PARITY_IMAGES]]
    parity = check_parity(network, exact, images)

    def told(title: str) -> Callable[[int], None]:
        return lambda done: on_progress(title, done, count)

    def measured(model: RuntimeModel) -> dict[str, float | None]:
        return measure(model, samples, told(f"measuring {name} in {model.precision}"))

    models = [exact] + ([RuntimeModel(written, "int8", options.threads)] if int8 else [])
    accuracy = Accuracy(
        data=source.data,
        split="val",
        images=count,
        size=format_size((source.val.size[0], source.val.size[1])),
        fp32=measured(exact),
        int8=measured(models[-1]) if int8 else None,
    )
    points = merged(source.points, _points(models, samples, options, told))
    for part in graphs:
        if part not in options.parts:
            writer.place(name, part).unlink()
    writer.add(replace(entry, parity=parity, accuracy=accuracy, points=points))


def _points(
    models: Sequence[RuntimeModel],
    samples: Sequence[Sample],
    options: Options,
    told: Callable[[str], Callable[[int], None]],
) -> list[RatePoint]:
    """Measure what the options name, and the network uncut; the first model is in fp32."""
    exact, name = models[0], models[0].name
    points = [uncoded_point(exact, samples, told(f"measuring {name} uncut"))]
    for codec in options.point_codecs:
        for model in models:
            title = f"measuring {name} in {model.precision} by {codec}"
            points.append(feature_point(model, samples, codec, told(title)))
    for picture in options.point_pictures:
        title = f"measuring {name} of the picture by {picture}"
        points.append(picture_point(exact, samples, picture, told(title)))
    return points


def _entry(source: Source, options: Options) -> ModelEntry:
    """Return what is told of a model before it is measured."""
    model, network = source.model, source.model.network
    encoder = network.encoder
    return ModelEntry(
        name=source.name,
        version=str(options.version),
        model_id=model.model_id.hex(),
        encoder=model.config["encoder"],
        cut=model.config.get("cut") or (encoder.cuts or ("",))[0],
        stride=network.stride,
        channels=network.bottleneck.channels,
        bits=network.qlayer.bits,
        per_channel=network.qlayer.per_channel,
        step=network.qlayer.step,
        tasks=tuple(
            TaskEntry(task, dtype, words, _classes(task))
            for task, (dtype, words) in output_words(network).items()
        ),
        normalization=Normalization(tuple(encoder.mean), tuple(encoder.std)),
        padding=PADDING,
        codec=options.codec or usual_codec(model.tables, DEFAULT_CODEC),
        tables_id=None if model.tables is None else model.tables.id.hex(),
        files={},
        parity={},
        accuracy=None,
        points=source.points,
        origin=_origin(model.about),
    )


def _classes(task: str) -> tuple[str, ...] | None:
    return tuple(entry.name for entry in CLASSES) if task == "segmentation" else None


def _origin(about: dict[str, Any]) -> Origin:
    """Return what a checkpoint tells of its training; None for what it does not."""
    recipe = about.get("recipe") or {}
    return Origin(
        recipe=about.get("model"),
        arm=about.get("arm"),
        seed=recipe.get("train", {}).get("seed"),
        commit=about.get("commit"),
        step=about.get("step"),
        data=recipe.get("data", {}).get("name"),
        stand_in=about.get("stand_in"),
    )
