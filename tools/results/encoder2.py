"""The paper's Encoder2 at a scale that a CPU carries."""

from __future__ import annotations

from common import (
    MEASURES,
    PAPER_POINTS,
    RESULTS,
    cell,
    family,
    fewest_table,
    measures,
    shown,
    table,
)

from cofeat.evaluation.bd import bd_rate
from cofeat.evaluation.points import Curve, load_curve, select_codecs

FOLDER = RESULTS / "small-encoder2"
ARMS = ("baseline", "proposed")


def pair_table() -> str:
    """Return proposed against baseline."""
    baseline, proposed = (_load(arm, arm) for arm in ARMS)
    rows = []
    for title, points in (
        ("PNG, JPEG 95 to 80", PAPER_POINTS),
        ("PNG, JPEG 98 to 20", baseline.codecs),
    ):
        pair = (select_codecs(baseline, points), select_codecs(proposed, points))
        rows.append([title, *(cell(bd_rate(*pair, "bpp", m, "pchip")) for m in MEASURES)])
    return table(["BD-rate of proposed against baseline", *MEASURES.values()], rows)


def points_table() -> str:
    """Return what the features cost as PNG and what they keep."""
    rows = []
    for arm in ARMS:
        png = family(_load(arm, arm), "png").columns
        values = {key: column[0] for key, column in png.items()}
        rows.append([arm, f"{values['mean_bytes']:,.0f}", *measures(values)])
    return table(["arm", "bytes, PNG", *MEASURES.values()], rows)


def beyond_table() -> str:
    """Return Encoder2's bottleneck against its proposed arm and against the coded picture."""
    rate = _load("rate", "rate")
    anchors = {"the proposed arm with PNG and JPEG": _load("proposed", "proposed")}
    anchors |= {f"{shown(of)} of the picture": of for of in _pictures()}
    rows = [
        [name, *(cell(bd_rate(of, rate, "mean_bytes", m, "pchip")) for m in MEASURES)]
        for name, of in anchors.items()
    ]
    return table(["BD-rate of the bottleneck against", *MEASURES.values()], rows)


def deciding_table() -> str:
    """Return the fewest bytes of Encoder2's features and of coded pictures that keep accuracy."""
    columns = _load("pictures", "mobile").columns
    reference = {measure: columns[measure][0] for measure in MEASURES}
    ways = [("features, learned bottleneck", _load("rate", "rate"))]
    ways += [(f"the picture, {shown(of)}", of) for of in _pictures()]
    return fewest_table(ways, reference)


def _load(folder: str, name: str) -> Curve:
    return load_curve(FOLDER / folder / f"{name}.json")


def _pictures() -> list[Curve]:
    return [_load("pictures", f"cloud-{kind}") for kind in ("jpeg", "webp", "avif")]
