"""How fast does a device turn a picture into bytes, against the first implementation's steps?

    python benchmarks/edge_encoder.py [--encoder resnet34] [--cut layer3] [--size 512x256]

Both ways start from the same pixels, use the same encoder (random weights: they
change no time) and one core, and end with the bytes that are sent:

    first implementation   normalize in float64, torch eager, quantize by torch, tile pixel by
                           pixel in Python, PNG by Pillow at its default level
    cofeat                 ONNX Runtime (fp32 or int8), quantize, a lossless codec

The first implementation's steps and their order are those of the code released with the
paper (github.com/saeedranjbar12/mtlcfci at 0162c97: the loader's transform, the
validation quantizer, the two-dimensional dump), in our own lines.

The ways take turns in every round; the medians of the rounds are told, in milliseconds of
the core, and beside the whole way the encoder alone, where no loop in Python helps us.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cofeat.bundle import open_bundle
from cofeat.data.base import Sample
from cofeat.data.samples import motorcycle, photographs
from cofeat.export.write import Options, Source, export_bundle
from cofeat.feature.mosaic import grid
from cofeat.feature.pipeline import compress
from cofeat.image import IMAGENET_MEAN, IMAGENET_STD, parse_size, resize_image
from cofeat.network.build import build_network, load_network, save_network
from cofeat.network.multitask import MultiTaskNetwork
from cofeat.runtime import RuntimeModel

CODECS = ("zstd:1", "png:1")
# What the project holds itself to, over the whole way.
TARGETS = {"fp32": 1.6, "int8": 5.0}


class Photographs:
    """Real pictures to calibrate on, all of one size."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._images = [resize_image(s.image, size) for s in (motorcycle(), *photographs())]
        self.names = tuple(f"photograph_{index}" for index in range(len(self._images)))

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        image = self._images[index]
        return Sample(self.names[index], image, {"reconstruction": image})


def first_encode(network: MultiTaskNetwork, image: np.ndarray) -> torch.Tensor:
    """Normalize in float64, encode by torch, eager."""
    pixels = image.astype(np.float64).astype(float) / 255.0
    pixels -= IMAGENET_MEAN
    pixels = pixels / IMAGENET_STD
    batch = torch.from_numpy(pixels.transpose(2, 0, 1)).float()[None]
    with torch.no_grad():
        return network.bottleneck.down(network.encoder(batch))


def first_quantize(features: torch.Tensor) -> np.ndarray:
    """Quantize by torch to whole floats, and restore as it does for its heads."""
    flat = features.view(features.numel())
    high, low = flat.max(0)[0], flat.min(0)[0]
    scale = (high - low).pow(-1) * 255
    values = ((features - low.expand_as(features)) * scale.expand_as(features)).round()
    _ = values * scale.pow(-1).expand_as(values) + low.expand_as(values)
    return values.numpy()


def first_tile(values: np.ndarray) -> np.ndarray:
    """Tile one pixel at a time, from one row of all of them."""
    _, channels, height, width = values.shape
    rows, columns = grid(channels)
    row_of_all = np.reshape(values, (1, -1))
    mosaic = np.zeros((rows * height, columns * width))
    index = 0
    for top in range(0, rows * height, height):
        for left in range(0, columns * width, width):
            for y in range(top, top + height):
                for x in range(left, left + width):
                    mosaic[y][x] = row_of_all[0][index]
                    index += 1
    return mosaic


def first_way(network: MultiTaskNetwork, image: np.ndarray) -> bytes:
    mosaic = first_tile(first_quantize(first_encode(network, image)))
    # Its writer stretches what it is given to 0 ... 255 once more.
    low, high = mosaic.min(), mosaic.max()
    grey = ((mosaic - low) * (255.0 / (high - low)) + 0.5).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    return file.getvalue()


def export(
    network: MultiTaskNetwork, words: argparse.Namespace, photographs: Photographs, folder: Path
) -> Path:
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir()
    config = {"encoder": words.encoder, "cut": words.cut, "tasks": ["reconstruction"]}
    save_network(checkpoint, network, config, {})
    source = Source(
        words.encoder, load_network(checkpoint), photographs, photographs, "photographs"
    )
    export_bundle(folder / "bundle", [source], Options(accuracy_images=1, threads=1))
    return folder / "bundle"


def elapsed_ms(call: Callable[[], object]) -> float:
    # All of it is computing in one thread, so that what else the machine does is left out.
    start = time.process_time()
    call()
    return 1000 * (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--encoder", default="resnet34")
    parser.add_argument("--cut", help="where it ends (its default)")
    parser.add_argument("--size", default="512x256")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = build_network(arguments.encoder, cut=arguments.cut, tasks=["reconstruction"]).eval()
    pictures = Photographs(parse_size(arguments.size))
    image = pictures[0].image
    with tempfile.TemporaryDirectory() as folder:
        bundle = open_bundle(export(network, arguments, pictures, Path(folder)))
        models = {
            precision: RuntimeModel(bundle.model(), precision, threads=1) for precision in TARGETS
        }
        ways: dict[str, Callable[[], object]] = {
            "first, encoder alone": lambda: first_encode(network, image),
            "first, to bytes": lambda: first_way(network, image),
        }
        for precision, model in models.items():
            ways[f"{precision}, encoder alone"] = lambda m=model: m.encode(image)
            for codec in CODECS:
                ways[f"{precision}, to {codec}"] = lambda m=model, c=codec: compress(
                    m.encode(image), c
                )
        for call in ways.values():
            call()
        times = {
            name: np.median(samples)
            for name, samples in zip(
                ways,
                np.transpose(
                    [[elapsed_ms(call) for call in ways.values()] for _ in range(arguments.rounds)]
                ),
                strict=True,
            )
        }
    shape = models["fp32"].feature_shape(parse_size(arguments.size))
    cut = arguments.cut or "its default cut"
    print(f"{arguments.encoder} to {cut}, {arguments.size}, features {shape}, one core,")
    print(f"medians of {arguments.rounds} rounds; ratio against the first implementation")
    for name, milliseconds in times.items():
        against = "first, encoder alone" if "alone" in name else "first, to bytes"
        ratio = times[against] / milliseconds
        target = TARGETS.get(name.partition(",")[0])
        aim = f"  (target {target})" if target and CODECS[0] in name else ""
        print(f"  {name:22s} {milliseconds:8.1f} ms  {ratio:5.2f}x{aim}")


if __name__ == "__main__":
    main()
