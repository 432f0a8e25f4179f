"""The paper's claim: what L_c saves, over pressures, noises, seeds and cuts."""

from __future__ import annotations

import json
from typing import Any

from common import MEASURES, RESULTS, measures, table

CUTS = {"stride8": "8", "stride16": "16"}
POINTS = {"paper": "PNG, JPEG 95 to 80", "wide": "PNG, JPEG 98 to 20"}
# What the last word of a noise's name says beside its steps.
ALSO = {
    "reconstruction": ", reconstruction weighs double",
    "on": ", on from one baseline",
}


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


def origin_line() -> str:
    """Return where the figures come from."""
    found = _found()
    about, commits = found["provenance"], {str(row["commit"]) for row in found["rows"]}
    return (
        f"`{about['command']}`, {about['date'][:10]}, commits {', '.join(sorted(commits))}, two "
        f"cores of an {about['machine']['processor']} with other work beside it.\n"
    )


def _found() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / "paper-claim.json").read_text(encoding="utf-8"))
    return found


def _noise(row: dict[str, Any]) -> str:
    """Return how wide the noise is, and what else sets the pair apart."""
    least, most = row["steps"]
    steps = f"{least}" if least == most else f"{least} to {most}"
    return steps + ALSO.get(row["noise"].rpartition("-")[2], "")


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
