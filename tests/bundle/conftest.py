"""Bundles whose graphs are any bytes: this room never looks inside."""

from __future__ import annotations

import pytest

from cofeat.bundle.manifest import Accuracy, Origin, RatePoint
from cofeat.bundle.writing import writing_bundle


@pytest.fixture
def entry(model_entry):
    """Called with a name, returns what a manifest says of such a model, measured and trained."""

    def make(name):
        return model_entry(
            name=name,
            parity={"encoder.features": 1e-7},
            accuracy=Accuracy("streets", "val", 2, "64x32", {"miou": 0.25}, {"miou": None}),
            points=(RatePoint("features", "fp32", "png", {"bpp": 1.5, "miou": 0.25}),),
            origin=Origin("quick", "baseline", 0, "abc", 10, "streets", True),
        )

    return make


@pytest.fixture
def made(tmp_path, entry):
    """Called with names, writes a bundle of models with an encoder and heads; its folder."""

    def make(*names, folder="bundle"):
        with writing_bundle(tmp_path / folder) as writer:
            for name in names or ("model",):
                writer.place(name, "encoder").write_bytes(b"encoder of " + name.encode())
                writer.place(name, "heads").write_bytes(b"heads")
                writer.add(entry(name))
        return tmp_path / folder

    return make
