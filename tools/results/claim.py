"""The paper's claim: what L_c saves, over pressures, noises, seeds and cuts."""

from __future__ import annotations

import json
from typing import Any

from common import MEASURES, RESULTS, measures, table

CUTS = {"stride8": "8", "stride16": "16"}
POINTS = {"paper": "PNG, JPEG 95 to 80", "wide": "PNG, JPEG 98 to 20"}
NOISES = {
    "plain": "1",
    "16": "1 to 16",
    "16-reconstruction": "1 to 16, reconstruction weighs double",
    "16-on": "1 to 16, on from one baseline",
    "32": "4 to 32",
    "32-on": "4 to 32, on from one baseline",
    "64": "8 to 64",
}


def claim_table() -> str:
    """Return every pair: what PNG of it costs and keeps, and the BD-rates over both sweeps."""
    rows = []
    for row in json.loads((RESULTS / "paper-claim.json").read_text(encoding="utf-8"))["rows"]:
        points = row["points"]
        png = {key: column[points["codec"].index("png")] for key, column in points.items()}
        pressure = "no L_c" if row["pressure"] is None else f"{row['pressure']:g}"
        cells = [CUTS[row["cut"]], str(row["seed"]), NOISES[row["noise"]], pressure]
        cells += [f"{png['bpfe']:.2f}", *measures(png)]
        cells += [_three(row["bd"][key]) if "bd" in row else "" for key in POINTS]
        rows.append(cells)
    names = ", ".join(MEASURES.values())
    head = ["cut at stride", "seed", "noise, steps", "pressure", "bits/element, PNG"]
    head += [*MEASURES.values(), *(f"BD-rate, {points}: {names}" for points in POINTS.values())]
    return table(head, rows)


def origin_line() -> str:
    """Return where the figures come from."""
    found = json.loads((RESULTS / "paper-claim.json").read_text(encoding="utf-8"))
    about, commits = found["provenance"], {str(row["commit"]) for row in found["rows"]}
    return (
        f"`{about['command']}`, {about['date'][:10]}, commits {', '.join(sorted(commits))}, two "
        f"cores of an {about['machine']['processor']} with other work beside it.\n"
    )


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
