"""Every stage of a model as something to be timed, on pictures of one size.

::

    file ─ read ─► image ─ encode ─► features ─ compress ─► stream ─ decompress ─► heads ─► answer
                     └─ picture ─► file ─ unpicture ─► whole ─► answer ─ unanswer
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.bundle import BundleModel
from cofeat.bundle.layout import FEATURES, IMAGE_INPUT
from cofeat.errors import InvalidInputError, MissingPackageError
from cofeat.feature.pipeline import compress, decompress
from cofeat.feature.tables import Tables
from cofeat.image import Float32Array, UInt8Array, read_image
from cofeat.pictures import decode_picture, encode_picture
from cofeat.planner.accuracy import canonical
from cofeat.planner.profile import ModelProfile, tasks_way
from cofeat.planner.timing import OnProgress, Probe, interleave
from cofeat.runtime import RuntimeModel
from cofeat.runtime.cost import GraphCost, graph_cost
from cofeat.runtime.model import ENCODERS, PRECISIONS
from cofeat.runtime.padding import pad

AnyArray = npt.NDArray[Any]
# What pictures are read from.
_SOURCE = "png"


@dataclass(frozen=True)
class Answering:
    """How answers are coded by the cloud and read by the device, which this room does not know.

    Args:
        forms: task -> the forms in which it may be asked for.
        encode: (task, prediction of one picture, form) -> body of an answer.
        decode: (task, body, (height, width)) reads it back.
    """

    forms: Mapping[str, Sequence[str]]
    encode: Callable[[str, AnyArray, str], bytes]
    decode: Callable[[str, bytes, tuple[int, int]], object]


@dataclass(frozen=True)
class Measuring:
    """What is to be measured.

    Args:
        images: uint8 (H, W, 3), all of one size.
        codecs: of the features; those whose package is missing are left out.
        pictures: formats of the picture; alike.
        batches: pictures at once through heads and whole network.
        rounds: that are counted.
        threads: of one run of a network; None for every core.
        answering: None to leave answers out.

    Raises:
        InvalidInputError: there is no image, or they differ in size, or a number cannot be.
    """

    images: Sequence[UInt8Array]
    codecs: Sequence[str]
    pictures: Sequence[str]
    batches: Sequence[int] = (1, 2, 4, 8)
    rounds: int = 15
    threads: int | None = None
    answering: Answering | None = None

    def __post_init__(self) -> None:
        sizes = {image.shape for image in self.images}
        if len(sizes) != 1:
            raise InvalidInputError(f"pictures of {len(sizes)} sizes: give one size, and a picture")
        if self.rounds < 1 or 1 not in self.batches or min(self.batches) < 1:
            raise InvalidInputError(
                f"{self.rounds} rounds of batches {tuple(self.batches)}: give at least one round, "
                "and 1 among the batches"
            )


def profile_model(
    model: BundleModel, measuring: Measuring, on_progress: OnProgress | None = None
) -> ModelProfile:
    """Measure every stage of one model on this machine.

    Args:
        model: of a bundle, with an encoder; what else it holds is measured too.
        measuring: what to measure.
        on_progress: called with (rounds done, of how many).

    Raises:
        InvalidInputError: the bundle has no encoder, or there is no such codec.
        BundleError: a graph fails.
        MissingPackageError: there is no ONNX Runtime.
    """
    encoders = [
        RuntimeModel(model, precision, measuring.threads)
        for precision in PRECISIONS
        if model.has(ENCODERS[precision])
    ]
    if not encoders:
        raise InvalidInputError(
            f"model '{model.entry.name}' has no encoder, of whose features the other stages are "
            "measured: export the bundle with it"
        )
    # Features of what a device takes where nothing is said, int8; all else runs in fp32.
    coarse, exact = encoders[-1], encoders[0]
    images = measuring.images
    features = coarse.encode_batch(np.stack(images))
    probes = [
        *_picture_probes(measuring),
        *(Probe("encode", one.precision, partial(_encode, one, images)) for one in encoders),
        *_codec_probes(coarse, features, measuring),
        *_heads_probes(exact, features, measuring),
        # With sessions of its own: each choice of tasks takes one, and they are bounded.
        *_whole_probes(RuntimeModel(model, exact.precision, measuring.threads), measuring),
    ]
    if exact.has("heads") and measuring.answering is not None:
        size = (images[0].shape[0], images[0].shape[1])
        outputs = [exact.predict(one, size) for one in features]
        probes += _answer_probes(measuring.answering, outputs, size)
    return ModelProfile(
        name=model.entry.name,
        model_id=model.entry.model_id,
        stages=interleave(probes, measuring.rounds, on_progress=on_progress),
        graphs=_graphs(model, exact, images[0]),
    )


def _picture_probes(measuring: Measuring) -> list[Probe]:
    """Return reading, and coding of the picture both ways."""
    images = measuring.images
    sources = [encode_picture(image, _SOURCE) for image in images]
    probes = [Probe("read", _SOURCE, partial(_read, sources))]
    for word in measuring.pictures:
        how = canonical("picture", word)
        try:
            files = [encode_picture(image, how) for image in images]
        except MissingPackageError:
            continue
        probes += [
            Probe("picture", how, partial(_write_picture, images, how)),
            Probe("unpicture", how, partial(_read_picture, files)),
        ]
    return probes


def _codec_probes(model: RuntimeModel, features: Float32Array, measuring: Measuring) -> list[Probe]:
    """Return coding of the features both ways."""
    height, width, _ = measuring.images[0].shape
    quantizer = (model.bits, model.per_channel)
    probes = []
    for word in measuring.codecs:
        how = canonical("features", word)
        given = (how, *quantizer, (height, width), model.model_id, model.fitted, model.step)
        code = partial(_compress, features, given)
        try:
            streams = [compress(one, *given) for one in features]
        except MissingPackageError:
            continue
        probes += [
            Probe("compress", how, code),
            Probe("decompress", how, partial(_decompress, streams, model.fitted)),
        ]
    return probes


def _heads_probes(model: RuntimeModel, features: Float32Array, measuring: Measuring) -> list[Probe]:
    """Return the heads, for all tasks and each alone, and for each batch."""
    if not model.has("heads"):
        return []
    return [
        Probe("heads", tasks_way(tasks), partial(_heads, model, features, batch, tasks), batch)
        for batch in measuring.batches
        for tasks in (model.tasks, *_alone(model))
    ]


def _whole_probes(model: RuntimeModel, measuring: Measuring) -> list[Probe]:
    """Return the whole network, for all tasks and each batch; one picture for each task alone."""
    if not model.has("whole"):
        return []
    images = np.stack(measuring.images)
    choices = [(model.tasks, batch) for batch in measuring.batches]
    choices += [(tasks, 1) for tasks in _alone(model)]
    return [
        Probe("whole", tasks_way(tasks), partial(_whole, model, images, batch, tasks), batch)
        for tasks, batch in choices
    ]


def _alone(model: RuntimeModel) -> list[tuple[str, ...]]:
    """Return each task as a choice, where there are several."""
    return [(task,) for task in model.tasks] if len(model.tasks) > 1 else []


def _answer_probes(
    answering: Answering, outputs: Sequence[Mapping[str, AnyArray]], size: tuple[int, int]
) -> list[Probe]:
    """Return coding of answers both ways, of each task in each form."""
    probes = []
    for task, forms in answering.forms.items():
        predictions = [output[task] for output in outputs]
        for form in forms:
            bodies = [answering.encode(task, prediction, form) for prediction in predictions]
            how = f"{form}:{task}"
            probes += [
                Probe("answer", how, partial(_answer, answering, task, predictions, form)),
                Probe("unanswer", how, partial(_unanswer, answering, task, bodies, size)),
            ]
    return probes


# One run of each stage, for the picture of a number; what comes out, in bytes.


def _read(files: Sequence[bytes], number: int) -> int:
    read_image(files[number % len(files)])
    return 0


def _write_picture(images: Sequence[UInt8Array], how: str, number: int) -> int:
    return len(encode_picture(images[number % len(images)], how))


def _read_picture(files: Sequence[bytes], number: int) -> int:
    decode_picture(files[number % len(files)])
    return 0


def _encode(model: RuntimeModel, images: Sequence[UInt8Array], number: int) -> int:
    model.encode(images[number % len(images)])
    return 0


def _compress(features: Float32Array, given: tuple[Any, ...], number: int) -> int:
    return len(compress(features[number % len(features)], *given))


def _decompress(streams: Sequence[bytes], fitted: Tables | None, number: int) -> int:
    decompress(streams[number % len(streams)], tables=fitted)
    return 0


def _heads(
    model: RuntimeModel, features: Float32Array, batch: int, tasks: tuple[str, ...], number: int
) -> int:
    model.predict_batch(features[np.arange(number, number + batch) % len(features)], tasks)
    return 0


def _whole(
    model: RuntimeModel, images: UInt8Array, batch: int, tasks: tuple[str, ...], number: int
) -> int:
    model.predict_images(images[np.arange(number, number + batch) % len(images)], tasks)
    return 0


def _answer(
    answering: Answering, task: str, predictions: Sequence[AnyArray], form: str, number: int
) -> int:
    return len(answering.encode(task, predictions[number % len(predictions)], form))


def _unanswer(
    answering: Answering, task: str, bodies: Sequence[bytes], size: tuple[int, int], number: int
) -> int:
    answering.decode(task, bodies[number % len(bodies)], size)
    return 0


def _graphs(model: BundleModel, runtime: RuntimeModel, image: UInt8Array) -> dict[str, GraphCost]:
    """Return what one run of each graph takes."""
    height, width, _ = image.shape
    batch = pad(np.ascontiguousarray(image.transpose(2, 0, 1)[None]), runtime.stride)
    features = np.zeros((1, *runtime.feature_shape((height, width))), np.float32)
    inputs: dict[str, dict[str, AnyArray]] = {
        "encoder": {IMAGE_INPUT: batch},
        "encoder_int8": {IMAGE_INPUT: batch},
        "heads": {FEATURES: features},
        "whole": {IMAGE_INPUT: batch},
    }
    return {
        part: graph_cost(model.read(part), given)
        for part, given in inputs.items()
        if model.has(part)
    }
