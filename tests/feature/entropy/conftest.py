"""Features of one made-up model: smooth channels, and mixtures of them behind a ReLU."""

from __future__ import annotations

import numpy as np
import pytest

from cofeat.feature.entropy.fitting import fit_tables
from cofeat.feature.quantizer import quantize

SHAPE = (12, 8, 16)


def features_of(seed, relu=True, shape=SHAPE):
    channels, height, width = shape
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(4, height + 2, width + 2))
    smooth = sum(noise[:, y : y + height, x : x + width] for y in range(3) for x in range(3))
    # How the channels are mixed is the model's, so the same for all of its images.
    mixture = np.random.default_rng(99).normal(size=(channels, 4))
    mixed = np.tensordot(mixture, smooth, 1) + rng.normal(0, 0.3, shape)
    return (np.maximum(mixed, 0) if relu else mixed).astype(np.float32)


@pytest.fixture(scope="session")
def made_features():
    return features_of


@pytest.fixture(scope="session")
def fitted():
    """Tables of the model behind a ReLU."""
    return fit_tables([quantize(features_of(seed)) for seed in range(40)], generations=6)


@pytest.fixture(scope="session")
def fitted_signed():
    """Tables of the same without the ReLU."""
    return fit_tables([quantize(features_of(seed, False)) for seed in range(40)], generations=6)
