"""Which stages of a bundle are timed."""

from __future__ import annotations

import numpy as np
import pytest

from cofeat.bundle import open_bundle_model
from cofeat.errors import InvalidInputError
from cofeat.planner.stages import Answering, Measuring, profile_model


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (30, 50, 3), dtype=np.uint8) for _ in range(2)]


def test_every_stage_of_a_bundle(exported, images):
    seen = []
    answering = Answering(
        {"segmentation": ("png",)},
        lambda task, prediction, form: bytes(prediction.shape[0]),
        lambda task, body, size: seen.append((task, len(body), size)),
    )
    measuring = Measuring(
        images, ["zstd", "png:1"], ["jpeg"], batches=(1, 2), rounds=1, threads=1,
        answering=answering,
    )  # fmt: skip
    profile = profile_model(open_bundle_model(exported.bundle), measuring)
    tasks = ("segmentation", "disparity", "reconstruction")
    everything = "+".join(tasks)
    assert sorted((t.stage, t.how, t.batch) for t in profile.stages) == sorted([
        ("read", "png", 1), ("picture", "jpeg:85", 1), ("unpicture", "jpeg:85", 1),
        ("encode", "fp32", 1), ("encode", "int8", 1),
        *((stage, how, 1) for stage in ("compress", "decompress") for how in ("zstd", "png:1")),
        *(("heads", how, batch) for how in (everything, *tasks) for batch in (1, 2)),
        ("whole", everything, 1), ("whole", everything, 2), *(("whole", how, 1) for how in tasks),
        ("answer", "png:segmentation", 1), ("unanswer", "png:segmentation", 1),
    ])  # fmt: skip
    assert all(time.median_ms > 0 and time.runs == 1 for time in profile.stages)
    assert profile.find("answer", "png:segmentation").bytes == 30
    assert seen[0] == ("segmentation", 30, (30, 50))
    assert set(profile.graphs) == {"encoder", "encoder_int8", "heads", "whole"}
    whole = profile.graphs["encoder"].flops + profile.graphs["heads"].flops
    assert profile.graphs["whole"].flops == whole > 0


def test_what_cannot_be_measured(images):
    with pytest.raises(InvalidInputError, match="0 sizes"):
        Measuring([], [], [])
    with pytest.raises(InvalidInputError, match="2 sizes"):
        Measuring([images[0], images[1][:20]], [], [])
    with pytest.raises(InvalidInputError, match="1 among the batches"):
        Measuring(images, [], [], batches=(2,))
