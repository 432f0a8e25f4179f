"""Plans that change when they should, and rest when they need not."""

from __future__ import annotations

import pytest

from cofeat.errors import InvalidInputError
from cofeat.planner.choose import Wish
from cofeat.planner.follow import Follower, Steadiness
from cofeat.planner.link import LinkModel


def follow(made, split_ms, mobile_ms=100.0, wish=None, **steadiness):
    """Return the modes that a follower takes, as the split's latency goes through a list."""
    now = {}

    def estimates(_):
        return [
            made.estimate("split", "png", ms=now["split"], miou=0.4),
            made.estimate("mobile", "none", ms=mobile_ms, size=0, miou=0.3),
        ]

    follower = Follower(estimates, wish or Wish(), Steadiness(**steadiness))
    modes = []
    for now["split"] in split_ms:
        modes.append(follower.choose(LinkModel(1.0, 1.0)).mode[0])
    return "".join(modes), follower.changes


def test_a_better_plan_is_taken_after_some_frames(made):
    assert follow(made, [50, 50, 120, 120, 120, 120, 50]) == ("ssssmmm", 1)


def test_a_single_slow_answer_changes_nothing(made):
    assert follow(made, [50, 200, 200, 50, 200, 200, 50]) == ("sssssss", 0)


def test_what_is_hardly_better_is_a_tie(made):
    # Of 117 ms, 15 % are 17.55: mobile's 100 are above 99.45; of 118 ms they are below.
    assert follow(made, [50, *[117] * 20]) == ("s" * 21, 0)
    assert follow(made, [50, *[118] * 3]) == ("sssm", 1)


def test_up_and_down_within_the_margin_does_not_flutter(made):
    assert follow(made, [90, 110] * 50) == ("s" * 100, 0)
    assert follow(made, [110, 90] * 50) == ("m" * 100, 0)


def test_a_plan_that_no_longer_will_do_is_left_at_once(made):
    wish = Wish("latency", max_ms=105.0)
    assert follow(made, [50, 106, 50, 50, 50], wish=wish) == ("smmms", 2)


def test_where_nothing_will_do_the_best_of_all_is_taken(made):
    assert follow(made, [50], wish=Wish(at_least={"miou": 0.9})) == ("s", 0)


def test_steadiness_is_a_choice(made):
    assert follow(made, [50, 101], margin=0.0, frames=1) == ("sm", 1)
    with pytest.raises(InvalidInputError, match="a margin of 1"):
        Steadiness(margin=1.0)
    with pytest.raises(InvalidInputError, match="0 frames"):
        Steadiness(frames=0)
