"""Integers for the tests of the codecs, and a witness of what a decoder is given."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def wave():
    """Smooth integers with some noise, over the whole range of n bits."""

    def make(shape, bits, seed=0):
        rng = np.random.default_rng(seed)
        c, y, x = np.indices(shape)
        field = np.sin(c + y / 3) * np.cos(x / 4) + rng.normal(0, 0.05, shape)
        levels = np.rint((np.clip(field, -1, 1) + 1) / 2 * (2**bits - 1))
        return levels.astype(np.uint8 if bits <= 8 else np.uint16)

    return make


@pytest.fixture
def mosaic_by_loops():
    """The mosaic, one pixel at a time."""

    def make(values):
        channels, height, width = values.shape
        cols = 1
        while cols * cols < channels:
            cols *= 2
        mosaic = np.zeros((-(-channels // cols) * height, cols * width), values.dtype)
        for c in range(channels):
            y, x = c // cols * height, c % cols * width
            mosaic[y : y + height, x : x + width] = values[c]
        return mosaic

    return make


@pytest.fixture
def unreached(monkeypatch):
    """Make the call behind ``module.name`` fail the test: a decoder that must not be reached."""

    def watch(module, name):
        def reached(*arguments, **options):
            raise AssertionError(f"{name} was reached")

        monkeypatch.setattr(module, name, reached)

    return watch
