"""Profiles as files: what is written is read, and whatever else is there is one line."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cofeat.errors import InvalidInputError
from cofeat.planner.profile import Profile, load_profile, save_profile
from cofeat.runtime.cost import GraphCost


@pytest.fixture
def profile(made):
    found = made.profile(made.stage("read", "png", 1.5, p95_ms=2.0))
    model = replace(found.models[0], graphs={"whole": GraphCost(4, 3, 2, 1)})
    return replace(found, models=(model,))


def test_what_is_written_is_read(profile, tmp_path):
    save_profile(profile, tmp_path / "device.json")
    assert load_profile(tmp_path / "device.json") == profile


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update(schema=9), "schema is 9 and this version reads 1"),
        (lambda t: t.update(size="wide"), "size 'wide'"),
        (lambda t: t.update(models=[]), "no model"),
        (lambda t: t.pop("cores"), "'cores' is missing"),
        (lambda t: t.update(extra=1), "'extra' is not known"),
        (lambda t: t["models"][0]["stages"][0].update(stage="dance"), "stage 'dance'"),
        (lambda t: t["models"][0]["stages"][0].update(median_ms=-1.0), "cannot be"),
        (lambda t: t["models"][0]["stages"][0].update(p95_ms=float("nan")), "NaN"),
        (lambda t: t["models"][0]["stages"][0].update(p95_ms="1"), "must be float"),
    ],
)
def test_values_that_cannot_be(profile, tmp_path, change, message):
    file = tmp_path / "device.json"
    save_profile(profile, file)
    tree = json.loads(file.read_text())
    change(tree)
    file.write_text(json.dumps(tree))
    with pytest.raises(InvalidInputError, match=message) as caught:
        load_profile(file)
    assert "cofeat profile BUNDLE -o" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InvalidInputError, match="cannot be read: No such file"):
        load_profile(tmp_path / "device.json")


@given(st.binary(max_size=200) | st.sampled_from([b"[" * 100_000, b'{"schema": 1e999}']))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "any.json"
    file.write_bytes(data)
    message = ""
    try:  # nothing else may be raised
        assert isinstance(load_profile(file), Profile)
    except InvalidInputError as error:
        message = str(error)
    assert "\n" not in message


def test_times_are_found_by_stage_way_and_batch(made):
    stages = (
        made.stage("heads", "a", 1.0),
        made.stage("heads", "a", 3.0, batch=4),
        made.stage("heads", "b", 2.0),
    )
    model = made.profile(*stages).models[0]
    assert model.find("heads", "a", 4).median_ms == 3.0
    assert model.find("heads", "c") is None
    assert model.ways("heads") == ("a", "b")
