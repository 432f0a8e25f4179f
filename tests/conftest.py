"""What all tests share."""

import os
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import settings

# Tiny tensors gain nothing from threads, which wait for each other where the
# machine is busy. Set before torch is imported; the tests' own processes inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Deadlines measure the machine, not the code.
settings.register_profile("cofeat", deadline=None, max_examples=60)
settings.load_profile("cofeat")


class Exported(NamedTuple):
    """A small untrained network of 6-bit features, before and after its export."""

    checkpoint: str
    bundle: str
    """Holds one model, ``tiny``."""


class Noise:
    """Random pictures of 50x30, which the stride does not divide, with random truths."""

    size = (30, 50)

    def __init__(self, count=4, seed=0):
        self.names = tuple(f"noise_{index}" for index in range(count))
        self._seed = seed

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        from cofeat.data.base import Sample

        rng = np.random.default_rng([self._seed, index])
        image = rng.integers(0, 256, (*self.size, 3), dtype=np.uint8)
        truths = {
            "segmentation": rng.integers(0, 19, self.size, dtype=np.uint8),
            "disparity": rng.uniform(0, 64, self.size).astype(np.float32),
            "reconstruction": image,
        }
        return Sample(self.names[index], image, truths)


@pytest.fixture(scope="session")
def noise():
    """Called with (count, seed), returns a data set of random pictures."""
    return Noise


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A checkpoint and its bundle, made once for all tests: an export takes seconds."""
    import torch

    from cofeat.export.write import Source, export_bundle
    from cofeat.network.build import build_network, load_network, save_network

    folder = tmp_path_factory.mktemp("exported")
    checkpoint, bundle = folder / "checkpoint", folder / "bundle"
    checkpoint.mkdir()
    config = {"encoder": "tiny", "bits": 6}
    torch.manual_seed(0)
    save_network(checkpoint, build_network(**config), config, {"model": "made", "arm": "baseline"})
    source = Source("tiny", load_network(checkpoint), Noise(4, 1), Noise(4, 2), "noise")
    export_bundle(bundle, [source])
    return Exported(str(checkpoint), str(bundle))


def _model_entry(**given):
    from cofeat.bundle.manifest import PADDING, ModelEntry, Normalization, Origin, TaskEntry

    usual = {
        "name": "model",
        "version": "1",
        "model_id": "0123456789abcdef",
        "encoder": "tiny",
        "cut": "stride8",
        "stride": 8,
        "channels": 64,
        "bits": 8,
        "per_channel": False,
        "step": None,
        "tasks": (TaskEntry("segmentation", "uint8", ("N", "H", "W"), ("road", "sky")),),
        "normalization": Normalization((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        "padding": PADDING,
        "codec": "zstd:1",
        "tables_id": None,
        "files": {},
        "parity": {},
        "accuracy": None,
        "points": (),
        "origin": Origin(None, None, None, None, None, None, None),
    }
    return ModelEntry(**{**usual, **given})


@pytest.fixture(scope="session")
def model_entry():
    """Called with fields, returns what a manifest says of such a model; the others are usual."""
    return _model_entry
