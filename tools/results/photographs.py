"""Photographs that no model saw: what they cost beside street scenes."""

from __future__ import annotations

import json

from common import RESULTS, table

MODELS = {
    "streets-mobile-baseline": "features, baseline",
    "streets-mobile-proposed": "features, proposed",
    "streets-mobile": "features, learned bottleneck",
    "streets-mobile-pictures": "the picture",
}


def photographs_table() -> str:
    """Return bytes of street scenes and of photographs, and how many pixels keep their class."""
    found = json.loads((RESULTS / "photographs.json").read_text(encoding="utf-8"))
    rows = []
    for row in found["rows"]:
        streets, photographs = row["streets"], row["photographs"]
        more = 100 * (photographs["mean_bytes"] / streets["mean_bytes"] - 1)
        rows.append(
            [
                f"{MODELS[row['model']]}: `{row['codec']}`",
                f"{streets['mean_bytes']:,.0f}",
                f"{photographs['mean_bytes']:,.0f} ({more:+.0f} %)",
                f"{100 * streets['same_class']:.1f} %",
                f"{100 * photographs['same_class']:.1f} %",
            ]
        )
    head = ["what is sent", "bytes, streets", "bytes, photographs",
            "same class, streets", "same class, photographs"]  # fmt: skip
    return table(head, rows)
