"""From light to 8-bit pixels: lens, exposure, tone, noise."""

from __future__ import annotations

import numpy as np

from cofeat.data.streets.canvas import Canvas
from cofeat.data.streets.dice import Dice
from cofeat.data.streets.light import rgb
from cofeat.image import Float32Array, UInt8Array

_ONE = np.float32(1.0)


def _reduce(samples: Float32Array) -> Float32Array:
    """Average the lattice to pixels with weights 1/4, 1/2, 1/4 around each centre, both ways."""
    rows = samples[0:-2:2] + samples[2::2]
    rows += samples[1::2] * np.float32(2.0)
    pixels = rows[:, 0:-2:2] + rows[:, 2::2]
    pixels += rows[:, 1::2] * np.float32(2.0)
    pixels *= np.float32(1.0 / 16.0)
    return pixels


def _exposure(light: Float32Array, dice: Dice) -> float:
    """Return the gain that brings the mean to a middle tone, from integers, which add exactly."""
    coarse = np.minimum(light[::2, ::2, 1] * np.float32(1024.0), np.float32(4096.0))
    total = int(coarse.astype(np.int64).sum())
    mean = max(total / (coarse.size * 1024.0), 0.02)
    return dice.uniform(0.2, 0.32) / mean


def expose(canvas: Canvas, dice: Dice) -> UInt8Array:
    """Return the image, uint8 (H, W, 3)."""
    light = _reduce(canvas.color)
    rows, columns = light.shape[:2]
    gain = _exposure(light, dice)
    balance = rgb([gain * dice.around(1.0, spread) for spread in (0.07, 0.02, 0.08)])
    y = ((np.arange(rows) + 0.5) / rows - 0.5).astype(np.float32)[:, None]
    x = ((np.arange(columns) + 0.5) / columns - 0.5).astype(np.float32)[None, :]
    vignette = _ONE - np.float32(dice.uniform(0.1, 0.6)) * (x * x + y * y * np.float32(0.3))
    for channel in range(3):
        light[:, :, channel] *= vignette * balance[channel]
    # A film-like shoulder, white at 2.2, then gamma 2.
    light = light * (_ONE + light * np.float32(1.0 / 4.84)) / (_ONE + light)
    tone = np.sqrt(np.maximum(light, np.float32(0.0))) * np.float32(1.18)
    contrast = np.float32(dice.uniform(0.3, 0.75))
    smooth = tone * tone * (np.float32(3.0) - np.float32(2.0) * tone)
    tone = np.where(tone < _ONE, tone + (smooth - tone) * contrast, tone)
    # Photon noise grows as the root of light, so it is even after gamma; read noise is not.
    amount = np.float32(dice.uniform(1.0, 3.2))
    spread = amount * (np.float32(0.6) + np.float32(0.4) / (np.float32(0.3) + tone))
    pixels = tone * np.float32(255.0) + _noise(dice, light.shape) * spread
    return np.clip(np.rint(pixels), 0.0, 255.0).astype(np.uint8)


def _noise(dice: Dice, shape: tuple[int, ...]) -> Float32Array:
    """Return bell-shaped noise of standard deviation 1: the sum of four random bytes a value."""
    size = shape[0] * shape[1] * shape[2]
    quads = dice.table((size + 1) // 2)
    low, high = np.uint64(0x00FF00FF00FF00FF), np.uint64(8)
    # Add bytes in pairs, within each half of the 64 bits.
    pairs = (quads & low) + ((quads >> high) & low)
    pairs = pairs + (pairs >> np.uint64(16))
    mask = np.uint64(0x7FF)
    sums = np.empty((quads.size, 2), dtype=np.float32)
    sums[:, 0] = pairs & mask
    sums[:, 1] = (pairs >> np.uint64(32)) & mask
    return (sums.ravel()[:size].reshape(shape) - np.float32(510.0)) * np.float32(1.0 / 147.8)
