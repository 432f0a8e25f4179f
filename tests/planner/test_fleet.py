"""What a fleet takes, by hand."""

from __future__ import annotations

import pytest

from cofeat.errors import InvalidInputError
from cofeat.planner.energy import Energy
from cofeat.planner.fleet import Fleet, fleet_cost
from cofeat.planner.link import LinkModel
from cofeat.planner.plan import Planner

TASKS = "segmentation+disparity"


@pytest.fixture
def planner(made):
    stage = made.stage
    device = made.profile(
        stage("encode", "int8", 400.0),
        stage("compress", "zstd:1", 1.0, 9400.0),
        stage("whole", TASKS, 900.0),
        stage("unanswer", "png:segmentation", 0.0),
        stage("unanswer", "png:disparity", 0.0),
    )
    cloud = made.profile(
        stage("decompress", "zstd:1", 1.0),
        stage("heads", TASKS, 20.0),
        stage("heads", TASKS, 32.0, batch=4),  # 8 ms a picture
        stage("heads", TASKS, 80.0, batch=8),
        stage("answer", "png:segmentation", 2.0, 1750.0),
        stage("answer", "png:disparity", 3.0, 8000.0),
    )
    forms = {"segmentation": "png", "disparity": "png"}
    return Planner([made.entry()], device, cloud, Energy(), None, forms), cloud.models[0]


def costs(planner, fleet):
    planner, cloud = planner
    link = LinkModel(1e8, 1e8, 1.0)
    pairs = zip(planner.costs, planner.estimates(link), strict=True)
    return {cost.plan.mode: fleet_cost(fleet, cost, e, cloud) for cost, e in pairs}


def test_a_million_devices(planner):
    found = costs(planner, Fleet(1_000_000, 1.0, keep_days=2.0))
    split = found["split"]
    # 10,000 bytes a frame each way: 80 kbit for each device.
    assert split.up_bits_per_s == pytest.approx(80e9)
    assert split.down_bits_per_s == pytest.approx(80e9)
    # 1 + 8 + 5 ms: a replica does 1000 / 14 pictures a second, and 0.7 of that is used.
    assert split.picture_ms == pytest.approx(14.0)
    assert split.replicas == 20_000
    assert split.stored_bytes == pytest.approx(1e6 * 9400 * 2 * 86_400)
    assert split.feasible
    mobile = found["mobile"]
    assert (mobile.up_bits_per_s, mobile.replicas, mobile.stored_bytes) == (0, 0, 0)
    assert mobile.feasible


def test_a_device_that_does_not_keep_up(planner):
    found = costs(planner, Fleet(1, 2.0))
    assert found["split"].feasible  # 400 ms a frame
    assert not found["mobile"].feasible  # 900 ms
    assert found["split"].replicas == 1


@pytest.mark.parametrize(
    "values", [(0, 1.0), (1, 0.0), (1, float("inf")), (1, 1.0, -1.0), (1, 1.0, 1.0, 0.0)]
)
def test_fleets_that_cannot_be(values):
    with pytest.raises(InvalidInputError, match="give"):
        Fleet(*values)
