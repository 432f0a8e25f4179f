import math

import pytest

from cofeat.evaluation.points import Curve
from cofeat.evaluation.report import findings

NAN = float("nan")


def curve(name, sizes, values):
    return Curve(
        name=name,
        description="",
        codecs=tuple(f"jpeg:{k}" for k in range(len(sizes))),
        columns={"mean_bytes": tuple(sizes), "miou": tuple(values)},
        tasks=("segmentation",),
        per_image=None,
        provenance={},
    )


def curves(*parts, uncoded=0.5):
    known = {part.name: part for part in parts}
    if uncoded is not None:
        known["mobile"] = curve("mobile", [0.0], [uncoded])
    return known


def test_points_that_a_cheaper_one_equals_or_beats_are_left_out():
    assert findings.efficient_points([4, 1, 3, 2], [0.4, 0.1, 0.2, 0.2]) == [1, 3, 0]


def test_points_without_a_number_are_left_out():
    assert findings.efficient_points([1, NAN, 3], [NAN, 0.2, 0.3]) == [2]


def test_half_way_in_the_measure_is_the_geometric_mean_of_the_bytes():
    need = findings.bytes_to_reach(curve("a", [1000, 4000], [0.48, 0.50]), "miou", 0.49)
    assert need.bytes == pytest.approx(2000)
    assert not need.is_bound


def test_a_measured_point_needs_its_own_bytes():
    need = findings.bytes_to_reach(curve("a", [10, 20, 50], [0.1, 0.2, 0.3]), "miou", 0.2)
    assert need.bytes == pytest.approx(20)


def test_nothing_is_interpolated_beyond_the_points():
    points = curve("a", [1000, 4000], [0.48, 0.50])
    above = findings.bytes_to_reach(points, "miou", 0.51)
    assert not above.is_reached
    assert above.best == 0.50
    below = findings.bytes_to_reach(points, "miou", 0.40)
    assert below.bytes == 1000
    assert below.is_bound


def test_a_curve_without_the_measure_reaches_nothing():
    need = findings.bytes_to_reach(curve("a", [1], [1]), "psnr_db", 1.0)
    assert not need.is_reached
    assert math.isnan(need.best)


def test_the_target_is_the_uncoded_measure_less_one_percent():
    found = findings.compare_with_picture(
        curves(
            curve("proposed", [1000, 4000], [0.485, 0.505]),
            curve("baseline", [9000], [0.5]),
            curve("cloud-webp", [500, 2000], [0.485, 0.505]),
        ),
        "miou",
    )
    assert found.target == pytest.approx(0.495)
    assert found.features.curve == "proposed"
    assert found.ratio == pytest.approx(2.0)
    text = findings.describe_comparison(found)
    assert "need 2,000 bytes" in text
    assert "as WebP 1,000 bytes: the picture needs 2.0 times fewer." in text
    assert findings.factor(found) == "2.0× more"


def test_one_percent_less_than_a_negative_measure_is_below_it():
    assert findings.target_measure(curves(uncoded=-2.0), "miou") == pytest.approx(-2.02)


def test_without_an_uncoded_measure_the_target_is_the_best_that_both_reach():
    found = findings.compare_with_picture(
        curves(
            curve("proposed", [100, 400], [0.1, 0.3]),
            curve("cloud-jpeg", [800, 1600], [0.2, 0.4]),
            uncoded=None,
        ),
        "miou",
    )
    assert found.target == 0.3
    assert not found.is_uncoded
    # Half way from 0.2 to 0.4: sqrt(800 * 1600) = 1131 bytes, 2.83 times 400.
    assert "the features need 2.8 times fewer" in findings.describe_comparison(found)
    assert findings.factor(found) == "2.8× fewer"


def test_a_bound_of_the_winner_is_told_and_one_of_the_loser_leaves_it_open():
    far = curve("cloud-jpeg", [100, 200], [0.9, 0.95])
    near = curve("proposed", [1000, 4000], [0.485, 0.505])
    winner = findings.compare_with_picture(curves(near, far), "miou")
    assert "at most 100 bytes: the picture needs at least 20.0 times fewer" in (
        findings.describe_comparison(winner)
    )
    dear = curve("cloud-jpeg", [8000, 9000], [0.9, 0.95])
    loser = findings.compare_with_picture(curves(near, dear), "miou")
    assert loser.is_open
    assert "open" in findings.describe_comparison(loser)
    assert findings.describe_verdict([loser]).startswith("Not shown")


def test_the_verdict_counts_the_tasks_in_which_features_are_cheaper():
    near = curve("proposed", [1000, 4000], [0.485, 0.505])
    cheap = curve("cloud-webp", [500, 2000], [0.485, 0.505])
    dear = curve("cloud-webp", [5000, 20000], [0.485, 0.505])
    lost = findings.compare_with_picture(curves(near, cheap), "miou")
    won = findings.compare_with_picture(curves(near, dear), "miou")
    assert findings.describe_verdict([lost, lost]).startswith("No, not in any of the 2 tasks")
    assert findings.describe_verdict([won]).startswith("Yes, in the one task")
    assert "in 1 of 2 tasks (mIoU)" in findings.describe_verdict([won, lost])
    assert findings.describe_verdict([]) == ""


def bd(percent, interval=None):
    return {"measure": "miou", "bd_rate_percent": percent, "interval_percent": interval}


def test_a_bd_rate_in_words_says_the_direction_and_the_doubt():
    saved = findings.describe_bd(bd(-20.68, [-25.0, -15.5]))
    assert saved == (
        "at equal mIoU 20.7\u00a0% fewer bytes (95\u00a0% interval −25.0 to −15.5\u00a0%)"
    )
    assert "no difference" in findings.describe_bd(bd(3.0, [-1.0, 7.0]))
    assert "3.0\u00a0% more bytes" in findings.describe_bd(bd(3.0))
    assert "no figure" in findings.describe_bd(bd(None))


@pytest.mark.parametrize(
    ("value", "text"), [(-1.25, "−1.2"), (2.0, "+2.0"), (0.0, "0.0"), (-0.01, "0.0")]
)
def test_signs(value, text):
    assert findings.signed(value) == text


def test_the_papers_comparison_is_of_its_two_arms_where_both_are_there():
    """Any other network's features are no arm, though a page may have them beside the two."""
    measured = [
        curve(name, [1], [1]) for name in ("bottleneck", "proposed", "cloud-avif", "baseline")
    ]
    assert [each.name for each in findings.arm_curves(curves(*measured))] == [
        "proposed", "baseline",
    ]  # fmt: skip
    alone = findings.arm_curves(curves(*measured[:3]))
    assert [each.name for each in alone] == ["bottleneck", "proposed"]
