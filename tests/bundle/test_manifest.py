from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cofeat.bundle.manifest import SCHEMA, FileEntry, Manifest, known, parse_manifest, to_text
from cofeat.bundle.typed import MismatchError

FILE = FileEntry("model/encoder.onnx", 3, "0" * 64)


@pytest.fixture
def manifest(entry):
    return Manifest(SCHEMA, "0.1.0", (replace(entry("model"), files={"encoder": FILE}),))


def test_what_is_written_is_read(manifest):
    assert parse_manifest(to_text(manifest)) == manifest


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", "../x", "no name of a model"),
        ("version", "0", "version is no number"),
        ("version", "1.0", "version is no number"),
        ("model_id", "0123", "model_id is not 8 bytes"),
        ("model_id", "0123456789ABCDEF", "model_id is not 8 bytes"),
        ("tables_id", "00", "tables_id is not 4 bytes"),
        ("stride", 0, "a stride of 0"),
        ("channels", 0, "0 channels"),
        ("channels", 10**6, "1000000 channels"),
        ("bits", 17, "17 bits"),
        ("tasks", [], "tasks are none"),
        ("padding", "zero", "padding is not 'edge'"),
        (
            "points",
            [{"sent": "mail", "precision": "fp32", "codec": "png", "values": {}}],
            "'sent' is none of features, picture, nothing",
        ),
        (
            "points",
            [{"sent": "picture", "precision": "int4", "codec": "png", "values": {}}],
            "precision of fp32, int8",
        ),
        ("files", {}, "it has no files"),
        ("files", {"weights": {"path": "a", "bytes": 1, "sha256": "0" * 64}}, "no part"),
        ("files", {"heads": {"path": "a", "bytes": -1, "sha256": "0" * 64}}, "cannot be"),
        ("files", {"heads": {"path": "a", "bytes": 1, "sha256": "0"}}, "cannot be"),
    ],
)
def test_values_that_cannot_be(manifest, key, value, message):
    tree = json.loads(to_text(manifest))
    tree["models"][0][key] = value
    with pytest.raises(MismatchError, match=message):
        parse_manifest(json.dumps(tree))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"schema": NaN}', "not JSON: NaN"),
        ("[]", "schema is None"),
        ('{"schema": 1}', "schema is 1 and this version reads 2"),
        ('{"schema": 2, "cofeat": "x", "models": []}', "no model"),
        ('{"schema": 2}', "'cofeat' is missing"),
    ],
)
def test_texts_that_are_none(text, message):
    with pytest.raises(MismatchError, match=message):
        parse_manifest(text)


def test_two_models_of_one_name(manifest):
    twice = replace(manifest, models=manifest.models * 2)
    with pytest.raises(MismatchError, match="two models 'model'"):
        parse_manifest(to_text(twice))


def test_numbers_that_json_has_not():
    assert known({"a": float("nan"), "b": float("inf"), "c": 2}) == {"a": None, "b": None, "c": 2.0}


def places(tree, path=()):
    """Yield the path of every value of a tree."""
    yield path
    if isinstance(tree, dict | list):
        for key in tree if isinstance(tree, dict) else range(len(tree)):
            yield from places(tree[key], (*path, key))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@given(st.data())
def test_any_value_anywhere_is_read_or_refused(data):
    tree = copy.deepcopy(TREE)
    *path, last = data.draw(st.sampled_from([path for path in places(tree) if path]))
    parent = tree
    for key in path:
        parent = parent[key]
    parent[last] = data.draw(JSON)
    message = ""
    try:  # nothing else may be raised
        assert isinstance(parse_manifest(json.dumps(tree)), Manifest)
    except MismatchError as error:
        message = str(error)
    assert "\n" not in message


def _tree():
    entry = {
        "name": "m", "version": "1", "model_id": "0" * 16, "encoder": "tiny", "cut": "a",
        "stride": 8, "channels": 4, "bits": 8, "per_channel": False,
        "step": None,
        "tasks": [{"name": "disparity", "dtype": "float32", "shape": ["N"], "classes": None}],
        "normalization": {"mean": [0.5], "std": [0.5]}, "padding": "edge", "codec": "png",
        "tables_id": None, "files": {"heads": {"path": "a", "bytes": 1, "sha256": "0" * 64}},
        "parity": {"a": 0.0}, "accuracy": None, "points": [],
        "origin": {
            "recipe": None, "arm": None, "seed": None, "commit": None, "step": None,
            "data": None, "stand_in": None,
        },
    }  # fmt: skip
    return {"schema": 2, "cofeat": "0.1.0", "models": [entry]}


TREE = _tree()


def test_the_tree_above_is_valid():
    assert parse_manifest(json.dumps(TREE)).models[0].name == "m"
