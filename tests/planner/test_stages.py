"""What is timed, on a clock of the test's own, and which stages a bundle has."""

from __future__ import annotations

import numpy as np
import pytest

from cofeat.bundle import open_bundle_model
from cofeat.errors import InvalidInputError
from cofeat.planner.stages import Answering, Measuring, Probe, interleave, profile_model


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (30, 50, 3), dtype=np.uint8) for _ in range(2)]


def test_probes_run_in_turn_and_the_first_round_warms_up():
    now, order = [0.0], []

    def probe(name, seconds):
        def run(number):
            order.append(name)
            now[0] += 100.0 if number == 0 else seconds * number
            return 10 * number

        return Probe("heads", name, run)

    told = []
    first, second = interleave(
        [probe("a", 0.001), probe("b", 0.002)], 4, lambda: now[0], lambda *x: told.append(x)
    )
    # Each comes first in every other round.
    assert "".join(order) == "ab" + "ba" + "ab" + "ba" + "ab"
    # 1, 2, 3, 4 ms and bytes of 10 to 40; numpy's linear percentiles.
    assert (first.runs, first.median_ms, first.bytes) == (4, pytest.approx(2.5), 25.0)
    assert first.p95_ms == pytest.approx(3.85)
    assert first.spread_ms == pytest.approx(1.5)
    assert second.median_ms == pytest.approx(5.0)
    assert told == [(number, 5) for number in range(1, 6)]


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
