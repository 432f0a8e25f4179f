from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from cofeat.cli.main import main
from cofeat.cli.streams import MAX_STREAM_BYTES
from cofeat.feature.pipeline import compress
from cofeat.feature.quantizer import quantize

FEATURES = np.linspace(-2, 5, 2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)


@pytest.fixture
def stream(tmp_path):
    path = tmp_path / "a.cft"
    path.write_bytes(compress(FEATURES, "png", 5, image_size=(24, 32), model_id=b"12345678"))
    return path


@pytest.mark.parametrize("per_channel", [False, True])
def test_integers_range_and_floats(tmp_path, per_channel, capsys):
    path, out = tmp_path / "a.cft", tmp_path / "b.npz"
    path.write_bytes(compress(FEATURES, "png", 5, per_channel))
    assert main(["decompress", str(path), "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"{path} -> {out}: 2 x 3 x 4 features of 5 bits\n"
    with np.load(out, allow_pickle=False) as file:
        held = dict(file)
    # By plain numpy, per channel or for all.
    low = FEATURES.min(axis=(1, 2) if per_channel else None)
    high = FEATURES.max(axis=(1, 2) if per_channel else None)
    np.testing.assert_array_equal(held["minimum"], low)
    np.testing.assert_array_equal(held["maximum"], high)
    np.testing.assert_array_equal(held["quantized"], quantize(FEATURES, 5, per_channel).values)
    assert held["quantized"].dtype == np.uint8
    assert held["bits"] == 5
    assert held["features"].dtype == np.float32
    half_step = (high - low).max() / 31 / 2
    assert np.abs(held["features"] - FEATURES).max() <= half_step * 1.001
    np.testing.assert_array_equal(held["image_size"], (0, 0))
    assert str(held["model_id"]) == "00" * 8


def test_header_is_kept(stream):
    assert main(["decompress", str(stream)]) == 0
    with np.load(stream.with_suffix(".npz")) as file:
        np.testing.assert_array_equal(file["image_size"], (24, 32))
        assert str(file["model_id"]) == b"12345678".hex()


def test_name_without_ending_is_kept(stream, tmp_path):
    assert main(["decompress", str(stream), "-o", str(tmp_path / "plain")]) == 0
    with np.load(tmp_path / "plain") as file:
        assert file["features"].shape == (2, 3, 4)


def test_broken_streams_cost_a_line_each(stream, tmp_path, capsys):
    data = stream.read_bytes()
    hostile = {
        "empty.cft": b"",
        "text.cft": b"no stream at all, but long enough to look at its header",
        "cut.cft": data[:-1],
        "flipped.cft": data[:50] + bytes([data[50] ^ 1]) + data[51:],
        "longer.cft": data + b"\0",
    }
    for name, content in hostile.items():
        (tmp_path / name).write_bytes(content)
    words = [*(str(tmp_path / name) for name in hostile), str(stream), str(tmp_path)]
    out = tmp_path / "out"
    assert main(["decompress", *words, "-O", str(out), "--json"]) == 2
    printed = capsys.readouterr()
    assert [row["shape"] for row in json.loads(printed.out)] == [[2, 3, 4]]
    assert [path.name for path in out.iterdir()] == ["a.npz"]
    errors = printed.err.splitlines()
    assert len(errors) == len(hostile) + 1
    for name, line in zip(hostile, errors, strict=False):
        assert line.startswith(f"cofeat: error: '{tmp_path / name}': ")
    assert "checksum is wrong" in errors[3]
    assert errors[-1] == f"cofeat: error: Is a directory '{tmp_path}'"


def test_file_without_end_is_not_read_to_the_end(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("cofeat.cli.streams.MAX_STREAM_BYTES", 1000)
    path = tmp_path / "long.cft"
    path.write_bytes(bytes(1001))
    assert main(["decompress", str(path)]) == 2
    assert "more than 1000 bytes are no bitstream" in capsys.readouterr().err
    # Two bytes for each of 2^25 elements, 4096 ranges of 8 bytes, and 38 bytes.
    assert MAX_STREAM_BYTES == 2 * 2**25 + 4096 * 8 + 38


def test_no_torch_is_needed(stream):
    code = (
        "import sys; from cofeat.cli.main import main;"
        f"main(['decompress', {str(stream)!r}]); main(['inspect', {str(stream)!r}]);"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
