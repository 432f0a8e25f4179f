from __future__ import annotations

import json
import os

import numpy as np
import pytest

from cofeat.cli.main import main
from cofeat.feature.codecs import CODECS, load_codec
from cofeat.feature.pipeline import compress


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(3, 2, 4, 5)).astype(np.float32)


@pytest.fixture
def path(tmp_path, features):
    np.savez(tmp_path / "features.npz", features=features, names=np.array(["a", "b", "c"]))
    return str(tmp_path / "features.npz")


def test_table_and_plot(path, features, tmp_path, capsys):
    plot = tmp_path / "plot.svg"
    words = ["bench", "codecs", path, "--codecs", "jpeg:90,png", "--repeat", "1", "-o", str(plot)]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{path}: 3 tensors, 120 elements of 8 bits; medians of 1 rounds")
    codecs = [line.split()[:3] for line in lines[3:5]]
    for (name, lossless, bits), codec in zip(codecs, ["png", "jpeg:90"], strict=True):
        sent_bytes = sum(len(compress(tensor, codec)) for tensor in features)
        assert (name, lossless) == (codec, "yes" if codec == "png" else "no")
        assert bits == f"{8 * sent_bytes / 120:.3f}"
    assert plot.read_text(encoding="utf-8").count("<svg") == 1


def test_json_of_all_codecs(path, capsys):
    words = ["bench", "codecs", path, path, "--repeat", "1", "--images", "2", "--json"]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["files"]) == 2
    first = document["files"][0]
    assert (first["file"], first["tensors"], first["bits"]) == (path, 2, 8)
    measured = {result["codec"].partition(":")[0] for result in first["results"]}
    skipped = {codec["codec"] for codec in first["skipped"]}
    assert measured | skipped == set(CODECS.names())
    assert document["machine"]["cores"]


def test_bits_and_ranges_of_channels(path, features, capsys):
    words = ["bench", "codecs", path, "--codecs", "png,jpeg", "--bits", "10", "--per-channel"]
    assert main([*words, "--repeat", "1", "--json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    (result,) = file["results"]
    assert result["bytes"] == sum(len(compress(tensor, "png", 10, True)) for tensor in features)
    assert file["skipped"][0]["codec"] == "jpeg"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no affinity")
def test_measured_on_one_core_and_all_given_back(path, monkeypatch):
    seen, before = [], os.sched_getaffinity(0)
    encode = type(load_codec("png")).encode

    def watched(*arguments):
        seen.append(len(os.sched_getaffinity(0)))
        return encode(*arguments)

    monkeypatch.setattr(type(load_codec("png")), "encode", watched)
    assert main(["bench", "codecs", path, "--codecs", "png"]) == 0
    assert set(seen) == {1}
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--codecs", "gif"], "no codec 'gif'"),
        (["--repeat", "0"], "--repeat is 0: give at least 1"),
        (["--images", "-1"], "--images is -1: give at least 1"),
        (["--bits", "17"], "17 bits: use 1 to 16"),
        (["-o", "plot.gif"], "'plot.gif' is no plot"),
    ],
)
def test_wrong_words_are_one_line(path, capsys, words, message):
    assert main(["bench", "codecs", path, *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_missing_file_is_one_line(tmp_path, capsys):
    assert main(["bench", "codecs", str(tmp_path / "none.npz")]) == 2
    error = capsys.readouterr().err
    assert "No such file" in error
    assert "none.npz" in error
