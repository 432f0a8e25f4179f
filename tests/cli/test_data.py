"""`cofeat data`: statuses, JSON, and what is wrong use."""

import json
import sys
import types

import numpy as np
import pytest
from PIL import Image

from cofeat.cli.data import HAS_PROBLEMS
from cofeat.cli.main import WRONG_INPUT, main


@pytest.fixture
def root(tmp_path):
    """One image with its truths."""
    for folder, suffix, values in (
        ("leftImg8bit", "leftImg8bit", np.zeros((4, 8, 3), np.uint8)),
        ("gtFine", "gtFine_labelIds", np.full((4, 8), 7, np.uint8)),
        ("disparity", "disparity", np.full((4, 8), 500, np.uint16)),
    ):
        path = tmp_path / folder / "val" / "ulm" / f"ulm_000000_000000_{suffix}.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(values).save(path)
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--full"]])
def test_a_sound_data_set_ends_with_0(root, options, capsys):
    assert main(["data", "check", str(root), *options]) == 0
    assert "val:   1 images of 1 cities (8x4)" in capsys.readouterr().out


def test_problems_end_with_1_and_are_named(root, capsys):
    next((root / "disparity").rglob("*.png")).unlink()
    assert main(["data", "check", str(root)]) == HAS_PROBLEMS == 1
    assert "disparity/val/ulm/ulm_000000_000000_disparity.png" in capsys.readouterr().out


def test_json_is_all_of_standard_output(root, capsys):
    assert main(["data", "check", str(root), "--json", "--full"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    assert report["full"] is True
    assert report["splits"][0]["images"] == 1


def test_no_folder_ends_with_2(tmp_path, capsys):
    assert main(["data", "check", str(tmp_path / "nowhere")]) == WRONG_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "there is no folder" in captured.err


@pytest.fixture
def written(monkeypatch):
    """Calls of the writer of street scenes, which is not run."""
    calls = []

    def write_streets(root, train, val, size, seed, workers=None, progress=None):
        calls.append((root, train, val, size, seed, workers))
        for done in range(train + val):
            progress(done + 1, train + val)

    module = types.ModuleType("cofeat.data.streets.write")
    module.write_streets = write_streets
    monkeypatch.setitem(sys.modules, "cofeat.data.streets.write", module)
    return calls


def test_streets_passes_on_what_was_asked(written, tmp_path, capsys):
    words = ["--train", "7", "--val", "3", "--size", "128x64", "--seed", "5", "--workers", "2"]
    assert main(["data", "streets", str(tmp_path), *words]) == 0
    assert written == [(tmp_path, 7, 3, (64, 128), 5, 2)]
    captured = capsys.readouterr()
    assert "7 training and 3 validation scenes of 128x64" in captured.out
    assert "stand-in" in captured.out
    assert "10/10 (100 %)" in captured.err


def test_streets_has_defaults(written, tmp_path, capsys):
    assert main(["data", "streets", str(tmp_path), "--json"]) == 0
    assert written == [(tmp_path, 100, 20, (256, 512), 0, None)]
    made = json.loads(capsys.readouterr().out)
    assert made["stand_in"] is True
    assert made["size"] == "512x256"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--size", "512"], "WIDTHxHEIGHT"),
        (["--train", "0", "--val", "0"], "nothing to make"),
    ],
)
def test_streets_refuses_what_makes_no_sense(written, tmp_path, words, message, capsys):
    assert main(["data", "streets", str(tmp_path), *words]) == WRONG_INPUT
    assert message in capsys.readouterr().err
    assert not written


@pytest.mark.parametrize("words", [["data"], ["data", "chekc"], ["data", "check"]])
def test_missing_or_unknown_words_end_with_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == WRONG_INPUT
    assert "see cofeat data" in capsys.readouterr().err


def test_a_number_that_the_writer_refuses_ends_with_2(tmp_path, capsys):
    assert main(["data", "streets", str(tmp_path), "--train", "-1"]) == WRONG_INPUT
    assert "train is -1" in capsys.readouterr().err


def test_what_streets_writes_passes_the_check(tmp_path, capsys):
    out = tmp_path / "streets"
    words = ["--train", "2", "--val", "1", "--size", "128x64", "--workers", "1", "--json"]
    assert main(["data", "streets", str(out), *words]) == 0
    capsys.readouterr()
    assert main(["data", "check", str(out), "--full", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {split["split"]: split["images"] for split in report["splits"]} == {"train": 2, "val": 1}
    assert all(split["sizes"].keys() == {"128x64"} for split in report["splits"])
    # A second call has nothing to do.
    assert main(["data", "streets", str(out), *words]) == 0
