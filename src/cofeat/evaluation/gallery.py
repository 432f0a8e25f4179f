"""Pictures for the report: mosaics, predictions at several rates, photographs no model saw."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from cofeat.data.base import Sample
from cofeat.feature.mosaic import tile
from cofeat.feature.pipeline import compress, decompress
from cofeat.feature.quantizer import quantize
from cofeat.files import write_text
from cofeat.image import UInt8Array, resize_image
from cofeat.network.build import Model
from cofeat.pictures import decode_picture, encode_picture
from cofeat.tasks import load_task
from cofeat.tasks.disparity import resize_disparity

INDEX_FILE = "index.json"


class Gallery:
    """Collects grids of pictures in a folder; ``finish`` writes their index.

    Args:
        folder: made where needed.
        index: name of the index; galleries of several indices may share a folder.
    """

    def __init__(self, folder: Path, index: str = INDEX_FILE) -> None:
        self.folder = folder
        self._index = index
        self.grids: list[dict[str, Any]] = []
        folder.mkdir(parents=True, exist_ok=True)

    def mosaics(self, models: dict[str, Model], sample: Sample) -> None:
        """Add the mosaic of one image's features for each arm."""
        rows = []
        for arm, model in models.items():
            qlayer = model.network.qlayer
            features = _encode(model, sample.image)
            quantized = quantize(features, qlayer.bits, qlayer.per_channel, qlayer.step)
            # Brought to 8 bits for the eye; what is coded has the Q-layer's depth.
            grey = (tile(quantized.values) * (255.0 / (2**qlayer.bits - 1))).astype(np.uint8)
            size_bytes = len(_compress(model, features, "png"))
            caption = (
                f"{size_bytes} bytes as PNG, {8 * size_bytes / features.size:.2f} bits per element"
            )
            rows.append(_row(arm, [self._cell(f"mosaic-{arm}", grey, caption)]))
        self._grid(
            "What is sent: the features as one grey image",
            f"Each tile is one channel of the features of '{sample.name}'. The smoother the tiles "
            "and the more of them are flat, the fewer bytes a codec needs.",
            ["mosaic"],
            rows,
        )

    def rates(
        self,
        models: dict[str, Model],
        sample: Sample,
        codecs: Sequence[str],
        pictures: Sequence[str],
    ) -> None:
        """Add one image: truth, each arm at several rates, coded pictures through the first arm."""
        key = f"{sample.name}"
        tasks = next(iter(models.values())).network.tasks
        rows = [self._predictions(f"{key}-truth", "truth", sample.truths, tasks, "")]
        for arm, model in models.items():
            features = _encode(model, sample.image)
            for codec in codecs:
                stream = _compress(model, features, codec)
                received = decompress(stream, tables=model.tables).features
                predictions = _predict(model, received, sample.image.shape[:2])
                label, caption = f"{arm}, {codec}", _bytes_caption(len(stream), sample)
                rows.append(
                    self._predictions(f"{key}-{arm}-{codec}", label, predictions, tasks, caption)
                )
        first = next(iter(models.values()))
        for codec in pictures:
            file = encode_picture(sample.image, codec)
            decoded = decode_picture(file)
            predictions = _predict(first, _encode(first, decoded), sample.image.shape[:2])
            predictions["reconstruction"] = decoded
            label, caption = f"cloud only, {codec}", _bytes_caption(len(file), sample)
            rows.append(
                self._predictions(f"{key}-cloud-{codec}", label, predictions, tasks, caption)
            )
        self._grid(
            f"One picture at several rates: {sample.name}",
            "Bytes are everything that is sent, headers included. In cloud only the "
            "reconstruction is the decoded picture itself.",
            list(tasks),
            rows,
        )

    def photographs(
        self, model: Model, samples: Sequence[Sample], codec: str, size: tuple[int, int]
    ) -> None:
        """Add photographs that no model saw, with what the network makes of their features."""
        tasks = model.network.tasks
        rows = []
        for sample in samples:
            height, width = sample.image.shape[:2]
            # To the working height, the photograph's own proportions kept.
            shown = (size[0], max(1, round(width * size[0] / height)))
            image = resize_image(sample.image, shown)
            features = _encode(model, image)
            stream = _compress(model, features, codec)
            predictions = _predict(model, decompress(stream, tables=model.tables).features, shown)
            caption = f"{len(stream)} bytes, {8 * len(stream) / features.size:.2f} bits per element"
            row = self._predictions(
                f"photo-{sample.name}", sample.name, predictions, tasks, caption
            )
            truth = None
            if "disparity" in sample.truths:
                disparity = resize_disparity(sample.truths["disparity"], shown)
                drawn = load_task("disparity").draw(disparity)
                truth = self._cell(f"photo-{sample.name}-disparity-truth", drawn, "measured")
            row["cells"][:0] = [self._cell(f"photo-{sample.name}-input", image, ""), truth]
            rows.append(row)
        self._grid(
            "Photographs that no model saw",
            f"A check outside the training data: features coded as {codec}. Nothing here was "
            "trained on real pictures unless the recipe says so, and it shows.",
            ["input", "true disparity", *tasks],
            rows,
        )

    def drawn(
        self, title: str, note: str, rows: Sequence[tuple[str, str, Mapping[str, UInt8Array]]]
    ) -> None:
        """Add pictures as they are.

        Args:
            title: of the grid.
            note: below it.
            rows: label, caption of the first picture, and column -> uint8 (H, W, 3).
        """
        columns = list(dict.fromkeys(column for _, _, cells in rows for column in cells))
        made = []
        for label, caption, pictures in rows:
            captions = {columns[0]: caption}
            cells = [
                self._cell(f"{title}-{label}-{name}", pictures[name], captions.get(name, ""))
                if name in pictures
                else None
                for name in columns
            ]
            made.append(_row(label, cells))
        self._grid(title, note, columns, made)

    def finish(self, **about: Any) -> None:
        """Write the index of all grids, with what else is told of them."""
        write_text(self.folder / self._index, json.dumps({**about, "grids": self.grids}, indent=1))

    def _predictions(
        self,
        key: str,
        label: str,
        values: dict[str, npt.NDArray[Any]],
        tasks: Sequence[str],
        caption: str,
    ) -> dict[str, Any]:
        cells: list[dict[str, str] | None] = []
        for task in tasks:
            if task not in values:
                cells.append(None)
                continue
            drawn = load_task(task).draw(values[task])
            cells.append(self._cell(f"{key}-{task}", drawn, caption if not cells else ""))
        return _row(label, cells)

    def _cell(self, key: str, picture: UInt8Array, caption: str) -> dict[str, str]:
        name = "".join(letter if letter.isalnum() else "-" for letter in key) + ".png"
        Image.fromarray(picture).save(self.folder / name, optimize=True)
        return {"file": name, "caption": caption}

    def _grid(self, title: str, note: str, columns: list[str], rows: list[Any]) -> None:
        self.grids.append({"title": title, "note": note, "columns": columns, "rows": rows})


def _row(label: str, cells: Sequence[dict[str, str] | None]) -> dict[str, Any]:
    return {"label": label, "cells": list(cells)}


def _bytes_caption(size_bytes: int, sample: Sample) -> str:
    pixels = sample.image.shape[0] * sample.image.shape[1]
    return f"{size_bytes} bytes, {8 * size_bytes / pixels:.2f} bits per pixel"


@torch.no_grad()
def _encode(model: Model, image: UInt8Array) -> npt.NDArray[np.float32]:
    device = next(model.network.parameters()).device
    batch = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].to(device)
    features: npt.NDArray[np.float32] = model.network.encode(batch)[0].cpu().numpy()
    return features


def _compress(model: Model, features: np.ndarray, codec: str) -> bytes:
    qlayer = model.network.qlayer
    return compress(
        features,
        codec,
        qlayer.bits,
        qlayer.per_channel,
        tables=model.tables,
        step=qlayer.step,
    )


@torch.no_grad()
def _predict(
    model: Model, features: npt.NDArray[np.float32], size: tuple[int, ...]
) -> dict[str, npt.NDArray[Any]]:
    device = next(model.network.parameters()).device
    batch = torch.from_numpy(features)[None].to(device)
    outputs = model.network.predict(batch, (size[0], size[1]))
    return {task: output[0].cpu().numpy() for task, output in outputs.items()}
