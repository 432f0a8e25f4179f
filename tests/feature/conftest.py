"""Feature tensors for the tests of this room."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def features() -> np.ndarray:
    """Smooth, sparse channels of unlike ranges, as a network's are; no power of two of them."""
    rng = np.random.default_rng(7)
    coarse = rng.normal(size=(6, 4, 5)).repeat(2, axis=1).repeat(2, axis=2)
    scale = np.array([0.01, 1.0, 3.0, 0.5, 20.0, 1.0]).reshape(6, 1, 1)
    return (np.maximum(coarse, -0.2) * scale + 0.05 * rng.normal(size=coarse.shape)).astype(
        np.float32
    )
