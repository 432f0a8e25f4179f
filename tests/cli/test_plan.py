"""`cofeat profile` and `cofeat plan` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from cofeat.cli.main import main
from cofeat.cli.planning import _codecs
from cofeat.planner.profile import load_profile


@pytest.fixture(scope="module")
def device(exported, tmp_path_factory):
    """A profile of this machine, and what was printed."""
    file = tmp_path_factory.mktemp("profiles") / "device.json"
    words = ["profile", exported.bundle, "-o", str(file), "--size", "50x30", "--rounds", "2",
             "--batches", "1,2", "--threads", "1", "--codecs", "zstd:1,jpeg:90",
             "--formats", "jpeg:85"]  # fmt: skip
    assert main(words) == 0
    return str(file)


def plan(exported, device, *words):
    return main(["plan", exported.bundle, "--device", device, "--cloud", device, *words])


def test_a_profile_of_this_machine(device):
    profile = load_profile(Path(device))
    assert (profile.size, profile.threads, profile.pictures) == ("50x30", 1, 4)
    (model,) = profile.models
    assert model.ways("compress") == ("zstd:1", "jpeg:90")
    assert {time.batch for time in model.stages} == {1, 2}
    forms = {"raw:segmentation", "png:disparity", "jpeg:reconstruction"}
    assert forms <= set(model.ways("answer"))
    assert set(model.ways("answer")) == set(model.ways("unanswer"))


def test_more_codecs_are_those_that_hold_the_models_bits():
    entry = SimpleNamespace(points=(), bits=12, codec="cofeat-learned")
    chosen = _codecs(SimpleNamespace(entry=entry), "features")
    names = {word.partition(":")[0] for word in chosen}
    assert names == {"cofeat-learned", "zstd", "png", "cofeat"}
    entry.bits = 8
    chosen = _codecs(SimpleNamespace(entry=entry), "features")
    assert "jpeg:90" in chosen


def test_what_is_printed(exported, tmp_path, capsys):
    file = tmp_path / "p.json"
    words = ["--size", "32x32", "--rounds", "1", "--batches", "1", "--codecs", "zstd:1"]
    assert main(["profile", exported.bundle, "-o", str(file), *words, "--formats", "png:1"]) == 0
    printed = capsys.readouterr().out
    assert "4 pictures of 32x32" in printed
    assert "GFLOP" in printed
    assert f"written to {file}" in printed


def test_the_plans_of_a_bundle(exported, device, capsys):
    assert plan(exported, device, "--minimize", "bytes", "--link", "1Mbit,20ms") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "on 1Mbit,20ms, least bytes: mobile tiny"
    assert lines[1].split()[:3] == ["plan", "why", "not"]
    assert lines[3].startswith("mobile tiny")
    # Two precisions by two codecs, the picture, and mobile.
    assert len(lines) == 3 + 6
    assert all("bytes more" in line for line in lines[4:])


def test_plans_as_json_with_constraints(exported, device, capsys):
    assert plan(exported, device, "--json", "--min-psnr", "0") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["best"]["plan"]["mode"] in ("mobile", "split")
    whys = {entry["name"]: entry["why"] for entry in told["lost"]}
    # Never measured, so not to be had under a constraint, with what to do about it.
    way = "its psnr_db is unknown: export with --measure-"
    assert whys["split tiny int8 jpeg:90"] == f"{way}codecs jpeg:90"
    assert whys["cloud tiny jpeg:85"] == f"{way}pictures jpeg:85"
    assert told["best"]["name"] in told["front"]
    assert told["link"]["rtt_ms"] == 40.0


def test_a_plot_over_the_rate(exported, device, tmp_path, capsys):
    from PIL import Image

    file = tmp_path / "plans.png"
    assert plan(exported, device, "--plot", str(file)) == 0
    with Image.open(file) as picture:
        assert picture.size == (960, 540)


def test_a_fleet(exported, device, capsys):
    assert plan(exported, device, "--fleet", "1000", "--fps", "2", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["fleet"]["devices"] == 1000
    modes = {cost["plan"].split()[0]: cost for cost in told["plans"]}
    assert set(modes) == {"mobile", "split", "cloud"}
    assert modes["mobile"]["replicas"] == 0 < modes["split"]["replicas"]
    assert plan(exported, device, "--fleet", "1000") == 0
    printed = capsys.readouterr().out
    assert "1,000 devices, 1 frames/s each" in printed
    assert "assumed: " in printed


def test_without_profiles_this_machine_is_measured(exported, capsys, monkeypatch):
    from cofeat.cli import planning

    monkeypatch.setattr(planning, "CODECS", ("zstd:1",))
    monkeypatch.setattr(planning, "QUICK_ROUNDS", 1)
    assert main(["plan", exported.bundle, "--tasks", "segmentation"]) == 0
    printed = capsys.readouterr()
    assert "no profile of the device and the cloud: measuring this machine" in printed.err
    assert "split tiny int8 zstd:1" in printed.out


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--link", "fast"], "link 'fast' is not RATE,ROUND_TRIP"),
        (["--radio", "wire"], "no radio 'wire'"),
        (["--compute-w", "-1"], "compute power"),
        (["--tasks", "hearing"], "no task 'hearing'"),
        (["--min-miou", "2"], "none of 6 plans does what is asked"),
        (["--plot", "plans.doc"], "is no plot"),
        (["--plot", "nowhere/plans.png"], "no folder 'nowhere'"),
        (["--min-miou", "nan"], "a least miou of nan"),
        (["--max-bytes", "-1"], "at most -1.0 bytes"),
        (["--max-ms", "nan"], "at most nan ms"),
        (["--link", "0Mbit,10ms"], "above 0"),
        (["--link", "1Mbit,10ms,100%"], "below 100"),
        (["--fleet", "5", "--fps", "nan"], "a rate above 0"),
        (["--fleet", "0"], "0 devices"),
        (["--fleet", "5", "--min-miou", "2"], "no plan does what is asked"),
        (["--cloud", "nowhere.json"], "'nowhere.json' cannot be read"),
    ],
)
def test_wrong_words_are_one_line(exported, device, capsys, extra, message):
    assert plan(exported, device, *extra) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--batches", "one"], "--batches 'one'"),
        (["--batches", "2"], "1 among the batches"),
        (["--codecs", "gif"], "no codec 'gif'"),
        (["--formats", "gif"], "picture format"),
        (["--size", "big"], "size 'big'"),
        (["--pictures", "nowhere"], "nowhere"),
        (["-o", "nowhere/p.json"], "no folder 'nowhere'"),
    ],
)
def test_wrong_words_of_a_profile_are_one_line(exported, tmp_path, capsys, extra, message):
    file = tmp_path / "p.json"
    words = ["--size", "32x32", "--rounds", "1", *extra]
    assert main(["profile", exported.bundle, "-o", str(file), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not file.exists()
