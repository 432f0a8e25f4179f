"""What the models of the package cost on photographs that nobody trained on, beside street scenes.

    python tools/photographs.py --streets runs/streets-mobile/streets-256x128-test-seed2

Five photographs of scikit-image's, their middles cropped to 2:1, and the first street scenes of the
folder go through the device's half of each model; the bytes of each codec and of the picture's own
formats are counted, all that is sent. The photographs have no labels: what is told of the accuracy
is the share of pixels that keep the class which the same network gives them uncompressed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from cofeat.cli.machine import provenance
from cofeat.cli.models import RunnableModel, open_model
from cofeat.data.samples import motorcycle, photographs
from cofeat.feature.pipeline import compress, decompress
from cofeat.files import write_text
from cofeat.image import UInt8Array, read_image, resize_image
from cofeat.pictures import decode_picture, encode_picture

SIZE = (128, 256)
PICTURES = "streets-mobile-pictures"
CODECS = {
    "streets-mobile-baseline": ("png", "webp-lossless", "cofeat"),
    "streets-mobile-proposed": ("png", "webp-lossless", "cofeat"),
    "streets-mobile": ("cofeat-learned:16", "cofeat-learned:22", "cofeat-learned:26"),
    PICTURES: ("jpeg:85", "webp:80", "avif:70", "avif:60"),
}


class Coded(NamedTuple):
    """What one way of coding made of a picture."""

    model: str
    codec: str
    size_bytes: int
    same_class: float
    """Share of the pixels that keep their class."""


def middle(image: UInt8Array) -> UInt8Array:
    """Crop to 2:1 around the middle and resize to ``SIZE``."""
    height, width = image.shape[:2]
    rows, columns = min(height, width // 2), min(width, 2 * height)
    top, left = (height - rows) // 2, (width - columns) // 2
    return resize_image(image[top : top + rows, left : left + columns], SIZE)


def pictures(streets: Path, scenes: int) -> dict[str, list[tuple[str, UInt8Array]]]:
    """Return the names and pictures of both kinds."""
    files = sorted((streets / "leftImg8bit" / "val").rglob("*.png"))[:scenes]
    samples = [*photographs(), motorcycle()]
    return {
        "streets": [(file.stem, read_image(file)) for file in files],
        "photographs": [(sample.name, middle(sample.image)) for sample in samples],
    }


def ways(models: dict[str, RunnableModel], image: UInt8Array) -> Iterator[Coded]:
    """Yield what each way of coding makes of one picture."""
    for name, model in models.items():
        uncoded = model.encode(image)
        truth = model.predict(uncoded, SIZE)["segmentation"]
        about = (model.bits, model.per_channel, SIZE, model.model_id, model.fitted, model.step)
        for codec in CODECS[name]:
            if name == PICTURES:
                data = encode_picture(image, codec)
                features = model.encode(decode_picture(data).copy())  # torch wants to own it
            else:
                data = compress(uncoded, codec, *about)
                features = decompress(data, tables=model.fitted).features
            same = model.predict(features, SIZE)["segmentation"] == truth
            yield Coded(name, codec, len(data), float(same.mean()))


def main() -> None:
    """Code all pictures in all ways and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--streets", type=Path, required=True, help="folder of street scenes")
    parser.add_argument("--scenes", type=int, default=50)
    parser.add_argument("-o", "--out", type=Path, default=Path("results/photographs.json"))
    arguments = parser.parse_args()
    models = {name: open_model(name) for name in CODECS}
    coded = {
        kind: {name: list(ways(models, image)) for name, image in images}
        for kind, images in pictures(arguments.streets, arguments.scenes).items()
    }
    rows = []
    every_way = [(name, codec) for name, codecs in CODECS.items() for codec in codecs]
    for index, (model, codec) in enumerate(every_way):
        row: dict[str, Any] = {"model": model, "codec": codec}
        for kind, of in coded.items():
            row[kind] = {
                "mean_bytes": fmean(each[index].size_bytes for each in of.values()),
                "same_class": fmean(each[index].same_class for each in of.values()),
            }
        sizes = {name: each[index].size_bytes for name, each in coded["photographs"].items()}
        rows.append({**row, "photograph_bytes": sizes})
    command = f"tools/photographs.py --streets {arguments.streets} --scenes {arguments.scenes}"
    about = {**provenance(seed=None), "command": command, "size": f"{SIZE[1]}x{SIZE[0]}"}
    write_text(arguments.out, json.dumps({"provenance": about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
