"""`cofeat fit`, and every command that then uses the tables."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cofeat.bundle import open_bundle
from cofeat.cli.main import main
from cofeat.data.streets.write import write_streets
from cofeat.export import write
from cofeat.feature.bitstream import unpack
from cofeat.feature.entropy.fitted import FittedTables


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Words that name a few street scenes."""
    folder = tmp_path_factory.mktemp("data") / "streets"
    write_streets(folder, 4, 2, (32, 64), 0, workers=1)
    return ["--data", str(folder), "--dataset", "streets", "--size", "64x32"]


@pytest.fixture(scope="module")
def model(exported, data, tmp_path_factory):
    """A checkpoint with tables."""
    folder = tmp_path_factory.mktemp("fitted") / "checkpoint"
    shutil.copytree(exported.checkpoint, folder)
    assert main(["fit", str(folder), *data, "--images", "4", "--generations", "4"]) == 0
    return str(folder)


@pytest.fixture(scope="module")
def tables(model):
    return FittedTables.from_bytes((Path(model) / "tables.bin").read_bytes())


def test_what_is_told(exported, data, tmp_path, capsys):
    folder = tmp_path / "checkpoint"
    shutil.copytree(exported.checkpoint, folder)
    assert main(["fit", str(folder), *data, "--images", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    file = Path(told["tables"])
    assert file.parent == folder
    assert told["tables_id"] == FittedTables.from_bytes(file.read_bytes()).id.hex()
    assert told["tables_bytes"] == file.stat().st_size
    assert (told["fitted_to"], told["measured_on"]) == (3, 2)
    saved = 100 * (1 - told["bpfe_with"] / told["bpfe_without"])
    assert told["saved_percent"] == pytest.approx(saved)


def test_streams_need_the_tables_and_hold_the_same(model, tables, picture, tmp_path, capsys):
    image, stream, plain = picture(), tmp_path / "a.cft", tmp_path / "p.cft"
    with_model = ["-m", model]
    assert main(["compress", image, *with_model, "-c", "cofeat", "-o", str(stream)]) == 0
    assert main(["compress", image, *with_model, "-c", "png", "-o", str(plain)]) == 0
    assert unpack(stream.read_bytes()).tables_id == tables.id
    assert main(["inspect", str(stream)]) == 0
    assert tables.id.hex() in capsys.readouterr().out
    out, other = tmp_path / "a.npz", tmp_path / "p.npz"
    assert main(["decompress", str(stream), "-o", str(out)]) == 2
    assert "give the model that it was made with" in capsys.readouterr().err
    assert main(["decompress", str(stream), "-o", str(out), *with_model]) == 0
    assert main(["decompress", str(plain), "-o", str(other)]) == 0
    with np.load(out) as tabled, np.load(other) as untabled:
        np.testing.assert_array_equal(tabled["quantized"], untabled["quantized"])
    assert main(["predict", str(stream), *with_model, "-o", str(tmp_path / "out")]) == 0


def test_budget_counts_bytes_with_tables(model, tables, picture, tmp_path):
    stream = tmp_path / "b.cft"
    words = ["--bytes", "900", "-c", "cofeat-lossy", "-o", str(stream)]
    assert main(["compress", picture(), "-m", model, *words]) == 0
    assert len(stream.read_bytes()) <= 900
    assert unpack(stream.read_bytes()).tables_id == tables.id


def test_bench_has_a_row_with_tables(model, data, tmp_path, capsys):
    words = ["eval", model, *data, "--codecs", "", "--save-features", "-o", str(tmp_path)]
    assert main(words) == 0
    capsys.readouterr()
    bench = ["bench", "codecs", str(tmp_path / "features.npz"), "--codecs", "cofeat,png"]
    more = ["--bits", "6", "--repeat", "1", "--tables", str(Path(model) / "tables.bin"), "--json"]
    assert main([*bench, *more]) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    rows = {result["codec"]: result for result in file["results"]}
    assert set(rows) == {"cofeat", "cofeat + tables", "png"}
    assert all(row["max_error_steps"] == 0 for row in rows.values())


def test_bundle_carries_the_tables(
    exported, model, tables, data, picture, tmp_path, capsys, monkeypatch
):
    made = open_bundle(exported.bundle).model()
    monkeypatch.setattr(write, "export_graph", lambda network, part: made.read(part))
    bundle = tmp_path / "bundle"
    words = ["--parts", "encoder,heads", "--images", "1", "--threads", "1"]
    assert main(["export", model, "-o", str(bundle), *data, *words]) == 0
    entry = open_bundle(bundle).model().entry
    assert entry.tables_id == tables.id.hex()
    image, streams = picture(), []
    for name in (model, str(bundle)):
        streams.append(tmp_path / f"{len(streams)}.cft")
        words = ["compress", image, "-m", name, "-c", "cofeat", "-o", str(streams[-1])]
        assert main(words) == 0
    assert unpack(streams[1].read_bytes()).tables_id == tables.id
    # Each reads the other's stream.
    for name, stream in ((model, streams[1]), (str(bundle), streams[0])):
        assert main(["predict", str(stream), "-m", name, "-o", str(tmp_path / "out")]) == 0
    (bundle / "made-baseline" / "tables.bin").write_bytes(b"others")
    capsys.readouterr()
    assert main(["compress", image, "-m", str(bundle), "-c", "cofeat", "-o", "x.cft"]) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--images", "0"], "at least 1 image"),
        (["--generations", "65"], "1 to 64 generations"),
        (["--generations", "0"], "1 to 64 generations"),
    ],
)
def test_wrong_words(model, data, words, message, capsys):
    assert main(["fit", model, *data, *words]) == 2
    assert message in capsys.readouterr().err


def test_damaged_tables_are_told(model, tmp_path, capsys):
    folder = tmp_path / "checkpoint"
    shutil.copytree(model, folder)
    (folder / "tables.bin").write_bytes(b"no tables")
    assert main(["info", str(folder)]) == 2
    assert "are no tables of cofeat" in capsys.readouterr().err


def test_tables_of_another_version_are_told_and_made_anew(model, data, picture, tmp_path, capsys):
    folder = tmp_path / "checkpoint"
    shutil.copytree(model, folder)
    fresh = (folder / "tables.bin").read_bytes()
    (folder / "tables.bin").write_bytes(fresh[:4] + b"\x09" + fresh[5:])
    assert main(["compress", picture(), "-m", str(folder), "-o", str(tmp_path / "a.cft")]) == 2
    told = capsys.readouterr().err
    assert "tables have version 9, known is 1" in told
    assert f"cofeat fit {folder}" in told
    assert main(["fit", str(folder), *data, "--images", "4", "--generations", "4"]) == 0
    assert (folder / "tables.bin").read_bytes() == fresh
