"""How fast is the feature's way to bytes, against tiling pixel by pixel in plain Python?

    python benchmarks/feature_path.py

Both ways are timed in turn in the same run, one after the other in every
round, on one 256 x 16 x 32 tensor; the medians of the rounds are told.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from cofeat.feature.mosaic import grid, tile, untile
from cofeat.feature.pipeline import compress, decompress
from cofeat.feature.quantizer import FeatureRange, Quantized, dequantize, quantize

SHAPE = (256, 16, 32)
ROUNDS = 9
# Rounds of what takes milliseconds; the plain loops take a thousand times as long.
FAST_ROUNDS = 200


def tile_by_loops(values: np.ndarray) -> np.ndarray:
    """Tile one pixel at a time, as the method's first implementation did."""
    channels, height, width = values.shape
    rows, cols = grid(channels)
    mosaic = np.zeros((rows * height, cols * width), dtype=values.dtype)
    for row in range(rows * height):
        for column in range(cols * width):
            channel = row // height * cols + column // width
            mosaic[row, column] = values[channel, row % height, column % width]
    return mosaic


def untile_by_loops(mosaic: np.ndarray, channels: int) -> np.ndarray:
    """Take the tiles apart one pixel at a time."""
    rows, cols = grid(channels)
    height, width = mosaic.shape[0] // rows, mosaic.shape[1] // cols
    values = np.zeros((channels, height, width), dtype=mosaic.dtype)
    for row in range(mosaic.shape[0]):
        for column in range(mosaic.shape[1]):
            channel = row // height * cols + column // width
            values[channel, row % height, column % width] = mosaic[row, column]
    return values


def plain_forward(features: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Quantize with plain numpy, then tile by loops."""
    low, high = features.min(), features.max()
    values = np.round((features - low) / (high - low) * 255).astype(np.uint8)
    return tile_by_loops(values), low, high


def plain_backward(mosaic: np.ndarray, low: float, high: float) -> np.ndarray:
    """Untile by loops, then dequantize with plain numpy."""
    values = untile_by_loops(mosaic, SHAPE[0])
    return values.astype(np.float32) * ((high - low) / 255) + low


def our_forward(features: np.ndarray) -> tuple[np.ndarray, FeatureRange]:
    quantized = quantize(features)
    return tile(quantized.values), quantized.range


def our_backward(mosaic: np.ndarray, range_: FeatureRange) -> np.ndarray:
    return dequantize(Quantized(untile(mosaic, SHAPE[0]), range_, 8))


def median_ms(call: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def main() -> None:
    rng = np.random.default_rng(0)
    features = np.maximum(rng.normal(size=SHAPE), 0).astype(np.float32)
    mosaic, range_ = our_forward(features)
    plain_mosaic, low, high = plain_forward(features)
    if np.abs(mosaic.astype(int) - plain_mosaic).max() > 1:
        raise SystemExit("the two ways do not agree")
    ours: dict[str, list[float]] = {"forward": [], "backward": []}
    plain: dict[str, list[float]] = {"forward": [], "backward": []}
    for _ in range(ROUNDS):
        each = FAST_ROUNDS // ROUNDS
        plain["forward"].append(median_ms(lambda: plain_forward(features), 1))
        ours["forward"].append(median_ms(lambda: our_forward(features), each))
        plain["backward"].append(median_ms(lambda: plain_backward(mosaic, low, high), 1))
        ours["backward"].append(median_ms(lambda: our_backward(mosaic, range_), each))
    print(f"{math.prod(SHAPE)} elements, medians of {ROUNDS} rounds")
    for way, what in (("forward", "quantize + tile"), ("backward", "untile + dequantize")):
        mine, theirs = np.median(ours[way]), np.median(plain[way])
        print(
            f"  {what:20s} ours {mine:6.3f} ms  plain loops {theirs:7.1f} ms  "
            f"ratio {theirs / mine:5.0f}"
        )
    for codec in ("png", "png:1", "jpeg:95", "jpeg:80"):
        data = compress(features, codec)
        print(
            f"  {codec:8s} {8 * len(data) / features.size:5.2f} bits/element  "
            f"compress {median_ms(lambda c=codec: compress(features, c), 9):6.1f} ms  "
            f"decompress {median_ms(lambda d=data: decompress(d), 9):5.1f} ms"
        )


if __name__ == "__main__":
    main()
