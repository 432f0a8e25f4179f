"""Curves for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cofeat.evaluation.points import Curve, PerImage, curve_from_figures

TASKS = ("segmentation", "disparity", "reconstruction")


@pytest.fixture
def released() -> Path:
    return Path(__file__).parent / "data" / "icip2019_encoder2_rd.csv"


@pytest.fixture
def make_curve():
    """Make a curve with per-image figures: accuracy grows with rate, both differ by image."""

    def make(
        name: str = "anchor", bytes_factor: float = 1.0, images: int = 30, points: int = 6
    ) -> Curve:
        rng = np.random.default_rng(5)
        quality = np.linspace(0.5, 1.0, points)
        sizes = (1e5 * bytes_factor * np.exp(3 * quality - 3))[:, None] * rng.uniform(
            0.5, 1.5, images
        )
        hits = np.eye(19) * 300 * quality[:, None, None, None]
        confusion = np.rint(hits + 40 * rng.random((images, 19, 19)))
        # A class that occurs in the first image alone.
        confusion[:, 1:, 18, :] = confusion[:, 1:, :, 18] = 0
        rmse = (10 - 4 * quality)[:, None] * rng.uniform(0.8, 1.2, images)
        rmse[:, 2] = np.nan  # an image without a valid pixel
        psnr = (20 + 10 * quality)[:, None] + rng.normal(0, 1, images)
        per_image = PerImage(
            names=tuple(f"image{index}" for index in range(images)),
            bytes=sizes.astype(np.int64),
            elements=rng.integers(4000, 9000, images),
            pixels=rng.integers(8000, 9000, images),
            figures={"segmentation": confusion, "disparity": rmse, "reconstruction": psnr},
        )
        codecs = ["png", *(f"jpeg:{90 - 10 * index}" for index in range(points - 1))]
        return curve_from_figures(name, f"curve {name}", codecs, per_image, TASKS, {"seed": 5})

    return make
