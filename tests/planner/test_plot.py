"""At which rate which mode is best, by hand, and a picture of it."""

from __future__ import annotations

import pytest
from PIL import Image

from cofeat.errors import InvalidInputError
from cofeat.planner.choose import Wish
from cofeat.planner.energy import Energy
from cofeat.planner.link import LinkModel
from cofeat.planner.plan import ANSWER_BYTES, EXCHANGE_MS, REQUEST_BYTES, Planner
from cofeat.planner.plot import best_by_rate, changes, save_plan_plot

LINK = LinkModel(1.0, 1.0, 20.0)


@pytest.fixture
def planner(made):
    stage, tasks = made.stage, "segmentation+disparity"
    device = made.profile(
        stage("encode", "int8", 10.0),
        stage("compress", "zstd:1", 0.0, 10_000.0 - REQUEST_BYTES),
        stage("whole", tasks, 133.5),
        stage("unanswer", "png:segmentation", 0.0),
        stage("unanswer", "png:disparity", 0.0),
    )
    cloud = made.profile(
        stage("decompress", "zstd:1", 0.0),
        stage("heads", tasks, 0.0),
        stage("answer", "png:segmentation", 0.0, 2500.0 - ANSWER_BYTES),
        stage("answer", "png:disparity", 0.0),
    )
    forms = {"segmentation": "png", "disparity": "png"}
    return Planner([made.entry()], device, cloud, Energy(), None, forms)


def test_where_the_best_mode_changes(planner):
    """The split takes 10 + 20 + 3.5 ms and 100 kbit's time: less than 133.5 ms above 1 Mbit/s."""
    assert EXCHANGE_MS == 3.5
    rates = [0.5, 0.99, 1.01, 2.0]
    modes = best_by_rate(planner, LINK, Wish(), rates)
    assert changes(modes, Wish()) == [(0, "mobile"), (2, "split")]
    assert modes[3]["split"].latency_ms == pytest.approx(33.5 + 50)
    nothing = best_by_rate(planner, LINK, Wish(max_ms=1.0), rates)
    assert changes(nothing, Wish()) == []


@pytest.mark.parametrize("minimize", ["latency", "energy", "bytes"])
def test_a_picture_of_it(planner, tmp_path, minimize):
    file = tmp_path / "plan.png"
    save_plan_plot(planner, LINK, Wish(minimize), file)
    with Image.open(file) as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 3
    with pytest.raises(InvalidInputError, match="is no plot"):
        save_plan_plot(planner, LINK, Wish(), tmp_path / "plan")
