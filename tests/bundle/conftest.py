"""Bundles whose graphs are any bytes: this room never looks inside."""

from __future__ import annotations

import pytest

from cofeat.bundle.manifest import (
    PADDING,
    Accuracy,
    ModelEntry,
    Normalization,
    Origin,
    RatePoint,
    TaskEntry,
)
from cofeat.bundle.writing import writing_bundle


def _entry(name):
    return ModelEntry(
        name=name,
        version="1",
        model_id="0123456789abcdef",
        encoder="tiny",
        cut="stride8",
        stride=8,
        channels=64,
        bits=8,
        per_channel=False,
        step=None,
        tasks=(TaskEntry("segmentation", "uint8", ("N", "H", "W"), ("road", "sky")),),
        normalization=Normalization((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        padding=PADDING,
        codec="zstd:1",
        tables_id=None,
        files={},
        parity={"encoder.features": 1e-7},
        accuracy=Accuracy("streets", "val", 2, "64x32", {"miou": 0.25}, {"miou": None}),
        points=(RatePoint("features", "fp32", "png", {"bpp": 1.5, "miou": 0.25}),),
        origin=Origin("quick", "baseline", 0, "abc", 10, "streets", True),
    )


@pytest.fixture
def entry():
    """Called with a name, returns what a manifest says of such a model."""
    return _entry


@pytest.fixture
def made(tmp_path):
    """Called with names, writes a bundle of models with an encoder and heads; its folder."""

    def make(*names, folder="bundle"):
        with writing_bundle(tmp_path / folder) as writer:
            for name in names or ("model",):
                writer.place(name, "encoder").write_bytes(b"encoder of " + name.encode())
                writer.place(name, "heads").write_bytes(b"heads")
                writer.add(_entry(name))
        return tmp_path / folder

    return make
