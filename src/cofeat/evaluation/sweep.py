"""Rate-accuracy points of a trained network: its coded features, coded pictures, and no coding.

::

    features     image ─ encode ─ compress ═ bytes ═ decompress ─ heads ─ measure
    cloud only   image ─ picture codec ═ bytes ═ decode ─ whole network ─ measure
    mobile only  image ─ whole network without quantizer ─ measure             (no bytes)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cofeat.data.base import Dataset, Sample
from cofeat.errors import InvalidInputError
from cofeat.evaluation.points import Curve, PerImage, curve_from_figures
from cofeat.feature.pipeline import compress, decompress
from cofeat.files import replacing
from cofeat.network.build import Model
from cofeat.pictures import decode_picture, encode_picture
from cofeat.tasks import load_task

# Called with (points times images done, in all).
OnProgress = Callable[[int, int], None]
# (curve, codec, index of the image, task -> prediction): for those who want to keep them.
OnPrediction = Callable[[str, str, int, dict[str, np.ndarray]], None]


class Sweep:
    """Measures one model on a fixed set of images.

    Args:
        model: from ``load_network``.
        dataset: its samples are held in memory.
        images: how many, the first ones; None is all.
        batch: images at once through the heads.
        provenance: written beside every curve.

    Raises:
        InvalidInputError: there are no samples, or one lacks the truth of a task.
    """

    def __init__(
        self,
        model: Model,
        dataset: Dataset,
        images: int | None = None,
        batch: int = 16,
        provenance: dict[str, Any] | None = None,
    ) -> None:
        count = len(dataset) if images is None else min(images, len(dataset))
        self.model = model
        self.network = model.network
        self.samples: list[Sample] = [dataset[index] for index in range(count)]
        self.batch = batch
        self.provenance = provenance or {}
        self.size = (int(dataset.size[0]), int(dataset.size[1]))
        self.tasks = model.network.tasks
        if not self.samples:
            raise InvalidInputError("there are no images to measure on")
        for sample in self.samples:
            lacking = [task for task in self.tasks if task not in sample.truths]
            if lacking:
                raise InvalidInputError(
                    f"the data have no truth for {', '.join(lacking)} ('{sample.name}'), which the "
                    "network was trained for: measure on a split that has it"
                )
        self.device = next(model.network.parameters()).device
        channels, height, width = model.network.feature_shape(self.size)
        self._elements = np.full(count, channels * height * width, dtype=np.int64)
        self._pixels = np.full(count, self.size[0] * self.size[1], dtype=np.int64)
        self._features: np.ndarray | None = None

    @property
    def features(self) -> np.ndarray:
        """Features of all images as the device computes them, float32 (N, C, h, w)."""
        if self._features is None:
            images = [sample.image for sample in self.samples]
            self._features = np.concatenate([self._encode(part) for part in self._parts(images)])
        return self._features

    def coded_features(
        self,
        name: str,
        codecs: Sequence[str],
        on_progress: OnProgress | None = None,
        on_prediction: OnPrediction | None = None,
    ) -> Curve:
        """Return one point for each codec setting, from bitstreams that were really made."""
        qlayer = self.network.qlayer

        def points() -> Iterator[tuple[str, list[int], Iterator[np.ndarray]]]:
            for codec in codecs:
                streams = [
                    compress(
                        features,
                        codec,
                        qlayer.bits,
                        qlayer.per_channel,
                        image_size=self.size,
                        model_id=self.model.model_id,
                        tables=self.model.tables,
                        step=qlayer.step,
                    )
                    for features in self.features
                ]
                received = (
                    decompress(stream, tables=self.model.tables).features for stream in streams
                )
                yield codec, [len(stream) for stream in streams], received

        about = self.model.about
        where = f"{about.get('model', 'model')}, {about.get('arm', 'unknown arm')}"
        return self._curve(
            name, f"coded features of {where}", points(), len(codecs), on_progress, on_prediction
        )

    def coded_pictures(
        self,
        codecs: Sequence[str],
        on_progress: OnProgress | None = None,
        on_prediction: OnPrediction | None = None,
    ) -> list[Curve]:
        """Return one curve for each picture format: the decoded picture through the whole network.

        The reconstruction is the decoded picture itself.
        """
        curves: list[Curve] = []
        done_before = 0
        for family, group in groupby(sorted(codecs, key=_family), key=_family):
            settings = list(group)

            def points(
                settings: list[str] = settings,
            ) -> Iterator[tuple[str, list[int], Iterator[np.ndarray]]]:
                for codec in settings:
                    files = [encode_picture(sample.image, codec) for sample in self.samples]
                    yield codec, [len(file) for file in files], map(decode_picture, files)

            curves.append(
                self._curve(
                    f"cloud-{family}",
                    f"the picture sent as {family.upper()}, the whole network in the cloud",
                    points(),
                    len(settings),
                    _shifted(on_progress, done_before, len(codecs) * len(self.samples)),
                    on_prediction,
                    pictures=True,
                )
            )
            done_before += len(settings) * len(self.samples)
        return curves

    def uncoded(self, name: str = "mobile", on_prediction: OnPrediction | None = None) -> Curve:
        """Return the one point of the whole network on the device: no quantizer, no bytes."""
        nothing = [0] * len(self.samples)
        points = [("none", nothing, iter(self.features))]
        what = "mobile only: the whole network on the device, nothing sent"
        return self._curve(name, what, iter(points), 1, None, on_prediction)

    def _curve(
        self,
        name: str,
        description: str,
        points: Iterator[tuple[str, list[int], Iterator[np.ndarray]]],
        count: int,
        on_progress: OnProgress | None,
        on_prediction: OnPrediction | None,
        pictures: bool = False,
    ) -> Curve:
        """Measure points given as (codec, bytes of each image, what the cloud received)."""
        codecs, sizes = [], []
        figures: dict[str, list[list[np.ndarray]]] = {task: [] for task in self.tasks}
        total = count * len(self.samples)
        for codec, sent_bytes, received in points:
            codecs.append(codec)
            sizes.append(sent_bytes)
            rows: dict[str, list[np.ndarray]] = {task: [] for task in self.tasks}
            for part in self._parts(received):
                for predictions in self._predict(part, pictures):
                    index = len(rows[self.tasks[0]])
                    truths = self.samples[index].truths
                    for task, prediction in predictions.items():
                        rows[task].append(load_task(task).figures(prediction, truths[task]))
                    if on_prediction:
                        on_prediction(name, codec, index, predictions)
                if on_progress:
                    done = (len(codecs) - 1) * len(self.samples) + len(rows[self.tasks[0]])
                    on_progress(done, total)
            for task in self.tasks:
                figures[task].append(rows[task])
        per_image = PerImage(
            names=tuple(sample.name for sample in self.samples),
            bytes=np.array(sizes, dtype=np.int64),
            # A picture has no feature elements; its rate is told in bits per pixel alone.
            elements=np.zeros_like(self._elements) if pictures else self._elements,
            pixels=self._pixels,
            figures={task: np.array(rows) for task, rows in figures.items()},
        )
        return curve_from_figures(
            name, description, tuple(codecs), per_image, self.tasks, self.provenance
        )

    def _parts(self, items: Any) -> Iterator[list[np.ndarray]]:
        """Cut a run of arrays into lists of at most ``batch``."""
        part = []
        for item in items:
            part.append(item)
            if len(part) == self.batch:
                yield part
                part = []
        if part:
            yield part

    @torch.no_grad()
    def _encode(self, images: list[np.ndarray]) -> np.ndarray:
        batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).to(self.device)
        features: np.ndarray = self.network.encode(batch).cpu().numpy()
        return features

    @torch.no_grad()
    def _predict(self, part: list[np.ndarray], pictures: bool) -> Iterator[dict[str, np.ndarray]]:
        """Yield task -> prediction for each received tensor or decoded picture."""
        features = self._encode(part) if pictures else np.stack(part)
        outputs = self.network.predict(torch.from_numpy(features).to(self.device), self.size)
        arrays = {task: output.cpu().numpy() for task, output in outputs.items()}
        if pictures and "reconstruction" in arrays:
            arrays["reconstruction"] = np.stack(part)
        for index in range(len(part)):
            yield {task: array[index] for task, array in arrays.items()}


def _shifted(on_progress: OnProgress | None, before: int, total: int) -> OnProgress | None:
    """Return a callable that counts on from ``before``, of ``total``."""
    if on_progress is None:
        return None
    return lambda done, _: on_progress(before + done, total)


def _family(codec: str) -> str:
    return codec.partition(":")[0]


def save_features(sweep: Sweep, path: Path) -> None:
    """Write the features of all images as .npz: ``features`` float32 (N, C, h, w), ``names``.

    For those who want to compare their own codec.
    """
    names = np.array([sample.name for sample in sweep.samples])
    with replacing(path) as temporary:
        np.savez_compressed(temporary, features=sweep.features, names=names)
