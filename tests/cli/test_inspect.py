from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from cofeat.cli.main import main
from cofeat.feature.bitstream import Bitstream, pack
from cofeat.feature.quantizer import FeatureRange


def stream(**fields):
    """A stream of 2 x 4 x 5 = 40 elements with 54 bytes of payload, in all 100 bytes."""
    low, high = np.float32(-1.5), np.float32(2.25)
    given = {
        "codec_id": 2,
        "setting": 90,
        "bits": 7,
        "shape": (2, 4, 5),
        "range": FeatureRange(np.asarray(low), np.asarray(high)),
        "payload": bytes(54),
        "image_size": (16, 25),
        "model_id": bytes(range(1, 9)),
    }
    return pack(Bitstream(**{**given, **fields}))


@pytest.fixture
def write(tmp_path):
    def to_file(data, name="a.cft"):
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return to_file


def test_figures_by_hand(write, capsys):
    data = stream()
    assert len(data) == 100
    path = write(data)
    assert main(["inspect", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "file": path,
            "version": 1,
            "codec": "jpeg:90",
            "setting": 90,
            "shape": [2, 4, 5],
            "bits": 7,
            "per_channel": False,
            "minimum": -1.5,
            "maximum": 2.25,
            "image_height": 16,
            "image_width": 25,
            "model_id": "0102030405060708",
            "tables_id": None,
            "header_bytes": 46,
            "payload_bytes": 54,
            "total_bytes": 100,
            "bpfe": 20.0,  # 800 bits of 40 elements
            "bpp": 2.0,  # 800 bits of 400 pixels
            "checksum": "ok",
        }
    ]


def test_one_stream_as_a_list(write, capsys):
    path = write(stream())
    assert main(["inspect", path]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines == {
        "file": path,
        "version": "1",
        "codec": "jpeg:90",
        "shape": "2x4x5",
        "bits": "7",
        "range": "-1.5 .. 2.25",
        "picture": "25x16",
        "model": "0102030405060708",
        "tables": "-",
        "header": "46 bytes",
        "payload": "54 bytes",
        "total": "100 bytes",
        "bits/element": "20.000",
        "bits/pixel": "2.000",
        "checksum": "ok",
    }


def test_ranges_of_channels_and_what_is_not_told(write, capsys):
    pairs = np.array([[-4, 0.5], [1, 2]], np.float32)
    range_ = FeatureRange(pairs[:, 0], pairs[:, 1])
    path = write(stream(range=range_, image_size=None, model_id=bytes(8), codec_id=200))
    assert main(["inspect", path, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["per_channel"], row["minimum"], row["maximum"]) == (True, [-4, 1], [0.5, 2])
    assert (row["image_height"], row["model_id"], row["bpp"]) == (None, None, None)
    assert row["header_bytes"] == 54  # 8 bytes more for the second range
    assert main(["inspect", path]) == 0
    text = capsys.readouterr().out
    assert "-4 .. 2 (2 ranges)" in text
    assert "id 200:90" in text


def test_many_streams_are_a_table_and_broken_ones_a_line_each(write, capsys):
    good = [write(stream(), "a.cft"), write(stream(setting=80), "b.cft")]
    body = stream()[:-4]
    bad = [
        write(b"", "empty.cft"),
        write(b"\xff" * 300, "noise.cft"),
        write(stream()[:-3] + b"abc", "checksum.cft"),
        write(body[:3] + b"\x09" + body[4:] + b"crc!", "version.cft"),
        write(body[:30] + struct.pack("<f", np.nan) + body[34:] + b"crc!", "nan.cft"),
    ]
    assert main(["inspect", good[0], *bad, good[1]]) == 2
    printed = capsys.readouterr()
    rows = printed.out.splitlines()
    assert rows[0].split()[:3] == ["file", "version", "codec"]
    assert [row.split()[2] for row in rows[2:]] == ["jpeg:90", "jpeg:80"]
    errors = printed.err.splitlines()
    assert len(errors) == len(bad)
    for name, line in zip(bad, errors, strict=True):
        assert line.startswith(f"cofeat: error: '{name}': ")
    assert "version 9" in errors[3]


def test_nothing_readable_prints_no_table(write, capsys):
    assert main(["inspect", write(b"x", "x.cft"), write(b"y", "y.cft")]) == 2
    assert capsys.readouterr().out == ""
    assert main(["inspect", write(b"x", "x.cft"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == []
