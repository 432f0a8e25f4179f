from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from PIL import Image

from cofeat.bundle import open_bundle_model
from cofeat.cli.main import main
from cofeat.cloud.app import create_app
from cofeat.cloud.repository import Repository
from cofeat.cloud.server import ServerOptions, uvicorn_config
from cofeat.cloud.service import Settings
from cofeat.cloud.tokens import Tokens
from cofeat.runtime import RuntimeModel
from cofeat.tasks import load_task

TOKEN = "a-token-of-the-tests"
PATIENCE_S = 60


@pytest.fixture(scope="module")
def server(exported):
    load = lambda: Repository([RuntimeModel(open_bundle_model(exported.bundle))])  # noqa: E731
    app = create_app(load, Settings(), Tokens([TOKEN]))
    running = uvicorn.Server(uvicorn_config(app, ServerOptions(bundles=()), None))
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    httpx.get(f"{url}/v2/health/live", timeout=PATIENCE_S).raise_for_status()
    yield url
    running.should_exit = True
    thread.join(PATIENCE_S)


@pytest.fixture
def nobody():
    """A URL that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def edge(exported, server, monkeypatch, capsys):
    """Called with words, runs `cofeat edge`; gives status, output and errors."""
    monkeypatch.setenv("COFEAT_TOKEN", TOKEN)

    def run(*words, url=server):
        words = ("edge", *words, "--bundle", exported.bundle, "--server", url, "--threads", "1")
        status = main([*words, "--deadline", str(PATIENCE_S)])
        return status, *capsys.readouterr()

    return run


def test_a_line_for_each_frame(edge, picture):
    status, out, err = edge(picture("a.png"), picture("b.png"), "--mode", "split")
    first, second = out.splitlines()
    assert (status, err) == (0, "")
    assert first.startswith("a: split, ")
    assert second.startswith("b: split, ")
    assert " bytes of " in first


def test_json_lines_of_every_mode(edge, picture):
    street = picture()
    for mode, codec in (("split", "webp:50"), ("cloud", "png:9"), ("mobile", "")):
        words = ("--mode", mode, "--codec", "webp:50", "--picture", "png", "--tasks", "disparity")
        status, out, _ = edge(street, *words, "--json")
        row = json.loads(out)
        assert status == 0
        assert (row["name"], row["mode"], row["codec"]) == ("street", mode, codec)
        assert row["tasks"] == ["disparity"]
        assert (row["payload_bytes"] > 0) == (mode != "mobile")
        expected = ["read", "encode", "compress", "send", "cloud", "receive"]
        if mode == "mobile":
            expected = expected[:2]
        elif mode == "cloud":
            expected.remove("encode")
        assert list(row["stages_ms"]) == expected


def test_a_budget(edge, picture):
    _, out, _ = edge(picture(), "--bytes", "400", "--codec", "jpeg", "--json")
    assert json.loads(out)["payload_bytes"] <= 400


def test_overlays(edge, exported, picture, tmp_path):
    street, out = picture(), tmp_path / "out"
    status, *_ = edge(street, "--mode", "mobile", "-o", str(out))
    assert status == 0
    assert sorted(file.name for file in out.iterdir()) == [
        "street_disparity.png",
        "street_reconstruction.png",
        "street_segmentation.png",
    ]
    image = np.asarray(Image.open(street).convert("RGB"))
    model = RuntimeModel(open_bundle_model(exported.bundle))
    expected = {task: array[0] for task, array in model.predict_images(image[None]).items()}
    drawn = load_task("segmentation").draw(expected["segmentation"])
    seen = np.asarray(Image.open(out / "street_segmentation.png"))
    assert np.abs(seen - (image / 2 + drawn / 2)).max() <= 0.5
    seen = np.asarray(Image.open(out / "street_disparity.png"))
    np.testing.assert_array_equal(seen, load_task("disparity").draw(expected["disparity"]))


@pytest.mark.parametrize("url", ["http://h:99999", "http://h:-1", "http://h:0", "http://xn--a"])
def test_a_url_that_cannot_be_is_told_before_any_frame(edge, picture, url):
    status, out, err = edge(picture(), url=url)
    assert (status, out) == (2, "")
    assert err == f"cofeat: error: server '{url}': give its URL, such as http://host:8000\n"


def test_an_unreadable_video_is_lost_and_the_rest_goes_on(edge, picture, tmp_path):
    pytest.importorskip("av")
    video = tmp_path / "drive.mp4"
    video.write_bytes(b"")
    status, out, err = edge(picture("a.png"), str(video), picture("b.png"))
    assert [line.split(":")[0] for line in out.splitlines()] == ["a", "drive.mp4", "b"]
    assert status == 1
    assert "'drive.mp4' is lost" in err


def test_a_source_that_is_not_there_is_told_before_any_frame(edge, picture, tmp_path):
    assert edge(picture("a.png"), str(tmp_path / "nowhere.png"))[:2] == (2, "")


def test_two_frames_of_one_name_do_not_share_files(edge, picture, tmp_path):
    status, out, err = edge(picture("a/x.png"), picture("b/x.png"), "-o", str(tmp_path / "out"))
    assert (status, out) == (2, "")
    assert "two frames are called 'x'" in err


def test_the_table(edge, picture):
    street = picture("frames/a.png")
    picture("frames/b.png", seed=1)
    picture("frames/c.png", seed=2)
    status, out, _ = edge(str(Path(street).parent), "--table")
    header, _, row = out.splitlines()
    assert status == 0
    assert header.split()[:3] == ["mode", "frames", "bytes"]
    assert row.split()[:2] == ["split", "3"]
    assert len(row.split()) == 10


def test_a_frame_that_is_lost_costs_a_line_and_the_status(edge, picture, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    status, out, err = edge(str(broken), picture())
    assert status == 1
    assert [line.split(":")[1].split(",")[0] for line in out.splitlines()] == [" lost", " split"]
    assert "cofeat: 'broken' is lost:" in err


def test_without_a_server_the_device_does_it_all(edge, picture, nobody):
    status, out, _ = edge(picture(), url=nobody)
    assert status == 0
    assert out.startswith("street: mobile, ")
    assert nobody in out
    # A table has no place for it.
    status, out, err = edge(picture(), "--table", url=nobody)
    assert (status, out.splitlines()[2].split()[0]) == (0, "mobile")
    assert err.startswith("cofeat: 1 of 1 frames were made otherwise than they were to be")
    assert nobody in err


def test_frames_wait_in_the_queue_and_go_with_the_next_call(edge, picture, nobody, tmp_path):
    words = ("--fallback", "queue", "--queue", str(tmp_path / "queue"))
    status, out, err = edge(picture("a.png"), *words, "--tries", "1", url=nobody)
    assert status == 0
    assert out.startswith("a: queued, ")
    assert "1 frames wait in" in err
    status, out, err = edge(picture("b.png"), *words)
    assert (status, err) == (0, "")
    assert [line.split(",")[0] for line in out.splitlines()] == ["b: split", "a: split"]
    assert "a: split, late" in out


def test_late_pictures_take_the_place_of_none(edge, picture, nobody, tmp_path):
    queued = ("--fallback", "queue", "--queue", str(tmp_path / "queue"))
    queued += ("--tasks", "reconstruction")
    for seed in (1, 2):  # of other days, of the same name
        edge(picture("a.png", seed=seed), *queued, "--tries", "1", url=nobody)
    out = tmp_path / "out"
    words = (*queued, "-o", str(out))
    today = picture("a.png", seed=3)
    status, *_ = edge(today, *words)
    assert status == 0
    names = ["a_late2_reconstruction.png", "a_late_reconstruction.png", "a_reconstruction.png"]
    assert sorted(file.name for file in out.iterdir()) == names
    alone = tmp_path / "alone"
    edge(today, "--tasks", "reconstruction", "-o", str(alone))
    assert (alone / names[2]).read_bytes() == (out / names[2]).read_bytes()


@pytest.mark.parametrize("word", ["nan", "inf", "many"])
def test_a_number_that_is_none_is_one_line(edge, word, capsys):
    with pytest.raises(SystemExit):
        edge("x.png", "--queue-mb", word)
    assert f"--queue-mb: '{word}' is no finite number" in capsys.readouterr().err


def test_a_plan_from_frame_to_frame(edge, exported, picture, tmp_path):
    file = tmp_path / "device.json"
    words = ["--size", "50x30", "--rounds", "1", "--batches", "1", "--codecs", "zstd:1"]
    assert main(["profile", exported.bundle, "-o", str(file), *words]) == 0
    frames = [picture(f"{name}.png") for name in "abc"]
    # Until an answer has told of the link, frames are split; then the plan is to send nothing.
    plan = ("--device-profile", str(file), "--cloud-profile", str(file), "--minimize", "bytes")
    status, out, err = edge(*frames, *plan, "--json")
    rows = [json.loads(line) for line in out.splitlines()[-3:]]
    assert (status, err.count("no profile")) == (0, 0)
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    assert rows[0]["mode"] == "split"
    assert {row["mode"] for row in rows} <= {"split", "mobile"}


def test_what_is_not_given_is_measured_here(edge, picture, monkeypatch):
    from cofeat.cli import planning

    monkeypatch.setattr(planning, "CODECS", ("zstd:1",))
    monkeypatch.setattr(planning, "QUICK_ROUNDS", 1)
    status, out, err = edge(picture(), "--self-profile", "--max-ms", "100000")
    assert status == 0
    assert out.startswith("street: split, ")
    assert "measuring this machine in its place" in err


@pytest.mark.parametrize("given", [("--codec", "png"), ("--mode", "split"), ("--bytes", "9"),
                                   ("--precision", "int8")])  # fmt: skip
def test_what_the_planner_chooses_is_not_given(edge, picture, given):
    status, _, err = edge(picture(), "--self-profile", *given)
    assert status == 2
    assert f"{given[0]} is what the planner chooses" in err
    assert err.count("\n") == 1


def test_a_wish_needs_profiles(edge, picture):
    status, _, err = edge(picture(), "--min-miou", "0.2")
    assert status == 2
    assert "needs profiles: give --device-profile" in err


def test_a_token_from_a_file_or_none(edge, picture, tmp_path, monkeypatch):
    monkeypatch.delenv("COFEAT_TOKEN")
    status, _, err = edge(picture(), "--mode", "split")
    assert status == 2
    assert err.count("\n") == 1
    assert "give a token" in err
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert edge(picture(), "--token-file", str(tmp_path / "token"))[0] == 0
    (tmp_path / "none").write_text("\n")
    status, _, err = edge(picture(), "--token-file", str(tmp_path / "none"))
    assert status == 2
    assert "there is no token in" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--server", "host"), "such as http://host:8000"),
        (("--deadline", "0"), "a deadline of 0"),
        (("--tries", "0"), "at least 1"),
        (("--codec", "zip"), "zip"),
        (("--fallback", "queue"), "needs a queue"),
        (("--bundle", "nowhere"), "nowhere"),
        (("--ca", "nowhere.pem"), "nowhere.pem"),
    ],
)
def test_what_cannot_be_is_one_line(exported, words, message, capsys):
    given = ["edge", "x.png", "--bundle", exported.bundle, "--server", "http://127.0.0.1:1"]
    assert main([*given, *words]) == 2
    err = capsys.readouterr().err
    assert err.startswith("cofeat: error: ")
    assert message in err
    assert err.count("\n") == 1
