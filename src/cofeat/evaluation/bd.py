"""Bjontegaard's delta rate: how many bits one curve saves against another at equal accuracy.

::

    points ── usable? ── cheaper than all that are no worse? ── fit log rate over the measure
                                                                       │ both curves
                   percent ◄── mean difference over the common range ◄─┘

Whatever makes the figure doubtful is told in the notes of the result.

Source: G. Bjontegaard, "Calculation of average PSNR differences between
RD-curves", VCEG-M33, 2001; the fits are those of the package ``bjontegaard``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cofeat.errors import InvalidInputError
from cofeat.evaluation.bd_fit import (
    ENOUGH_POINTS,
    METHODS,
    BoolArray,
    Float64Array,
    Points,
    defined,
    frontier,
    percent_and_notes,
    percent_of,
    range_overlap,
    usable_points,
)
from cofeat.evaluation.points import RATES, Curve
from cofeat.evaluation.resampling import draw_counts, resampled_measure, resampled_rates
from cofeat.registry import nearest
from cofeat.tasks import load_task

# Below this the figure speaks of a minor part of the curves.
WEAK_OVERLAP = 0.5
# From this share of resamples without a figure on, the interval speaks of the others alone.
MANY_UNDEFINED = 0.05
_INTERVAL = (2.5, 97.5)


@dataclass(frozen=True)
class BdResult:
    """One BD-rate.

    Args:
        anchor: name of the curve that is compared with.
        test: name of the curve that is judged.
        rate: e.g. ``"bpfe"``.
        measure: e.g. ``"miou"``.
        bd_rate_percent: negative = the test saves bits; NaN where there is none.
        interval_percent: 95 % of bootstrap resamples of the images, or None.
        overlap: of the two ranges of the measure, intersection over union, 0 ... 1.
        anchor_points: how many points of the anchor were used.
        test_points: how many of the test.
        notes: whatever makes the figure doubtful, one sentence each.
    """

    anchor: str
    test: str
    rate: str
    measure: str
    bd_rate_percent: float
    interval_percent: tuple[float, float] | None
    overlap: float
    anchor_points: int
    test_points: int
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them, null where there is no BD-rate."""
        fields = dataclasses.asdict(self)
        if math.isnan(self.bd_rate_percent):
            fields["bd_rate_percent"] = None
        return fields


def bd_rate(
    anchor: Curve,
    test: Curve,
    rate: str = "bpfe",
    measure: str = "miou",
    method: str = "cubic",
    resamples: int = 1000,
    seed: int = 0,
) -> BdResult:
    """Compare two curves.

    Args:
        anchor: the curve that is compared with.
        test: the curve that is judged.
        rate: column of the rate.
        measure: column of the measure, higher is better.
        method: "cubic" (one polynomial, the classic), "pchip" or "akima" (through all points).
        resamples: of the bootstrap over images; 0 for none.
        seed: of the bootstrap.

    Raises:
        InvalidInputError: no such column or method.
        MissingPackageError: the package bjontegaard is not installed.
    """
    if method not in METHODS:
        raise InvalidInputError(
            f"there is no BD method '{method}': use one of {', '.join(METHODS)}."
            + nearest(method, METHODS)
        )
    notes: list[str] = []
    points: list[Points] = []
    for curve in (anchor, test):
        rates, values = _column(curve, rate), _column(curve, measure)
        keep = frontier(rates[None], values[None])[0]
        notes += _left_out(curve, rates, values, keep, rate, measure)
        order = np.flatnonzero(keep)[np.argsort(values[keep])]
        points.append((rates[order], values[order]))
    overlap = range_overlap(points[0][1], points[1][1])
    notes += _doubts((anchor, test), points, overlap, measure, method)
    percent, fit_notes = percent_and_notes(points[0], points[1], method, (anchor.name, test.name))
    notes += fit_notes
    interval = None
    if resamples and math.isfinite(percent):
        interval, doubt = _bootstrap(anchor, test, rate, measure, method, resamples, seed)
        notes += doubt
    return BdResult(
        anchor=anchor.name,
        test=test.name,
        rate=rate,
        measure=measure,
        bd_rate_percent=percent,
        interval_percent=interval,
        overlap=overlap,
        anchor_points=points[0][1].size,
        test_points=points[1][1].size,
        notes=tuple(notes),
    )


def _column(curve: Curve, name: str) -> Float64Array:
    """Return one value a point.

    Raises:
        InvalidInputError: the curve has no such column, or nothing in it.
    """
    known = [key for key, column in curve.columns.items() if not np.all(np.isnan(column))]
    if name not in known:
        raise InvalidInputError(
            f"curve '{curve.name}' has no figures '{name}': it has {', '.join(known)}."
            + nearest(name, known)
        )
    return np.array(curve.columns[name], dtype=np.float64)


def _left_out(
    curve: Curve, rates: Float64Array, values: Float64Array, keep: BoolArray, rate: str, name: str
) -> list[str]:
    """Say which points were left out, and why."""
    notes = []
    usable = usable_points(rates, values)
    for point in np.flatnonzero(~keep):
        label = f"{curve.name}: left out {curve.codecs[point] or f'point {point + 1}'}"
        if not usable[point]:
            notes.append(f"{label}, whose {rate} is {rates[point]:g} and {name} {values[point]:g}")
            continue
        better = keep & (rates <= rates[point]) & (values >= values[point])
        winner = int(np.flatnonzero(better)[0])
        notes.append(
            f"{label}: {rates[point]:.4g} {rate} for {name} {values[point]:.4g}, no better than "
            f"{curve.codecs[winner] or f'point {winner + 1}'}, "
            f"{rates[winner]:.4g} for {values[winner]:.4g}"
        )
    return notes


def _doubts(
    curves: tuple[Curve, Curve],
    points: Sequence[Points],
    overlap: float,
    measure: str,
    method: str,
) -> list[str]:
    """Say what makes a figure doubtful before any fit."""
    notes = [
        f"{curve.name}: only {values.size} point{'s' * (values.size != 1)}, "
        f"fewer than {ENOUGH_POINTS}"
        for curve, (_, values) in zip(curves, points, strict=True)
        if values.size < ENOUGH_POINTS
    ]
    if overlap == 0:
        notes.append(f"the curves have no range of {measure} in common: no BD-rate")
    elif not defined(points[0][1], points[1][1], method):
        notes.append(f"too few points for the {method} fit: no BD-rate; sweep more settings")
    elif overlap < WEAK_OVERLAP:
        notes.append(
            f"weak overlap: {100 * overlap:.0f} % of the range of {measure}, "
            f"under {100 * WEAK_OVERLAP:.0f} %; sweep more settings"
        )
    return notes


def _bootstrap(
    anchor: Curve,
    test: Curve,
    rate: str,
    measure: str,
    method: str,
    resamples: int,
    seed: int,
) -> tuple[tuple[float, float] | None, list[str]]:
    """Resample the images of both curves together, and return the interval of the BD-rate.

    Every resample's curves are made anew: rates, measures, and which points count.
    """
    first, second = anchor.per_image, test.per_image
    if first is None and second is None:
        return None, []
    if first is None or second is None:
        return None, ["no interval: one curve has no figures of single images"]
    if first.names != second.names:
        return None, ["no interval: the curves are of different images"]
    tasks = [task for task in anchor.tasks if load_task(task).measure == measure]
    if not tasks or tasks[0] not in test.tasks or rate not in RATES:
        return None, [f"no interval: no figures of single images for {measure} over {rate}"]
    counts = draw_counts(len(first.names), resamples, seed)
    sides = []
    for per_image in (first, second):
        rates = resampled_rates(per_image, rate, counts)
        values = resampled_measure(per_image, tasks[0], counts)
        sides.append(_sorted_frontiers(rates, values))
    percents = np.array([percent_of(a, b, method) for a, b in zip(*sides, strict=True)])
    finite = percents[np.isfinite(percents)]
    notes = []
    if finite.size < (1 - MANY_UNDEFINED) * resamples:
        notes.append(
            f"{resamples - finite.size} of {resamples} resamples have no BD-rate; "
            "the interval is of the others"
        )
    if not finite.size:
        return None, notes
    low, high = np.percentile(finite, _INTERVAL)
    return (float(low), float(high)), notes


def _sorted_frontiers(rates: Float64Array, values: Float64Array) -> list[Points]:
    """Return the curve of every resample, (R, P) each: the points that count, ascending."""
    keep = frontier(rates, values)
    # What is left out is sorted to the end.
    order = np.argsort(np.where(keep, values, np.inf), axis=1)
    rates, values = np.take_along_axis(rates, order, 1), np.take_along_axis(values, order, 1)
    kept = keep.sum(axis=1)
    return [(rates[row, :count], values[row, :count]) for row, count in enumerate(kept)]
