"""Estimates and profiles with round numbers, so that what comes of them is worked by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cofeat.bundle.manifest import Accuracy, RatePoint, TaskEntry
from cofeat.planner.plan import Estimate, Plan
from cofeat.planner.profile import ModelProfile, Profile, StageTime

TASKS = ("segmentation", "disparity")


def point(sent, precision, codec, miou, irmse=1.0):
    return RatePoint(sent, precision, codec, {"mean_bytes": 1.0, "miou": miou, "irmse": irmse})


def stage(name, how, ms, size_bytes=0.0, p95_ms=None, batch=1):
    return StageTime(name, how, batch, 5, ms, ms if p95_ms is None else p95_ms, 0.0, size_bytes)


def profile(*stages, name="m", size="64x32", model_id="0123456789abcdef"):
    one = ModelProfile(name, model_id, stages, {})
    return Profile(1, "0", "made", 2, 1, size, 1, (one,))


def estimate(mode="split", codec="png", ms=10.0, joules=1.0, size=100.0, cut="m", **accuracy):
    return Estimate(
        plan=Plan(mode, cut, "fp32", codec),
        bytes=size,
        up_bytes=size,
        down_bytes=0.0,
        latency_ms=ms,
        p95_ms=ms,
        device_j=joules,
        frames_per_s=1.0,
        cloud_ms=0.0,
        accuracy=accuracy or None,
        stages_ms={"read": 1.0, "send": ms - 1.0},
    )


@pytest.fixture(scope="session")
def made(model_entry):
    tasks = tuple(TaskEntry(task, "uint8", ("N", "H", "W"), None) for task in TASKS)
    fp32, int8 = {"miou": 0.5, "irmse": 2.0}, {"miou": 0.48, "irmse": 1.9}
    measured = Accuracy("made", "val", 1, "64x32", fp32, int8)

    def entry(*points, name="m", accuracy=True):
        return model_entry(
            name=name, tasks=tasks, accuracy=measured if accuracy else None, points=points
        )

    return SimpleNamespace(
        entry=entry, point=point, stage=stage, profile=profile, estimate=estimate, tasks=TASKS
    )
