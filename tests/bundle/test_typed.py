from __future__ import annotations

from dataclasses import dataclass

import pytest

from cofeat.bundle.typed import MismatchError, from_json


@dataclass(frozen=True)
class Inner:
    number: float


@dataclass(frozen=True)
class Outer:
    text: str
    count: int
    flag: bool
    inner: Inner
    many: tuple[Inner, ...]
    table: dict[str, float | None]
    maybe: Inner | None


RIGHT = {
    "text": "a",
    "count": 1,
    "flag": True,
    "inner": {"number": 1},
    "many": [{"number": 2.5}],
    "table": {"x": None, "y": 3},
    "maybe": None,
}


def test_a_tree_becomes_dataclasses():
    assert from_json(Outer, RIGHT) == Outer(
        "a", 1, True, Inner(1.0), (Inner(2.5),), {"x": None, "y": 3.0}, None
    )
    assert type(from_json(Outer, RIGHT).inner.number) is float


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": 1}, "text must be str, not 1"),
        ({"count": True}, "count must be int, not True"),
        ({"count": 1.0}, "count must be int"),
        ({"flag": 0}, "flag must be bool"),
        ({"inner": {"number": "1"}}, "inner.number must be float, not '1'"),
        ({"inner": {"number": 10**400}}, "inner.number is beyond what a number may be"),
        ({"inner": {}}, "key 'inner.number' is missing"),
        ({"inner": {"number": 1, "other": 2}}, "key 'inner.other' is not known"),
        ({"many": {}}, "many must be a list"),
        ({"many": [{"number": 1}, 5]}, r"many\[1\] must be a table, not 5"),
        ({"table": []}, "table must be a table"),
        ({"table": {"x": "1"}}, r"table\['x'\] must be"),
        ({"maybe": 1}, "maybe must be"),
        ({"extra": 1}, "key 'extra' is not known"),
    ],
)
def test_any_other_tree_is_told(change, message):
    with pytest.raises(MismatchError, match=message):
        from_json(Outer, RIGHT | change)


def test_a_tree_that_is_no_table():
    with pytest.raises(MismatchError, match="it must be a table"):
        from_json(Outer, [1])
