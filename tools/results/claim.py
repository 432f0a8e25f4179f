"""The paper's claim: what L_c saves, over pressures, noises, seeds and cuts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from statistics import fmean
from typing import Any

from common import MEASURES, RESULTS, bd_cells, measures, table

from cofeat.evaluation.points import Curve

CUTS = {"stride8": "8", "stride16": "16"}
POINTS = {"paper": "PNG, JPEG 95 to 80", "wide": "PNG, JPEG 98 to 20"}
# What the words of a noise's name say beside its steps, of both arms or of the proposed alone.
BOTH = {
    "reconstruction": ", reconstruction weighs double",
    "on": ", on from one baseline",
    "both": ", segmentation weighs double, reconstruction 1.7 times as much in both",
}
PROPOSED = {
    "reconstruction12": ", reconstruction weighs 1.2 times as much",
    "bits": ", L_c in bits",
    "weights14": ", segmentation weighs double, reconstruction 1.4 times as much",
    "weights17": ", segmentation weighs double, reconstruction 1.7 times as much",
}

# The noise and weights of the proposed arm that gain in all three tasks, and what is compared with.
CHOSEN = "32-weights17"
ANCHORS = {("32", CHOSEN): "0.5, 0.5, 0.5", ("32-both",): "as in the proposed arm"}


def claim_table() -> str:
    """Return every pair: what PNG of it costs and keeps, and the BD-rates over both sweeps."""
    rows = []
    for row in _found()["rows"]:
        points = row["points"]
        png = {key: column[points["codec"].index("png")] for key, column in points.items()}
        pressure = "no L_c" if row["pressure"] is None else f"{row['pressure']:g}"
        cells = [CUTS[row["cut"]], str(row["seed"]), _noise(row), pressure]
        cells += [f"{png['bpfe']:.2f}", *measures(png)]
        cells += [_three(row["bd"][key]) if "bd" in row else "" for key in POINTS]
        rows.append(cells)
    names = ", ".join(MEASURES.values())
    head = ["cut at stride", "seed", "noise, steps", "pressure", "bits/element, PNG"]
    head += [*MEASURES.values(), *(f"BD-rate, {points}: {names}" for points in POINTS.values())]
    return table(head, rows)


def reached_table() -> str:
    """Return the BD-rates of the chosen noise and weights: each seed, and the mean curves."""
    rows = []
    for cut, title in CUTS.items():
        for anchor_noises, title_of_anchor in ANCHORS.items():
            pairs = _pairs(cut, anchor_noises)
            for seed, (anchor, test) in pairs.items():
                rows.append([title, title_of_anchor, str(seed), *bd_cells(anchor, test)])
            if len(pairs) > 1:
                means = [_mean(curves) for curves in zip(*pairs.values(), strict=True)]
                rows.append([title, title_of_anchor, f"mean of {len(pairs)}", *bd_cells(*means)])
    head = ["cut at stride", "weights of the baseline", "seed", *MEASURES.values()]
    return table(head, rows)


def _pairs(cut: str, anchor_noises: tuple[str, ...]) -> dict[int, tuple[Curve, Curve]]:
    """Return seed -> (baseline, proposed) of the chosen noise and weights."""
    baselines, proposed = {}, {}
    for row in _found()["rows"]:
        if row["cut"] != cut:
            continue
        curve = Curve("", "", tuple(row["points"]["codec"]), _columns(row["points"]))
        if row["pressure"] is None and row["noise"] in anchor_noises:
            baselines[row["seed"]] = curve
        if row["pressure"] and row["noise"] == CHOSEN:
            proposed[row["seed"]] = curve
    return {seed: (baselines[seed], proposed[seed]) for seed in proposed if seed in baselines}


def _columns(points: dict[str, Any]) -> dict[str, tuple[float, ...]]:
    return {key: tuple(column) for key, column in points.items() if key != "codec"}


def _mean(curves: Sequence[Curve]) -> Curve:
    """Return the curve whose every point is the mean over curves of the same codecs."""
    columns = {
        key: tuple(map(fmean, zip(*(curve.columns[key] for curve in curves), strict=True)))
        for key in curves[0].columns
    }
    return replace(curves[0], columns=columns)


def origin_line() -> str:
    """Return where the figures come from."""
    found = _found()
    about, commits = found["provenance"], {str(row["commit"]) for row in found["rows"]}
    return (
        f"`{about['command']}`, {about['date'][:10]}, commits {', '.join(sorted(commits))}, two "
        f"cores of an {about['machine']['processor']} with other work beside it.\n"
    )


@cache
def _found() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / "paper-claim.json").read_text(encoding="utf-8"))
    return found


def _noise(row: dict[str, Any]) -> str:
    """Return how wide the noise is, and what else sets the pair apart."""
    least, most = row["steps"]
    steps = f"{least}" if least == most else f"{least} to {most}"
    told = BOTH if row["pressure"] is None else BOTH | PROPOSED
    return steps + "".join(told.get(word, "") for word in row["noise"].split("-"))


def _three(rates: list[dict[str, Any]]) -> str:
    return "; ".join(map(_short, rates))


def _short(rate: dict[str, Any]) -> str:
    """Return a BD-rate with its interval, or which curve is above where there is no overlap."""
    percent = rate["bd_rate_percent"]
    if percent is None:
        return f"all {rate['all']}" if rate["all"] else "too few"
    if rate["interval_percent"] is None:
        return f"{percent:+.0f} %"
    low, high = rate["interval_percent"]
    return f"{percent:+.0f} % ({low:+.0f} to {high:+.0f})"
