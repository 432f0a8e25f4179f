from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cofeat.bundle import open_bundle
from cofeat.bundle.writing import writing_bundle
from cofeat.errors import InvalidInputError


def test_nothing_is_left_of_a_block_that_raises(tmp_path, entry):
    def write_and_fail():
        with writing_bundle(tmp_path / "bundle") as writer:
            writer.place("model", "encoder").write_bytes(b"1")
            writer.add(entry("model"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert list(tmp_path.iterdir()) == []


def test_nothing_stands_there_before_the_end(tmp_path, entry):
    folder = tmp_path / "deep" / "bundle"
    with writing_bundle(folder) as writer:
        writer.place("model", "encoder").write_bytes(b"1")
        writer.add(entry("model"))
        assert not folder.exists()
    assert open_bundle(folder).names == ("model",)
    assert list(folder.parent.iterdir()) == [folder]


def test_a_model_that_is_added_again_is_told_anew(tmp_path, entry):
    with writing_bundle(tmp_path / "bundle") as writer:
        writer.place("model", "encoder").write_bytes(b"1")
        early = writer.add(entry("model"))
        assert early.read("encoder") == b"1"
        writer.place("model", "heads").write_bytes(b"2")
        writer.place("model", "encoder").unlink()
        writer.add(replace(entry("model"), codec="png:1"))
    model = open_bundle(tmp_path / "bundle").model()
    assert list(model.entry.files) == ["heads"]
    assert model.entry.codec == "png:1"


def test_an_older_bundle_is_overwritten_only_when_asked(made, tmp_path, entry):
    folder = made("old")
    with pytest.raises(InvalidInputError, match="exists: give another folder, or --overwrite"):
        made("new")
    assert open_bundle(folder).names == ("old",)
    with writing_bundle(folder, overwrite=True) as writer:
        writer.place("new", "encoder").write_bytes(b"1")
        writer.add(entry("new"))
    assert open_bundle(folder).names == ("new",)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_bundle_is_overwritten_from_inside(made, tmp_path, entry, monkeypatch):
    monkeypatch.chdir(made("old"))
    with writing_bundle(Path(), overwrite=True) as writer:
        writer.place("new", "encoder").write_bytes(b"1")
        writer.add(entry("new"))
    assert open_bundle(tmp_path / "bundle").names == ("new",)


def test_what_is_no_bundle_is_never_overwritten(tmp_path):
    (tmp_path / "photos").mkdir()
    with (
        pytest.raises(InvalidInputError, match="is no bundle, and is not overwritten"),
        writing_bundle(tmp_path / "photos", overwrite=True),
    ):
        pass
    assert (tmp_path / "photos").is_dir()


def test_names_that_are_none(tmp_path):
    with (
        pytest.raises(InvalidInputError, match="is no name of a model"),
        writing_bundle(tmp_path / "bundle") as writer,
    ):
        writer.place("../up", "encoder")
    assert list(tmp_path.iterdir()) == []
