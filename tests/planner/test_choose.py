"""Best, front and reasons, of plans small enough to judge by eye."""

from __future__ import annotations

import pytest

from cofeat.errors import InvalidInputError
from cofeat.planner.choose import Wish, decide, pareto


def test_the_best_and_why_the_others_lost(made):
    mobile = made.estimate("mobile", "none", ms=30, joules=2, size=0)
    small = made.estimate("split", "jpeg:60", ms=20, joules=1, size=50)
    large = made.estimate("split", "png", ms=25, joules=0.5, size=200)
    plans = [mobile, small, large]
    decision = decide(plans, Wish("latency"))
    assert decision.best is small
    assert [(e.plan.codec, why) for e, why in decision.lost] == [
        ("png", "5.0 ms more, most of it in send, +5.0 ms"),
        ("none", "10.0 ms more, most of it in send, +10.0 ms"),
    ]
    decision = decide(plans, Wish("energy"))
    assert decision.best is large
    assert decision.lost[0][1] == "500.0 mJ more: -150 bytes by radio, most of it in read, +0.0 ms"
    decision = decide(plans, Wish("bytes"))
    assert decision.best is mobile
    assert [why for _, why in decision.lost] == ["50 bytes more", "200 bytes more"]


def test_constraints_and_what_is_unknown(made):
    poor = made.estimate(codec="jpeg:60", ms=10, miou=0.2)
    good = made.estimate(codec="jpeg:90", ms=20, miou=0.4)
    unknown = made.estimate("cloud", "webp:75", ms=5)
    decision = decide([poor, good, unknown], Wish(at_least={"miou": 0.3}))
    assert decision.best is good
    assert {e.plan.codec: why for e, why in decision.lost} == {
        "jpeg:60": "miou 0.2, and 0.3 is asked for",
        "webp:75": "its miou is unknown: export with --measure-pictures webp:75",
    }
    assert decide([poor, good, unknown], Wish()).best is unknown
    assert decide([poor, good, unknown], Wish(max_ms=30, at_least={"miou": 0.2})).best is poor
    heavy = made.estimate(codec="png", ms=1, size=1000)
    assert decide([poor, heavy], Wish(max_bytes=999)).lost[0][1] == (
        "1000 bytes, and 999 are allowed"
    )
    with pytest.raises(InvalidInputError, match=r"none of 2 plans .* jpeg:60: miou 0.2.*ask for"):
        decide([poor, good], Wish(at_least={"miou": 0.5}))
    with pytest.raises(InvalidInputError, match="objective 'speed'"):
        Wish("speed")


def test_ties_go_to_the_quicker(made):
    slow = made.estimate(codec="a", ms=20, size=5)
    quick = made.estimate(codec="b", ms=10, size=5)
    decision = decide([slow, quick], Wish("bytes"))
    assert decision.best is quick
    assert decision.lost[0][1] == "as good, and 10.0 ms slower"


def test_the_front(made):
    """Nothing beats a; b is beaten by a; c is slower and better; d knows less than a."""
    a = made.estimate(codec="a", ms=10, joules=1, size=10, miou=0.3)
    b = made.estimate(codec="b", ms=11, joules=1, size=10, miou=0.3)
    c = made.estimate(codec="c", ms=12, joules=2, size=20, miou=0.4)
    d = made.estimate(codec="d", ms=10, joules=1, size=10)
    assert pareto([a, b, c, d]) == [a, c]
    twin = made.estimate(codec="twin", ms=10, joules=1, size=10, miou=0.3)
    assert pareto([a, twin]) == [a, twin]
    assert pareto([]) == []
