"""A transform fitted to a frozen network, against what codes its features as they are."""

from __future__ import annotations

from common import MEASURES, PAPER_POINTS, RESULTS, bd_cells, family, measures, point, table

from cofeat.evaluation.points import load_curve, select_codecs

TRANSFORM = RESULTS / "quick-transform"


def transform_table() -> str:
    """Return lossy ways to send a frozen network's features, against JPEG of them."""
    rows = []
    for arm in ("baseline", "proposed"):
        of = load_curve(TRANSFORM / arm / "features" / f"{arm}.json")
        jpeg = select_codecs(of, PAPER_POINTS[1:])
        ways = {
            "a fitted transform, `cofeat-learned`": load_curve(
                TRANSFORM / arm / "transform" / "rate.json"
            ),
            "`cofeat-lossy`": family(of, "cofeat-lossy"),
            "AVIF": family(of, "avif"),
        }
        for name, way in ways.items():
            rows.append([arm, name, *bd_cells(jpeg, way)])
    return table(["arm", "BD-rate against JPEG 95 to 80", *MEASURES.values()], rows)


def transform_points_table() -> str:
    """Return points behind ``transform_table``: where curves hardly overlap they say more."""
    rows = []
    for arm in ("baseline", "proposed"):
        of = load_curve(TRANSFORM / arm / "features" / f"{arm}.json")
        fitted = load_curve(TRANSFORM / arm / "transform" / "rate.json")
        chosen = select_codecs(fitted, [f"cofeat-learned:{k}" for k in (8, 12, 16, 20)])
        for points in (select_codecs(of, PAPER_POINTS[1:]), chosen):
            for index, codec in enumerate(points.codecs):
                values = point(points, index)
                rows.append([arm, codec, f"{values['mean_bytes']:,.0f}", *measures(values)])
    return table(["arm", "codec", "bytes", *MEASURES.values()], rows)
