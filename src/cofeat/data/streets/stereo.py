"""Disparity as a stereo pair would give it: exact where both eyes see, else invalid."""

from __future__ import annotations

import numpy as np

from cofeat.data.streets.camera import DISPARITY_PX_M, FULL_SIZE
from cofeat.data.streets.canvas import BoolArray
from cofeat.data.streets.dice import Dice
from cofeat.data.streets.texture import noise
from cofeat.image import Float32Array, UInt8Array

# What a matcher finds, in pixels of the full-width image.
MIN_PX = 1.5
MAX_PX = 128.0


def visible_in_right(disparity: Float32Array) -> BoolArray:
    """Return which pixels of the left view the right view sees too.

    Each pixel is moved to its place in the right view; it is hidden there
    where something nearer by more than about half a pixel lands on it, and
    outside where it leaves the image.

    Args:
        disparity: float32 (H, W), pixels of the full-width image, 0 at infinity.
    """
    height, width = disparity.shape
    scale = np.float32(width / FULL_SIZE[1])
    shift = disparity * scale
    place = np.arange(width, dtype=np.float32) - shift
    left = np.floor(place).astype(np.int32)
    inside = left >= 0
    row = np.arange(height, dtype=np.int32)[:, None] * (width + 1)
    target = np.where(inside, left, 0) + row
    nearest: Float32Array = np.zeros(height * (width + 1), dtype=np.float32)
    # Both neighbours of the exact place, so that slanted surfaces have no cracks.
    found = np.where(inside, shift, np.float32(0.0))
    np.maximum.at(nearest, target.ravel(), found.ravel())
    np.maximum.at(nearest, target.ravel() + 1, found.ravel())
    nearer_bin = target + (place - left > 0.5)
    hidden = nearest.take(nearer_bin) - shift > 0.6
    return np.asarray(inside & ~hidden)


def measure(nearness: Float32Array, sky: BoolArray, image: UInt8Array, dice: Dice) -> Float32Array:
    """Return the disparity map of a scene.

    Args:
        nearness: float32 (H, W), 1 / Z at the pixels' centres, 0 where nothing is.
        sky: bool (H, W).
        image: uint8 (H, W, 3); where it is flat, a matcher fails now and then.
        dice: chooses where it fails.

    Returns:
        float32 (H, W), pixels of the full-width image, 0 invalid.
    """
    disparity = np.where(sky, np.float32(0.0), nearness * np.float32(DISPARITY_PX_M))
    valid = visible_in_right(disparity)
    valid &= (disparity >= MIN_PX) & (disparity <= MAX_PX)
    height, width = disparity.shape
    shift = np.float32(dice.uniform(0.0, 256.0))
    per_px = np.float32(256.0 / width)
    x = np.arange(width, dtype=np.float32)[None, :] * per_px + shift
    y = np.arange(height, dtype=np.float32)[:, None] * per_px + shift
    green = image[:, :, 1].astype(np.int32)
    flat = np.abs(green - np.roll(green, 1, axis=1)) + np.abs(green - np.roll(green, 1, axis=0)) < 6
    fails = noise("cloud", x * 2 + np.zeros_like(y), y * 2 + np.zeros_like(x))
    valid &= ~(flat & (fails > 0.93))
    return np.where(valid, disparity, np.float32(0.0))
