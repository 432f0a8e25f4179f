"""What the models of the package cost on photographs that nobody trained on, beside street scenes.

    tools/photographs.py --streets runs/streets-mobile/streets-256x128-test-seed2

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

import numpy as np

from cofeat.cli.machine import provenance
from cofeat.cli.models import RunnableModel, open_model
from cofeat.data.samples import motorcycle, photographs
from cofeat.feature.budget import Coding
from cofeat.feature.pipeline import decompress
from cofeat.files import write_text
from cofeat.image import UInt8Array, read_image, resize_image
from cofeat.pictures import decode_picture, encode_picture

SIZE = (128, 256)
FEATURES = {
    "streets-mobile-baseline": ("png", "webp-lossless", "cofeat"),
    "streets-mobile-proposed": ("png", "webp-lossless", "cofeat"),
    "streets-mobile": ("cofeat-learned:16", "cofeat-learned:22", "cofeat-learned:26"),
}
PICTURES = {"streets-mobile-pictures": ("jpeg:85", "webp:80", "avif:70", "avif:60")}


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


def classes(model: RunnableModel, features: np.ndarray) -> np.ndarray:
    """Return the class of each pixel, (H, W)."""
    found: np.ndarray = model.predict(features, SIZE)["segmentation"]
    return found.argmax(0) if found.ndim == 3 else found


def rows_of(image: UInt8Array) -> Iterator[tuple[str, str, int, float]]:
    """Yield model, way to code, bytes, and share of equal classes of one picture."""
    for model_name in (*FEATURES, *PICTURES):
        model = MODELS.setdefault(model_name, open_model(model_name))
        uncoded = model.encode(image)
        truth = classes(model, uncoded)
        for codec in FEATURES.get(model_name, ()):
            about = (model.bits, model.per_channel, SIZE, model.model_id, model.fitted, model.step)
            data = Coding(codec).compress(uncoded, *about)
            features = decompress(data, tables=model.fitted).features
            yield model_name, codec, len(data), float((classes(model, features) == truth).mean())
        for codec in PICTURES.get(model_name, ()):
            data = encode_picture(image, codec)
            features = model.encode(decode_picture(data).copy())
            yield model_name, codec, len(data), float((classes(model, features) == truth).mean())


MODELS: dict[str, RunnableModel] = {}


def main() -> None:
    """Code all pictures in all ways and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--streets", type=Path, required=True, help="folder of street scenes")
    parser.add_argument("--scenes", type=int, default=50)
    parser.add_argument("-o", "--out", type=Path, default=Path("results/photographs.json"))
    arguments = parser.parse_args()
    found: dict[tuple[str, str], dict[str, dict[str, tuple[int, float]]]] = {}
    for kind, images in pictures(arguments.streets, arguments.scenes).items():
        for name, image in images:
            for model, codec, size, agreeing in rows_of(image):
                of = found.setdefault((model, codec), {}).setdefault(kind, {})
                of[name] = (size, agreeing)
    rows = [
        {"model": model, "codec": codec}
        | {
            kind: {
                "mean_bytes": fmean(size for size, _ in of.values()),
                "same_class": fmean(share for _, share in of.values()),
            }
            for kind, of in kinds.items()
        }
        | {"photograph_bytes": {name: size for name, (size, _) in kinds["photographs"].items()}}
        for (model, codec), kinds in found.items()
    ]
    command = f"tools/photographs.py --streets {arguments.streets} --scenes {arguments.scenes}"
    about = {**provenance(seed=None), "command": command, "size": f"{SIZE[1]}x{SIZE[0]}"}
    write_text(arguments.out, json.dumps({"provenance": about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
