"""The paper's Encoder2 at a scale that a CPU carries."""

from __future__ import annotations

from common import MEASURES, PAPER_POINTS, bd_cells, family, measures, point, table
from study import Study

from cofeat.evaluation.points import select_codecs

STUDY = Study("small-encoder2")
ARMS = ("baseline", "proposed")


def pair_table() -> str:
    """Return proposed against baseline."""
    baseline, proposed = (STUDY.curve(arm, arm) for arm in ARMS)
    sweeps = {"PNG, JPEG 95 to 80": PAPER_POINTS, "PNG, JPEG 98 to 20": baseline.codecs}
    rows = [
        [title, *bd_cells(select_codecs(baseline, points), select_codecs(proposed, points))]
        for title, points in sweeps.items()
    ]
    return table(["BD-rate of proposed against baseline", *MEASURES.values()], rows)


def points_table() -> str:
    """Return what the features cost as PNG and what they keep."""
    rows = []
    for arm in ARMS:
        png = point(family(STUDY.curve(arm, arm), "png"), 0)
        rows.append([arm, f"{png['mean_bytes']:,.0f}", *measures(png)])
    return table(["arm", "bytes, PNG", *MEASURES.values()], rows)
