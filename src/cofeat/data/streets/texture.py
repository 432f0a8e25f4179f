"""Tiling noise with coarser levels, made once a process from integers."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from cofeat.data.streets.dice import Dice
from cofeat.image import Float32Array

TILE = 256
LEVELS = 8
_MASK = TILE - 1
# Added to coordinates, so that the cast to integers, which cuts towards zero, rounds down.
_SHIFT = 1 << 20

IntArray = npt.NDArray[np.int32]


def _white(name: str) -> Float32Array:
    bits = Dice(f"texture/{name}").table(TILE * TILE) >> np.uint64(40)
    return (bits.astype(np.float32) / 8388608.0 - 1.0).reshape(TILE, TILE)


def _blur(values: Float32Array, radius: int) -> Float32Array:
    """Average over a window of 2 * radius in both directions, around the tile's edges."""
    for axis in (0, 1):
        width = 1
        while width < 2 * radius:
            values = (values + np.roll(values, width, axis)) * np.float32(0.5)
            width *= 2
        values = np.roll(values, -radius, axis)
    return values


def _spread(values: Float32Array) -> Float32Array:
    """Scale by rank to an even spread over [-1, 1]."""
    order = np.argsort(values, axis=None, kind="stable")
    ranks = np.empty(values.size, dtype=np.float32)
    ranks[order] = np.arange(values.size, dtype=np.float32)
    return (ranks * np.float32(2.0 / (values.size - 1)) - np.float32(1.0)).reshape(values.shape)


def _octaves(name: str, weights: dict[int, float]) -> Float32Array:
    """Add noise of several grain sizes (power of two -> weight)."""
    total = np.zeros((TILE, TILE), dtype=np.float32)
    for radius, weight in weights.items():
        layer = _white(f"{name}/{radius}")
        if radius > 1:
            layer = _spread(_blur(_blur(layer, radius), max(radius // 2, 1)))
        total += layer * np.float32(weight)
    return _spread(total)


_KINDS: dict[str, dict[int, float]] = {
    # Grain of asphalt, plaster, stone.
    "grain": {1: 1.0, 2: 0.5, 4: 0.2, 16: 0.1},
    # Clouds, stains, large irregularity.
    "cloud": {2: 0.06, 4: 0.15, 8: 0.3, 16: 0.6, 32: 1.0},
    # Clumps of leaves.
    "leaf": {1: 0.35, 2: 0.8, 4: 0.9, 8: 0.7, 16: 0.5},
}


@cache
def noise_table(kind: str) -> Float32Array:
    """Return all levels of a noise, float32 (LEVELS * TILE * TILE,), in [-1, 1].

    Level n is averaged over squares of 2 ** n texels.
    """
    level = _octaves(kind, _KINDS[kind])
    levels = [level, *(_blur(level, 1 << (index - 1)) for index in range(1, LEVELS))]
    return np.concatenate([entry.ravel() for entry in levels])


def noise(kind: str, x: Float32Array, y: Float32Array, level: IntArray | int = 0) -> Float32Array:
    """Look a noise up.

    Args:
        kind: "grain", "cloud" or "leaf".
        x: coordinate in texels, any shape.
        y: the other coordinate.
        level: 0 (sharp) to LEVELS - 1, one or one a place.

    Returns:
        float32, in [-1, 1].
    """
    ix = (x + np.float32(_SHIFT)).astype(np.int32)
    iy = (y + np.float32(_SHIFT)).astype(np.int32)
    ix &= _MASK
    iy &= _MASK
    iy <<= 8
    ix = ix + iy
    ix += np.asarray(level, dtype=np.int32) << 16
    return noise_table(kind).take(ix, mode="clip")


def level_of(footprint: Float32Array) -> IntArray:
    """Return the level for a sample's footprint in texels: floor(log2), within the levels."""
    exponent = np.frexp(footprint)[1] - 1
    return np.clip(exponent, 0, LEVELS - 1).astype(np.int32)


def level_for(footprint: float) -> int:
    """Return the level for one footprint in texels."""
    level = 0
    while footprint >= 2.0 and level < LEVELS - 1:
        footprint *= 0.5
        level += 1
    return level
