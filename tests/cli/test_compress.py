from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cofeat.cli.main import main
from cofeat.data.streets.write import write_streets
from cofeat.feature.pipeline import compress, decompress
from cofeat.image import read_image
from cofeat.network.build import load_network


def features_of(model, picture):
    """The device's half, step by step."""
    network = load_network(model).network
    batch = torch.from_numpy(read_image(picture).transpose(2, 0, 1)[None].copy())
    with torch.no_grad():
        return network.encode(batch)[0].numpy()


def test_stream_is_that_of_the_library(model, picture, capsys):
    street = picture()
    assert main(["compress", street, "-m", model, "-c", "jpeg:90"]) == 0
    data = Path(street).with_suffix(".cft").read_bytes()
    model_id = load_network(model).model_id
    features = features_of(model, street)
    assert data == compress(features, "jpeg:90", 6, False, (30, 50), model_id)
    assert capsys.readouterr().out == (
        f"{street} -> {street[:-4]}.cft: {len(data)} bytes, "
        f"{8 * len(data) / features.size:.3f} bits/element, jpeg:90\n"
    )


def test_a_bundle_gives_its_codec_and_its_only_encoder(exported, picture, tmp_path, capsys):
    """What a device has on board: no fp32 encoder, and a codec that was chosen for it."""
    write_streets(tmp_path / "data", 1, 1, (32, 64), 0, workers=1)
    words = ["--data", str(tmp_path / "data"), "--dataset", "streets", "--size", "64x32"]
    words += ["--parts", "encoder_int8", "--codec", "jpeg:90"]
    bundle = str(tmp_path / "bundle")
    assert main(["export", exported.checkpoint, "-o", bundle, *words]) == 0
    capsys.readouterr()
    assert main(["compress", picture(), "-m", bundle, "-o", str(tmp_path / "s.cft")]) == 0
    assert "jpeg:90" in capsys.readouterr().out


def test_many_pictures_and_a_broken_one_among_them(model, picture, tmp_path, capsys):
    first, last = picture("a.png"), picture("b.jpg", seed=1)
    broken, missing = tmp_path / "broken.png", tmp_path / "missing.png"
    broken.write_bytes(b"no picture")
    words = [first, str(broken), str(missing), last]
    out = tmp_path / "new" / "streams"
    assert main(["compress", *words, "-m", model, "-O", str(out), "--json"]) == 2
    printed = capsys.readouterr()
    rows = json.loads(printed.out)
    assert [row["image"] for row in rows] == [first, last]
    assert sorted(path.name for path in out.iterdir()) == ["a.cft", "b.cft"]
    assert rows[0]["bytes"] == (out / "a.cft").stat().st_size
    errors = printed.err.splitlines()
    assert len(errors) == 2
    assert f"'{broken}' cannot be read as an image" in errors[0]
    assert errors[1] == f"cofeat: error: there is no file '{missing}'"


@pytest.mark.parametrize(
    ("budget", "max_bytes"),
    [
        (["--bytes", "1000"], 1000),
        # 64 channels of 4 x 7 are 1792 elements.
        (["--bpfe", "4.25"], 952),
        # 3 Mbit/s are 375 bytes a millisecond.
        (["--ms", "2.5", "--link", "3Mbit"], 937),
    ],
)
def test_budget_is_kept_and_used(model, picture, tmp_path, budget, max_bytes):
    out = tmp_path / "out.cft"
    street = picture()
    features = features_of(model, street)
    assert main(["compress", street, "-m", model, "-c", "jpeg", *budget, "-o", str(out)]) == 0
    data = out.read_bytes()
    fitting = [q for q in range(1, 101) if len(compress(features, f"jpeg:{q}", 6)) <= max_bytes]
    assert len(data) <= max_bytes
    assert 1 < len(fitting) < 100
    assert decompress(data).stream.setting == fitting[-1]


def test_budget_that_cannot_be_met_writes_nothing(model, picture, tmp_path, capsys):
    out = tmp_path / "out.cft"
    street = picture()
    words = ["compress", street, "-m", model, "--bytes", "100", "-c", "png", "-o", str(out)]
    smallest = len(compress(features_of(model, street), "png", 6))
    assert main(words) == 2
    assert not out.exists()
    assert capsys.readouterr().err == (
        f"cofeat: error: '{street}': a budget of 100 bytes cannot be met with png: "
        f"the smallest is {smallest} bytes, with png\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-c", "gif"], "no codec 'gif'"),
        (["--bytes", "0"], "--bytes 0: give at least 1"),
        (["--bpfe", "nan"], "give a number above 0"),
        (["--ms", "5"], "--ms and --link go together"),
        (["--link", "1Mbit"], "--ms and --link go together"),
        (["--ms", "5", "--link", "1M"], "rate '1M' is not like 10Mbit"),
        (["--bytes", "500", "-c", ","], "names no codec"),
        (["-o", "a", "-O", "b"], "give one of them"),
        (["-o", "-", "--json"], "cannot hold both"),
    ],
)
def test_wrong_words_are_one_line(model, picture, capsys, words, message):
    assert main(["compress", picture(), "-m", model, *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_missing_model_is_one_line(picture, tmp_path, capsys):
    assert main(["compress", picture(), "-m", str(tmp_path / "none")]) == 2
    assert "is no folder: give the folder of a run" in capsys.readouterr().err


def test_pictures_that_would_overwrite_each_other_are_refused(model, picture, tmp_path, capsys):
    words = [picture("a/x.png"), picture("b/x.png")]
    assert main(["compress", *words, "-m", model, "-O", str(tmp_path / "out")]) == 2
    assert "would both be written to" in capsys.readouterr().err
    assert main(["compress", *words, "-m", model, "-o", "x.cft"]) == 2
    assert "-o names one output and there are 2 inputs" in capsys.readouterr().err


def test_picture_is_never_overwritten(model, picture, capsys):
    street = picture()
    before = Path(street).read_bytes()
    assert main(["compress", street, "-m", model, "-o", street]) == 2
    assert "is an input too" in capsys.readouterr().err
    assert Path(street).read_bytes() == before


def test_from_standard_input_through_all_commands_to_standard_output(model, picture, tmp_path):
    street = picture()
    cofeat = [sys.executable, "-m", "cofeat"]

    def pipe(*words, given):
        return subprocess.run([*cofeat, *words], input=given, capture_output=True, check=True)

    data = pipe("compress", "-", "-m", model, given=Path(street).read_bytes()).stdout
    assert main(["compress", street, "-m", model]) == 0
    assert data == Path(street).with_suffix(".cft").read_bytes()

    (tmp_path / "standard.npz").write_bytes(pipe("decompress", "-", given=data).stdout)
    with np.load(tmp_path / "standard.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["features"], decompress(data).features)

    (row,) = json.loads(pipe("inspect", "-", "--json", given=data).stdout)
    assert (row["file"], row["total_bytes"]) == ("-", len(data))

    out = tmp_path / "out"
    pipe("predict", "-", "-m", model, "-o", str(out), given=data)
    assert (out / "stdin_disparity.npy").is_file()
