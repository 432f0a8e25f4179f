"""Bytes, latency, energy, frames/s and accuracy of plans, from profiles of round numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cofeat.errors import InvalidInputError
from cofeat.planner.choose import Wish, decide
from cofeat.planner.energy import Energy, Radio
from cofeat.planner.link import LinkModel
from cofeat.planner.plan import ANSWER_BYTES, EXCHANGE_MS, REQUEST_BYTES, Planner

# A byte a microsecond up, and two down.
LINK = LinkModel(8e6, 16e6, 20.0)
ENERGY = Energy(Radio(1000.0, 500.0, 1.0), 2.0)
FORMS = {"segmentation": "png", "disparity": "png"}


@pytest.fixture
def device(made):
    stage = made.stage
    return made.profile(
        stage("read", "png", 2.0),
        stage("encode", "fp32", 30.0),
        stage("encode", "int8", 10.0, p95_ms=14.0),
        stage("compress", "zstd:1", 3.0, 9400.0, p95_ms=6.0),
        stage("compress", "jpeg:90", 4.0, 4400.0),
        stage("picture", "jpeg:85", 5.0, 6400.0),
        stage("picture", "webp:75", 5.0, 6400.0),
        stage("whole", "segmentation+disparity", 90.0),
        stage("heads", "segmentation", 40.0),
        stage("heads", "disparity", 20.0),
        stage("unanswer", "png:segmentation", 1.0),
        stage("unanswer", "png:disparity", 1.0),
    )


@pytest.fixture
def cloud(made):
    stage = made.stage
    return made.profile(
        stage("encode", "fp32", 8.0),
        stage("decompress", "zstd:1", 1.0),
        stage("decompress", "jpeg:90", 2.0),
        stage("unpicture", "jpeg:85", 2.0),
        stage("heads", "segmentation+disparity", 12.0),
        stage("heads", "segmentation", 7.0),
        stage("heads", "disparity", 5.0),
        stage("whole", "segmentation+disparity", 20.0),
        stage("answer", "png:segmentation", 2.0, 1750.0),
        stage("answer", "png:disparity", 4.0, 8000.0),
    )


def estimates(entry, device, cloud, link=LINK, tasks=None):
    planner = Planner([entry], device, cloud, ENERGY, tasks, FORMS)
    return {str(one.plan): one for one in planner.estimates(link)}


def test_every_plan_whose_stages_were_measured(made, device, cloud):
    # The cloud was not measured with WebP.
    assert sorted(estimates(made.entry(), device, cloud)) == [
        "cloud m jpeg:85", "mobile m",
        "split m fp32 jpeg:90", "split m fp32 zstd:1",
        "split m int8 jpeg:90", "split m int8 zstd:1",
    ]  # fmt: skip


def test_a_split_frame_by_hand(made, device, cloud):
    one = estimates(made.entry(), device, cloud)["split m int8 zstd:1"]
    assert (REQUEST_BYTES, ANSWER_BYTES, EXCHANGE_MS) == (600, 250, 3.5)
    assert (one.bytes, one.up_bytes, one.down_bytes) == (9400, 10_000, 10_000)
    # 10,000 bytes take 10 ms up and 5 ms down; the answer's coding is in send, as it is in Result.
    assert one.stages_ms == pytest.approx(
        {"read": 2, "encode": 10, "compress": 3, "send": 10 + 20 + 3.5 + 6, "cloud": 13,
         "receive": 5 + 2}
    )  # fmt: skip
    assert one.latency_ms == pytest.approx(74.5)
    # 4 ms and 3 ms, at right angles.
    assert one.p95_ms == pytest.approx(74.5 + 5)
    # 2 W for 17 ms; 10,000 bytes at 8 and 4 uJ; 1 W for 15 ms.
    assert one.device_j == pytest.approx(0.034 + 0.08 + 0.04 + 0.015)
    assert one.cloud_ms == pytest.approx(1 + 12 + 6)
    # The wire, 59.5 ms, has two frames under way.
    assert one.frames_per_s == pytest.approx(1000 / (59.5 / 2))


def test_a_picture_and_no_bytes_by_hand(made, device, cloud):
    found = estimates(made.entry(), device, cloud)
    sent = found["cloud m jpeg:85"]
    assert sent.latency_ms == pytest.approx(2 + 5 + (7 + 20 + 3.5 + 6) + (2 + 20) + (5 + 2))
    alone = found["mobile m"]
    assert (alone.latency_ms, alone.p95_ms, alone.bytes, alone.down_bytes) == (92, 92, 0, 0)
    assert alone.device_j == pytest.approx(0.184)
    assert alone.frames_per_s == pytest.approx(1000 / 90)


def test_fewer_tasks_take_less(made, device, cloud):
    found = estimates(made.entry(), device, cloud, tasks=("segmentation",))
    one = found["split m int8 zstd:1"]
    assert one.down_bytes == 2000
    assert one.stages_ms["cloud"] == pytest.approx(1 + 7)
    # The whole network for one task was not measured: its head and the fp32 encoder stand in.
    assert found["mobile m"].latency_ms == pytest.approx(2 + 30 + 40)


def test_losses_come_in_at_the_95th_percentile(made, device, cloud):
    lossy = LinkModel(8e6, 16e6, 20.0, 0.01)
    one = estimates(made.entry(), device, cloud, lossy)["split m int8 zstd:1"]
    # 7 segments each way: P(no loss) = .93, the 95th percentile is one loss. A message of 10 ms
    # and one of 5 ms hide half of themselves.
    assert one.latency_ms == pytest.approx(74.5)
    deviations = (4**2 + 3**2 + 195**2 + 197.5**2) ** 0.5
    assert one.p95_ms == pytest.approx(74.5 + deviations)


def test_accuracy_is_what_was_measured(made, device, cloud):
    point = made.point
    entry = made.entry(
        point("features", "int8", "JPEG:90", 0.4),
        point("picture", "fp32", "jpeg", 0.45),  # jpeg:85 is its default
        point("nothing", "fp32", "none", 0.51),
    )
    found = estimates(entry, device, cloud)
    assert found["split m int8 jpeg:90"].accuracy == {"miou": 0.4, "irmse": 1.0}
    assert found["split m fp32 jpeg:90"].accuracy is None
    assert found["cloud m jpeg:85"].accuracy["miou"] == 0.45
    assert found["mobile m"].accuracy["miou"] == 0.51
    # A codec that loses nothing has the accuracy behind the quantizer.
    assert found["split m int8 zstd:1"].accuracy == {"miou": 0.48, "irmse": 1.9}
    assert found["split m fp32 zstd:1"].accuracy == {"miou": 0.5, "irmse": 2.0}
    bare = estimates(made.entry(accuracy=False), device, cloud)
    assert bare["split m int8 zstd:1"].accuracy is None
    assert bare["mobile m"].accuracy is None


def test_every_cut_of_a_bundle(made):
    """The near cut sends more and leaves the device sooner; the far one the other way round."""
    stage, both = made.stage, "segmentation+disparity"

    def profile(near, far):
        one, other = made.profile(*near, name="near"), made.profile(*far, name="far")
        return replace(one, models=(*one.models, *other.models))

    back = [stage("unanswer", form, 0.0) for form in ("png:segmentation", "png:disparity")]
    answers = [stage("answer", form, 0.0) for form in ("png:segmentation", "png:disparity")]
    device = profile(
        [stage("encode", "int8", 5.0), stage("compress", "zstd:1", 0.0, 20_000.0), *back],
        [stage("encode", "int8", 25.0), stage("compress", "zstd:1", 0.0, 5000.0), *back],
    )
    there = [stage("decompress", "zstd:1", 0.0), stage("heads", both, 10.0), *answers]
    planner = Planner(
        [made.entry(name="near"), made.entry(name="far")],
        device, profile(there, there), ENERGY, None, FORMS,
    )  # fmt: skip
    # 15,000 bytes are 20 ms at 6 Mbit/s.
    for mbit, best in ((5.9, "far"), (6.1, "near")):
        link = LinkModel(1e6 * mbit, 1e9, 20.0)
        assert decide(planner.estimates(link), Wish()).best.plan.cut == best


def test_profiles_that_do_not_fit(made, device, cloud):
    other = made.profile(size="128x64")
    with pytest.raises(InvalidInputError, match="use --size"):
        Planner([made.entry()], device, other, ENERGY, None, FORMS)
    other = made.profile(model_id="ffffffffffffffff")
    with pytest.raises(InvalidInputError, match=r"no model 'm' .* profile this bundle there"):
        Planner([made.entry()], device, other, ENERGY, None, FORMS)
    with pytest.raises(InvalidInputError, match="no way to run a frame"):
        Planner([made.entry()], made.profile(), cloud, ENERGY, None, FORMS)
    planner = Planner([made.entry()], device, cloud, ENERGY, None, FORMS)
    assert len(planner.only(lambda plan: plan.mode == "split").costs) == 4
    assert len(planner.costs) == 6
    with pytest.raises(InvalidInputError, match="no way to run a frame"):
        planner.only(lambda plan: False)
