"""Names of parts: ours, other packages', and those that do not exist."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from cofeat import registry
from cofeat.data import DATASETS
from cofeat.errors import InvalidInputError
from cofeat.registry import Registry, nearest
from cofeat.tasks import TASKS

GROUP = "cofeat.fruits"


@pytest.fixture
def fruits(monkeypatch):
    points = [
        EntryPoint("pear", "fractions:Fraction", GROUP),
        EntryPoint("apple", "json:dumps", GROUP),
        EntryPoint("fig", "no_such_package.figs:FIG", GROUP),
    ]
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [point for point in points if point.group == group]
    )
    return Registry("fruit", GROUP, {"plum": "decimal:Decimal", "apple": "string:digits"})


def test_names_are_ours_first_and_each_once(fruits):
    assert fruits.names() == ("plum", "apple", "pear", "fig")


def test_our_part_is_loaded(fruits):
    from decimal import Decimal

    assert fruits.load("plum") is Decimal


def test_another_packages_part_is_loaded(fruits):
    from fractions import Fraction

    assert fruits.load("pear") is Fraction


def test_another_package_cannot_take_the_place_of_ours(fruits):
    assert fruits.load("apple") == "0123456789"


def test_a_part_that_cannot_be_imported_is_told_in_one_line(fruits):
    message = r"^fruit 'fig' cannot be imported \(ModuleNotFoundError: No module named 'no_such_"
    with pytest.raises(InvalidInputError, match=message):
        fruits.load("fig")


def test_an_unknown_name_is_refused_with_all_and_the_nearest(fruits):
    with pytest.raises(InvalidInputError) as error:
        fruits.load("paer")
    assert str(error.value) == (
        "there is no fruit 'paer': use one of plum, apple, pear, fig. Did you mean 'pear'?"
    )


def test_a_name_like_no_other_gets_no_guess():
    assert nearest("xyzzy", ["plum", "pear"]) == ""


def test_nothing_is_imported_before_it_is_asked_for():
    code = (
        "import sys; from cofeat.registry import Registry;"
        "table = Registry('x', 'y', {'a': 'colorsys:rgb_to_hsv'});"
        "table.names(); before = 'colorsys' in sys.modules;"
        "table.load('a'); print(before, 'colorsys' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("table", [TASKS, DATASETS], ids=lambda table: table.kind)
def test_every_line_of_a_table_leads_somewhere(table):
    for name in table.names():
        assert table.load(name) is not None
