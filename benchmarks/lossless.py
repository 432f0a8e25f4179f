"""How many bytes do the lossless codecs make of real features?

    python benchmarks/lossless.py                       EfficientNet-Lite0, scikit-image photographs
    python benchmarks/lossless.py FEATURES.npz ...      of a file: (C, H, W) or (N, C, H, W) arrays
    python benchmarks/lossless.py --save FEATURES.npz   only make the default features

Arrays of integers are taken as quantized; floats are quantized to 8 bits. The
figures are bits per element of the payloads alone, over all arrays of a group
(the part of an array's name before its last underscore); PNG at level 9, WebP
with method 6 and quality 100, zstd at level 19 on the raw integers, JPEG-LS,
and JPEG XL at effort 7. `--rivals` chooses among them; they are slow.

The times are those of one core's work, median of several rounds in which numpy and
the compiled engine (the extra `fast`) take turns: "numpy ms" and "engine ms", to
encode and to decode. For one core, run it with OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import functools
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import zstandard
from PIL import Image

from cofeat.feature.codecs.cofeat import CofeatCodec
from cofeat.feature.entropy.engine import compiled
from cofeat.feature.entropy.ways import ENGINE, NUMPY
from cofeat.feature.mosaic import tile
from cofeat.feature.quantizer import quantize

PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket", "stereo_motorcycle")
SIZE = (256, 512)
# Outputs of the ReLU6 after the expansion in a block: (name, block, channels kept).
EXPANSIONS = (("relu8", 4, 256), ("relu16", 9, 256), ("relu32", 13, 512))
BITS = 8
TIMED_ROUNDS = 9


def pillow_bytes(mosaic: np.ndarray, kind: str, **options: object) -> int:
    file = io.BytesIO()
    Image.fromarray(mosaic).save(file, kind, **options)
    return file.tell()


def jpegls_bytes(values: np.ndarray) -> int:
    import imagecodecs

    return len(imagecodecs.jpegls_encode(tile(values)))


def jpegxl_bytes(values: np.ndarray) -> int:
    import imagecodecs

    return len(imagecodecs.jpegxl_encode(tile(values), lossless=True, effort=7))


RIVALS: dict[str, Callable[[np.ndarray], int]] = {
    "png9": lambda values: pillow_bytes(tile(values), "PNG", compress_level=9),
    "webp": lambda values: pillow_bytes(tile(values), "WEBP", lossless=True, method=6, quality=100),
    "zstd19": lambda values: len(zstandard.compress(values.tobytes(), 19)),
    "jpegls": jpegls_bytes,
    "jpegxl7": jpegxl_bytes,
}


def default_features() -> dict[str, np.ndarray]:
    """EfficientNet-Lite0's features of photographs: cuts, and sparse ones inside its blocks."""
    import skimage.data
    import torch

    from cofeat.image import resize_image
    from cofeat.network.build import build_network

    torch.set_num_threads(1)
    features: dict[str, np.ndarray] = {}
    kept: dict[int, np.ndarray] = {}

    def keep(block: int) -> Callable[..., None]:
        def hook(_module: object, _inputs: object, output: torch.Tensor) -> None:
            kept[block] = output[0].clamp(0, 6).numpy().copy()

        return hook

    for cut in ("stride8", "stride16", "stride32"):
        network = build_network("efficientnet_lite0", cut, "imagenet").eval()
        blocks = dict(network.named_modules())
        if cut == "stride32":
            for _, block, _ in EXPANSIONS:
                blocks[f"encoder._blocks.{block}._bn0"].register_forward_hook(keep(block))
        for name in PHOTOGRAPHS:
            picture = getattr(skimage.data, name)()
            picture = np.asarray(picture[0] if isinstance(picture, tuple) else picture)[..., :3]
            pixels = torch.from_numpy(resize_image(picture, SIZE).copy())
            with torch.no_grad():
                output = network.encode(pixels.permute(2, 0, 1)[None])[0].numpy()
            short = name.partition("_")[2] or name
            features[f"{cut}_{short}"] = quantize(output, BITS).values
            for label, block, channels in EXPANSIONS if cut == "stride32" else ():
                features[f"{label}_{short}"] = quantize(kept[block][:channels], BITS).values
    return features


def tensors(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (group, quantized (C, H, W)) of a file of arrays."""
    with np.load(path) as file:
        for name in file.files:
            array = file[name]
            if array.ndim not in (3, 4):
                continue
            for values in array if array.ndim == 4 else (array,):
                integers = values.dtype.kind == "u"
                group = name.rpartition("_")[0] or f"{path.stem}:{name}"
                yield group, values if integers else quantize(values.astype("f4"), BITS).values


def milliseconds(calls: list[Callable[[], object]]) -> list[float]:
    """Median processor time of each; all take turns, so that what disturbs one disturbs all."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(TIMED_ROUNDS):
        for call, own in zip(calls, times, strict=True):
            start = time.process_time()
            call()
            own.append(1000 * (time.process_time() - start))
    return [float(np.median(own)) for own in times]


def row_of(
    group: str,
    chosen: list[np.ndarray],
    rivals: list[str],
    codecs: list[CofeatCodec],
    setting: int,
) -> str:
    """Measure some tensors with everything: a line of the table."""
    elements = sum(values.size for values in chosen)
    rates = {name: 8 * sum(RIVALS[name](values) for values in chosen) / elements for name in rivals}
    payloads = [codecs[0].encode(values, BITS, setting) for values in chosen]
    ours = 8 * sum(map(len, payloads)) / elements
    for values, payload in zip(chosen, payloads, strict=True):
        for codec in codecs:
            back = codec.decode(payload, values.shape, BITS, setting)
            if not np.array_equal(back, values):
                raise SystemExit(f"{group}: cofeat is not lossless")
            if codec.encode(values, BITS, setting) != payload:
                raise SystemExit(f"{group}: numpy and the engine differ")
    first, payload = chosen[0], payloads[0]
    calls: list[Callable[[], object]] = []
    for codec in codecs:
        calls.append(functools.partial(codec.encode, first, BITS, setting))
        calls.append(functools.partial(codec.decode, payload, first.shape, BITS, setting))
    times = "".join(f"{time_:9.1f}" for time_ in milliseconds(calls))
    row = " ".join(f"{rates[name]:8.3f}" for name in rivals)
    best = ours / min(rates.values()) - 1 if rates else float("nan")
    png = ours / rates["png9"] - 1 if "png9" in rates else float("nan")
    shape = "x".join(map(str, chosen[0].shape))
    return f"{group:20s} {shape:>12s} {row} {ours:8.3f} {best:+8.1%} {png:+8.1%} {times}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--save", type=Path, help="write the default features there, and stop")
    parser.add_argument("--rivals", default=",".join(RIVALS), help="comma-separated, or none")
    parser.add_argument("--setting", type=int, default=4, help="of cofeat's codec, 1 to 16")
    parser.add_argument("--limit", type=int, default=8, help="at most so many tensors of a group")
    arguments = parser.parse_args()
    rivals = [name for name in arguments.rivals.split(",") if name in RIVALS]
    if arguments.save:
        np.savez(arguments.save, **default_features())
        return
    groups: dict[str, list[np.ndarray]] = {}
    for path in arguments.files:
        for group, values in tensors(path):
            groups.setdefault(group, []).append(values)
    if not arguments.files:
        for name, values in default_features().items():
            groups.setdefault(name.rpartition("_")[0], []).append(values)

    codecs = [CofeatCodec(NUMPY)]
    if compiled() is not None:
        codecs.append(CofeatCodec(ENGINE))
    head = " ".join(f"{name:>8s}" for name in rivals)
    ways = "  numpy enc, dec ms  engine enc, dec ms"[: 19 * len(codecs) + 1]
    print(f"{'bits per element':20s} {'shape':>12s} {head}   cofeat  of best  of png9{ways}")
    for group, all_values in groups.items():
        chosen = all_values[: arguments.limit]
        print(row_of(group, chosen, rivals, codecs, arguments.setting), flush=True)


if __name__ == "__main__":
    main()
