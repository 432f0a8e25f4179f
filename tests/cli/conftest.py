"""A small untrained model, pictures and their streams for the tests of the command line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from cofeat.network.build import build_network, save_network


def _save(folder, seed):
    torch.manual_seed(seed)
    config = {"encoder": "tiny", "bits": 6}
    folder.mkdir()
    save_network(folder, build_network(**config), config, {"model": "made"})
    return str(folder)


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Folder of a checkpoint of 6-bit features."""
    return _save(tmp_path_factory.mktemp("model") / "checkpoint", seed=0)


@pytest.fixture(scope="session")
def other_model(tmp_path_factory):
    """Folder of a checkpoint with other weights."""
    return _save(tmp_path_factory.mktemp("other") / "checkpoint", seed=1)


@pytest.fixture
def picture(tmp_path):
    """Called with a name, writes a picture of 50x30 (no multiple of the stride) and returns it."""

    def write(name="street.png", seed=0):
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, (6, 10, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((50, 30), Image.Resampling.BICUBIC)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
        return str(path)

    return write
