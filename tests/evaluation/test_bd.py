from __future__ import annotations

import math
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from cofeat.errors import InvalidInputError, MissingPackageError
from cofeat.evaluation.bd import bd_rate
from cofeat.evaluation.points import Curve, PerImage, curve_from_figures, load_curves


def curve(name: str, rates, values, codecs=None, rate="bpfe") -> Curve:
    codecs = codecs or tuple(f"c:{index}" for index in range(len(rates)))
    return Curve(name, "", tuple(codecs), {rate: tuple(rates), "miou": tuple(values)})


ANCHOR = curve("anchor", [1, 2, 3, 4, 5], [0.30, 0.40, 0.46, 0.50, 0.52])
TEST = curve("test", [0.5, 1, 1.5, 2, 2.5], [0.30, 0.40, 0.46, 0.50, 0.52])


@pytest.mark.parametrize(
    ("measure", "percent"), [("miou", -20.68), ("irmse", -5.15), ("psnr_db", -6.09)]
)
def test_released_figures(released, measure, percent):
    curves = load_curves(released, by="arm")
    result = bd_rate(curves["baseline"], curves["proposed"], "bpfe", measure)
    assert round(result.bd_rate_percent, 2) == percent
    assert (result.anchor_points, result.test_points) == (5, 5)
    assert result.interval_percent is None


def test_half_the_bits_at_equal_accuracy():
    result = bd_rate(ANCHOR, TEST)
    assert result.bd_rate_percent == pytest.approx(-50)
    assert result.overlap == 1
    assert result.notes == ()
    assert (result.anchor, result.test) == ("anchor", "test")
    assert (result.rate, result.measure) == ("bpfe", "miou")


def test_the_other_way_round_is_the_inverse():
    assert bd_rate(TEST, ANCHOR).bd_rate_percent == pytest.approx(100)


def test_order_of_points_does_not_matter():
    shuffled = curve("test", [1.5, 0.5, 2.5, 2, 1], [0.46, 0.30, 0.52, 0.50, 0.40])
    assert bd_rate(ANCHOR, shuffled).bd_rate_percent == pytest.approx(-50)


def test_point_that_costs_more_and_is_no_better_is_left_out_and_told():
    codecs = ("jpeg:20", "jpeg:40", "jpeg:60", "jpeg:80", "jpeg:95", "png")
    values = (*ANCHOR.columns["miou"], 0.51)
    wasteful = curve("wasteful", [1, 2, 3, 4, 5, 6], values, codecs)
    result = bd_rate(wasteful, TEST)
    assert result.anchor_points == 5
    assert result.bd_rate_percent == pytest.approx(-50)
    assert result.notes == (
        "wasteful: left out png: 6 bpfe for miou 0.51, no better than jpeg:95, 5 for 0.52",
    )


def test_points_without_a_logarithm_are_left_out_and_told():
    odd = curve("odd", [0, 1, 2, 3, 4, 5, 6], [0.2, *ANCHOR.columns["miou"], math.nan])
    result = bd_rate(odd, TEST)
    assert result.anchor_points == 5
    assert result.notes == (
        "odd: left out c:0, whose bpfe is 0 and miou 0.2",
        "odd: left out c:6, whose bpfe is 6 and miou nan",
    )


def test_weak_overlap_is_told():
    above = curve("above", [1, 2, 3, 4], [0.45, 0.55, 0.65, 0.70])
    result = bd_rate(ANCHOR, above)
    assert math.isfinite(result.bd_rate_percent)
    assert result.overlap == pytest.approx(0.07 / 0.40)
    assert any("weak overlap: 18 % of the range of miou" in note for note in result.notes)


def test_no_overlap_is_no_figure():
    above = curve("above", [1, 2, 3, 4], [0.6, 0.7, 0.8, 0.9])
    result = bd_rate(ANCHOR, above)
    assert math.isnan(result.bd_rate_percent)
    assert result.overlap == 0
    assert result.notes == ("the curves have no range of miou in common: no BD-rate",)


def test_too_few_points_are_told():
    few = curve("few", [1, 2, 3], [0.3, 0.4, 0.5])
    result = bd_rate(ANCHOR, few)
    assert math.isnan(result.bd_rate_percent)
    assert result.notes == (
        "few: only 3 points, fewer than 4",
        "too few points for the cubic fit: no BD-rate; sweep more settings",
    )
    result = bd_rate(ANCHOR, few, method="pchip")
    assert math.isfinite(result.bd_rate_percent)
    assert result.notes == ("few: only 3 points, fewer than 4",)


def test_nothing_left_is_no_figure():
    result = bd_rate(ANCHOR, curve("mobile", [0.0], [0.5]))
    assert math.isnan(result.bd_rate_percent)
    assert result.test_points == 0


def test_fit_that_is_not_monotone_is_told():
    bent = curve("bent", [1, 1.01, 1.02, 8, 8.1], [0.30, 0.33, 0.45, 0.47, 0.52])
    grid = np.linspace(0.30, 0.52, 500)
    fit = np.polyval(np.polyfit(bent.columns["miou"], np.log10(bent.columns["bpfe"]), 3), grid)
    assert np.diff(fit).min() < 0  # the case is what it says
    cubic, pchip = (bd_rate(ANCHOR, bent, method=method) for method in ("cubic", "pchip"))
    assert any("bent: the cubic fit is not monotone" in note for note in cubic.notes)
    assert not any("monotone" in note for note in pchip.notes)


def test_fits_on_nearly_equal_points_warn_nobody():
    close = curve("close", [1, 2, 3, 4], [0.3, 0.3 + 1e-16, 0.3 + 2e-16, 0.52])
    assert bd_rate(ANCHOR, close).notes


def test_interval_holds_the_figure_and_is_repeatable(make_curve):
    anchor, test = make_curve("anchor"), make_curve("test", 0.8)
    noisy = np.random.default_rng(1).uniform(0.7, 1.3, test.per_image.bytes.shape[1])

    per_image = replace(test.per_image, bytes=(test.per_image.bytes * noisy).astype(np.int64))
    test = curve_from_figures("test", "", test.codecs, per_image, test.tasks, {})
    for measure in ("miou", "irmse", "psnr_db"):
        result = bd_rate(anchor, test, "bpfe", measure)
        low, high = result.interval_percent
        assert low < result.bd_rate_percent < high
        assert high - low > 1
        assert result == bd_rate(anchor, test, "bpfe", measure)
        assert (
            result.interval_percent
            != bd_rate(anchor, test, measure=measure, seed=1).interval_percent
        )


def test_interval_of_a_constant_saving_is_narrow(make_curve):
    """Images are resampled together: what both curves share cancels out."""
    result = bd_rate(make_curve("anchor"), make_curve("test", 0.8), resamples=300)
    low, high = result.interval_percent
    assert low == pytest.approx(-20, abs=0.05)
    assert high == pytest.approx(-20, abs=0.05)


def test_interval_is_near_that_of_a_known_distribution():
    """Rates alone vary: BD is then the ratio of summed bytes, whose spread is known."""

    rng = np.random.default_rng(0)
    images = 400
    psnr = np.linspace(25, 35, 5)[:, None].repeat(images, axis=1)
    base = np.exp(np.linspace(0, 2, 5))[:, None] * np.full(images, 10_000.0)
    factor = rng.normal(0.8, 0.1, images)
    sides = []
    for name, sizes in (("anchor", base), ("test", base * factor)):
        per_image = PerImage(
            names=tuple(map(str, range(images))),
            bytes=np.rint(sizes).astype(np.int64),
            elements=np.full(images, 1000),
            pixels=np.full(images, 1000),
            figures={"reconstruction": psnr},
        )
        sides.append(
            curve_from_figures(name, "", tuple("abcde"), per_image, ("reconstruction",), {})
        )
    result = bd_rate(*sides, measure="psnr_db", resamples=2000)
    spread = 100 * 1.96 * factor.std() / math.sqrt(images)
    low, high = result.interval_percent
    assert result.bd_rate_percent == pytest.approx(100 * (factor.mean() - 1), abs=0.01)
    assert (high - low) / 2 == pytest.approx(spread, rel=0.1)


def test_why_there_is_no_interval_is_told(make_curve):
    anchor = make_curve("anchor")
    without = replace(make_curve("test", 0.8), per_image=None)
    assert bd_rate(anchor, without).notes == (
        "no interval: one curve has no figures of single images",
    )
    others = make_curve("test", 0.8, images=29)
    assert bd_rate(anchor, others).notes == ("no interval: the curves are of different images",)
    assert bd_rate(anchor, make_curve("test", 0.8), resamples=0).interval_percent is None


def test_undefined_resamples_are_told(make_curve):
    anchor = make_curve("anchor", images=4)
    test = make_curve("test", 0.8, images=4, points=4)
    # Four rising points in the mean; the second falls behind unless images 0 and 1 balance.
    psnr = np.array([[24.0], [25.0], [26.0], [27.0]]).repeat(4, axis=1)
    psnr[1, :2] += [20, -20]
    per_image = replace(test.per_image, figures={**test.per_image.figures, "reconstruction": psnr})
    test = curve_from_figures("test", "", test.codecs, per_image, test.tasks, {})
    result = bd_rate(anchor, test, measure="psnr_db", resamples=200)
    assert math.isfinite(result.bd_rate_percent)
    told = [note for note in result.notes if "of 200 resamples have no BD-rate" in note]
    assert len(told) == 1
    # Images 0 and 1 are drawn equally often in 70 of the 256 draws.
    assert int(told[0].split()[0]) / 200 == pytest.approx(1 - 70 / 256, abs=0.1)


def test_curves_of_the_usual_size_take_seconds(make_curve):
    anchor = make_curve("anchor", images=150, points=10)
    test = make_curve("test", 0.8, images=150, points=10)
    bd_rate(anchor, test, resamples=1)  # imports
    start = time.process_time()
    for measure in ("miou", "irmse", "psnr_db"):
        bd_rate(anchor, test, measure=measure, resamples=1000)
    # About 1 s; the bound leaves room for a slow machine, not for a loop over images.
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"measure": "mio"}, "no figures 'mio': it has bpfe, miou.*Did you mean 'miou'"),
        ({"rate": "bpp"}, "no figures 'bpp'"),
        ({"method": "cubik"}, "no BD method 'cubik': use one of cubic, pchip, akima.*'cubic'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        bd_rate(ANCHOR, TEST, **arguments)


def test_column_of_nothing_is_no_column():
    picture = curve("picture", [math.nan] * 5, ANCHOR.columns["miou"])
    with pytest.raises(InvalidInputError, match="'picture' has no figures 'bpfe': it has miou"):
        bd_rate(ANCHOR, picture)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "bjontegaard", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'cofeat\[train\]'"):
        bd_rate(ANCHOR, TEST)
