"""Joules by hand."""

from __future__ import annotations

import json

import pytest

from cofeat.errors import InvalidInputError
from cofeat.planner.energy import RADIOS, Energy, Radio, parse_radio


def test_joules_of_a_frame():
    # 100 mW a Mbit/s: at 1 Mbit/s a megabyte takes 8 s, at 0.1 W so 0.8 J; received half of it.
    radio = Radio(100.0, 50.0, 0.5)
    assert radio.joules(1e6, 0, 0) == pytest.approx(0.8)
    assert radio.joules(0, 1e6, 0) == pytest.approx(0.4)
    assert radio.joules(1e6, 1e6, 2000) == pytest.approx(0.8 + 0.4 + 1.0)
    # 2 W for 100 ms beside it.
    assert Energy(radio, 2.0).joules(100, 1e6, 0, 0) == pytest.approx(0.2 + 0.8)


def test_the_published_wifi_constants():
    """A megabit up at 1 Mbit/s: a second of 283.17 mW, and of 132.86 mW."""
    assert RADIOS["wifi"].joules(125_000, 0, 1000) == pytest.approx(0.28317 + 0.13286)


def test_a_radio_by_name_or_file(tmp_path):
    assert parse_radio("lte") is RADIOS["lte"]
    file = tmp_path / "radio.json"
    file.write_text('{"up_mw_per_mbit_s": 1, "down_mw_per_mbit_s": 2, "active_w": 3.5}')
    assert parse_radio(str(file)) == Radio(1.0, 2.0, 3.5)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "3", '{"active_w": 1}', '{"up_mw_per_mbit_s": "x"}', "[" * 100_000,
     '{"up_mw_per_mbit_s": -1, "down_mw_per_mbit_s": 2, "active_w": 3}',
     '{"up_mw_per_mbit_s": true, "down_mw_per_mbit_s": 2, "active_w": 3}',
     '{"up_mw_per_mbit_s": NaN, "down_mw_per_mbit_s": 2, "active_w": 3}',
     '{"up_mw_per_mbit_s": [1], "down_mw_per_mbit_s": 2, "active_w": 3}'],
)  # fmt: skip
def test_a_file_that_is_no_radio(tmp_path, text):
    file = tmp_path / "radio.json"
    file.write_text(text)
    with pytest.raises(InvalidInputError):
        parse_radio(str(file))


def test_names_that_are_none():
    with pytest.raises(InvalidInputError, match="Did you mean 'wifi'"):
        parse_radio("wify")
    with pytest.raises(InvalidInputError, match="compute power"):
        Energy(compute_w=-1.0)
    assert json.dumps(sorted(RADIOS)) == '["5g", "5g-mmwave", "lte", "wifi"]'
