from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cofeat.cli.main import main
from cofeat.cli.models import CheckpointModel
from cofeat.feature.bitstream import NO_MODEL, pack, unpack
from cofeat.feature.pipeline import decompress
from cofeat.feature.quantizer import FeatureRange
from cofeat.network.build import load_network
from cofeat.tasks import load_task
from cofeat.tasks.segmentation import CLASSES


@pytest.fixture
def stream(model, picture, capsys):
    street = picture()
    assert main(["compress", street, "-m", model]) == 0
    capsys.readouterr()
    return Path(street).with_suffix(".cft")


def changed(stream, name, **fields):
    """Write a copy of a stream with other fields and a right checksum."""
    path = stream.with_name(name)
    path.write_bytes(pack(replace(unpack(stream.read_bytes()), **fields)))
    return str(path)


def test_outputs_are_those_of_the_network(model, stream, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["predict", str(stream), "-m", model, "-o", str(out), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    features = torch.from_numpy(decompress(stream.read_bytes()).features)[None]
    with torch.no_grad():
        expected = load_network(model).network.predict(features, (30, 50))
    assert list(row["outputs"]) == list(expected) == ["segmentation", "disparity", "reconstruction"]
    for task, files in row["outputs"].items():
        array = np.load(files["array"], allow_pickle=False)
        np.testing.assert_array_equal(array, expected[task][0].numpy())
        with Image.open(files["picture"]) as picture:
            assert picture.size == (50, 30)
            np.testing.assert_array_equal(np.asarray(picture), load_task(task).draw(array))
    files = row["outputs"]["segmentation"]
    assert files["label_ids"] == str(out / "street_segmentation_labelIds.png")
    train_ids = np.load(files["array"])
    with Image.open(files["label_ids"]) as picture:
        ids = np.asarray(picture)
    assert (ids == np.array([entry.label_id for entry in CLASSES])[train_ids]).all()


def test_stream_of_another_model_is_refused_in_one_line(
    model, other_model, stream, tmp_path, capsys
):
    out = tmp_path / "out"
    assert main(["predict", str(stream), "-m", other_model, "-o", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert load_network(model).model_id.hex() in error
    assert load_network(other_model).model_id.hex() in error
    assert not out.exists()
    words = ["predict", str(stream), "-m", other_model, "-o", str(out), "--any-model"]
    assert main(words) == 0
    assert (out / "street_segmentation.png").is_file()


def test_stream_that_does_not_tell_is_taken_at_the_size_of_its_features(model, stream, tmp_path):
    untold = changed(stream, "untold.cft", model_id=NO_MODEL, image_size=None)
    assert main(["predict", untold, "-m", model, "-o", str(tmp_path / "out")]) == 0
    # 50x30 is padded to a multiple of 8, the stride.
    assert np.load(tmp_path / "out" / "untold_disparity.npy").shape == (32, 56)


def test_hostile_streams_cost_a_line_each(model, stream, tmp_path, capsys):
    broken = stream.with_name("broken.cft")
    broken.write_bytes(stream.read_bytes()[:-5])
    words = [
        changed(stream, "size.cft", image_size=(65535, 65535)),
        changed(stream, "shape.cft", image_size=None, shape=(32, 8, 7)),
        str(broken),
        str(stream),
    ]
    out = tmp_path / "out"
    assert main(["predict", *words, "-m", model, "-o", str(out)]) == 2
    printed = capsys.readouterr()
    errors = printed.err.splitlines()
    assert len(errors) == 3
    assert "holds 64 x 4 x 7 features, and the model's for a picture of 65535x65535" in errors[0]
    assert "holds 32 x 8 x 7 features, and the model's" in errors[1]
    assert "declares" in errors[2]
    assert (
        printed.out == f"{stream} -> {out / 'street'}_*: segmentation, disparity, reconstruction\n"
    )
    assert {path.name.split("_")[0] for path in out.iterdir()} == {"street"}


def test_features_far_from_any_that_the_model_knows(model, stream, tmp_path, capsys, monkeypatch):
    huge = np.float32(2.0**126)
    extreme = changed(stream, "range.cft", range=FeatureRange(np.asarray(-huge), np.asarray(huge)))
    out = tmp_path / "out"
    words = ["predict", extreme, "-m", model, "-o", str(out)]
    assert main(words) == 0
    assert np.isfinite(np.load(out / "range_disparity.npy")).all()
    nothing = {"disparity": np.full((30, 50), np.nan, np.float32)}
    monkeypatch.setattr(CheckpointModel, "predict", lambda *_: nothing)
    assert main(words) == 2
    assert "the model's disparity is not finite" in capsys.readouterr().err


def test_streams_of_one_name_are_refused(model, tmp_path, capsys):
    assert main(["predict", "a/x.cft", "b/x.cft", "-m", model, "-o", str(tmp_path)]) == 2
    assert "would both be written to" in capsys.readouterr().err
