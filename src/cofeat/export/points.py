"""Rate-accuracy points of what is deployed: the exported graphs, in each precision.

::

    features   image ─ encoder ─ compress ═ bytes ═ decompress ─ heads ─ measure
    picture    image ─ picture codec ═ bytes ═ decode ─ whole network ─ measure
    nothing    image ─ whole network ─ measure

As in ``evaluation.sweep``, the reconstruction of a picture that was sent is that picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from cofeat.bundle.manifest import RatePoint, known
from cofeat.data.base import Sample
from cofeat.feature.pipeline import compress, decompress
from cofeat.image import UInt8Array
from cofeat.pictures import decode_picture, encode_picture
from cofeat.runtime import RuntimeModel
from cofeat.tasks import load_task

# One picture's way: the bytes that are sent, feature elements, task -> prediction.
Coded = tuple[int, int, dict[str, np.ndarray]]
OnProgress = Callable[[int], None]


def feature_point(
    model: RuntimeModel, samples: Sequence[Sample], codec: str, on_progress: OnProgress
) -> RatePoint:
    """Measure coded features.

    Args:
        model: its encoder at its precision, and its heads.
        samples: of a validation set.
        codec: with its setting.
        on_progress: called with the number of images done.
    """

    def way(image: UInt8Array) -> Coded:
        size = (image.shape[0], image.shape[1])
        features = model.encode(image)
        given = (model.bits, model.per_channel, size, model.model_id, model.fitted, model.step)
        stream = compress(features, codec, *given)
        received = decompress(stream, tables=model.fitted).features
        return len(stream), features.size, model.predict(received, size)

    values = _values(model, samples, map(way, _images(samples)), on_progress)
    return RatePoint("features", model.precision, codec, values)


def picture_point(
    model: RuntimeModel, samples: Sequence[Sample], picture: str, on_progress: OnProgress
) -> RatePoint:
    """Measure coded pictures; see ``feature_point``.

    Args:
        model: with its whole network.
        samples: of a validation set.
        picture: format and setting.
        on_progress: called with the number of images done.
    """

    def way(image: UInt8Array) -> Coded:
        data = encode_picture(image, picture)
        received = decode_picture(data)
        outputs = _whole(model, received)
        if "reconstruction" in outputs:
            outputs["reconstruction"] = received
        return len(data), 0, outputs

    values = _values(model, samples, map(way, _images(samples)), on_progress)
    return RatePoint("picture", "fp32", picture, values)


def uncoded_point(
    model: RuntimeModel, samples: Sequence[Sample], on_progress: OnProgress
) -> RatePoint:
    """Measure the whole network, uncut and without quantizer; see ``picture_point``."""
    ways = ((0, 0, _whole(model, image)) for image in _images(samples))
    return RatePoint("nothing", "fp32", "none", _values(model, samples, ways, on_progress))


def merged(copied: Iterable[RatePoint], measured: Iterable[RatePoint]) -> tuple[RatePoint, ...]:
    """Return all points; of two for the same bytes the one that was measured on the graphs."""
    points = {(point.sent, point.precision, point.codec): point for point in (*copied, *measured)}
    return tuple(points.values())


def _images(samples: Sequence[Sample]) -> Iterable[UInt8Array]:
    return (sample.image for sample in samples)


def _whole(model: RuntimeModel, image: UInt8Array) -> dict[str, np.ndarray]:
    return {task: output[0] for task, output in model.predict_images(image[None]).items()}


def _values(
    model: RuntimeModel, samples: Sequence[Sample], ways: Iterable[Coded], on_progress: OnProgress
) -> dict[str, float | None]:
    """Return rates and measures of pictures that went one way."""
    sent_bytes, elements, pixels = 0, 0, 0
    figures: dict[str, list[np.ndarray]] = {task: [] for task in model.tasks}
    for index, (sample, (size_bytes, count, outputs)) in enumerate(zip(samples, ways, strict=True)):
        sent_bytes, elements = sent_bytes + size_bytes, elements + count
        pixels += sample.image.shape[0] * sample.image.shape[1]
        for task in set(outputs).intersection(sample.truths):
            figures[task].append(load_task(task).figures(outputs[task], sample.truths[task]))
        on_progress(index + 1)
    values = {
        "mean_bytes": sent_bytes / len(samples),
        "bpfe": 8 * sent_bytes / elements if elements else np.nan,
        "bpp": 8 * sent_bytes / pixels,
    }
    for name, rows in figures.items():
        measure, summarize = load_task(name).measure, load_task(name).summarize
        values[measure] = summarize(np.array(rows)) if rows else np.nan
    return known(values)
