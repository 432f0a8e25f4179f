from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cofeat.evaluation.bd_fit import frontier, percent_of, range_overlap

POINTS = st.lists(
    st.tuples(
        st.sampled_from([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, np.nan, np.inf]),
        st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, np.nan, np.inf]),
    ),
    min_size=1,
    max_size=8,
)


@given(POINTS)
def test_frontier_is_what_no_point_beats(points):
    rates, values = np.array(points).T
    keep = frontier(rates[None], values[None])[0]
    usable = [np.isfinite(r) and r > 0 and np.isfinite(v) for r, v in points]
    for i, (rate, value) in enumerate(points):
        beaten = any(
            usable[j]
            and (other[0] <= rate and other[1] >= value)
            and (other != (rate, value) or j < i)
            for j, other in enumerate(points)
        )
        assert keep[i] == (usable[i] and not beaten)


@pytest.mark.parametrize(
    ("anchor", "test", "overlap"),
    [
        ([0, 2], [1, 3], 1 / 3),
        ([0, 4], [1, 2], 1 / 4),
        ([0, 1], [2, 3], 0),
        ([0, 1], [1, 2], 0),
        ([1, 1], [1, 1], 0),
        ([], [1, 2], 0),
        ([5, 9], [9, 5], 1),
    ],
)
def test_overlap(anchor, test, overlap):
    assert range_overlap(np.array(anchor, float), np.array(test, float)) == overlap


def by_the_formula(anchor, test):
    """Bjontegaard 2001 in plain numpy: cubics of log10 rate, integrated over the common range."""
    low, high = max(anchor[1].min(), test[1].min()), min(anchor[1].max(), test[1].max())
    areas = []
    for rates, values in (anchor, test):
        antiderivative = np.polyint(np.polyfit(values, np.log10(rates), 3))
        areas.append(np.polyval(antiderivative, high) - np.polyval(antiderivative, low))
    return (10 ** ((areas[1] - areas[0]) / (high - low)) - 1) * 100


@given(st.integers(0, 10_000), st.integers(4, 10), st.integers(4, 10))
def test_cubic_equals_the_formula(seed, anchor_points, test_points):
    rng = np.random.default_rng(seed)
    sides = []
    for count in (anchor_points, test_points):
        rates = np.cumsum(rng.uniform(0.2, 1.0, count))
        values = 0.5 + np.cumsum(rng.uniform(0.01, 0.05, count))
        sides.append((rates, values))
    if range_overlap(sides[0][1], sides[1][1]) > 0.2:
        np.testing.assert_allclose(percent_of(*sides, "cubic"), by_the_formula(*sides), rtol=1e-6)


@pytest.mark.parametrize("method", ["cubic", "pchip", "akima"])
def test_a_fifth_fewer_bits_everywhere(method):
    rates, values = np.array([1.0, 1.5, 2.5, 4.0, 7.0]), np.array([20.0, 24, 29, 33, 36])
    assert percent_of((rates, values), (0.8 * rates, values), method) == pytest.approx(-20)


def test_two_points_are_enough_for_a_line_but_no_cubic():
    anchor = (np.array([1.0, 4.0]), np.array([10.0, 20.0]))
    test = (np.array([0.5, 2.0]), np.array([10.0, 20.0]))
    assert np.isnan(percent_of(anchor, test, "cubic"))
    assert percent_of(anchor, test, "pchip") == pytest.approx(-50)
    assert percent_of(anchor, test, "akima") == pytest.approx(-50)
