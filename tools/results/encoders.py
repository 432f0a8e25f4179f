"""The paper's two encoders at a scale that a CPU carries."""

from __future__ import annotations

from common import MEASURES, PAPER_POINTS, RESULTS, cell, family, fewest_table, shown, table

from cofeat.evaluation.bd import bd_rate
from cofeat.evaluation.points import Curve, load_curve, select_codecs

FOLDER = RESULTS / "small-encoders"
ENCODERS = {"encoder2": "Encoder2 (256x8x16)", "encoder1": "Encoder1 (512x4x8)"}


def pairs_table() -> str:
    """Return proposed against baseline for both encoders."""
    rows = []
    for encoder, name in ENCODERS.items():
        baseline, proposed = (
            load_curve(FOLDER / encoder / arm / f"{arm}.json") for arm in ("baseline", "proposed")
        )
        for title, points in (
            ("PNG, JPEG 95 to 80", PAPER_POINTS),
            ("PNG, JPEG 98 to 20", baseline.codecs),
        ):
            pair = (select_codecs(baseline, points), select_codecs(proposed, points))
            cells = [cell(bd_rate(*pair, "bpp", measure, "pchip")) for measure in MEASURES]
            rows.append([name, title, *cells])
    return table(["encoder", "BD-rate of proposed against baseline", *MEASURES.values()], rows)


def points_table() -> str:
    """Return the uncompressed networks and the features as PNG."""
    rows = []
    for encoder, name in ENCODERS.items():
        for arm in ("baseline", "proposed"):
            of = load_curve(FOLDER / encoder / arm / f"{arm}.json")
            png = family(of, "png").columns
            values = (f"{png[key][0]:.3f}" for key in ("miou", "irmse"))
            size = f"{png['mean_bytes'][0]:,.0f}"
            rows.append([name, arm, size, *values, f"{png['psnr_db'][0]:.1f} dB"])
    return table(["encoder", "arm", "bytes, PNG", *MEASURES.values()], rows)


def beyond_table() -> str:
    """Return Encoder2's bottleneck against its proposed arm and against the coded picture."""
    rate = _encoder2("rate", "rate")
    anchors = {"the proposed arm with PNG and JPEG": _encoder2("proposed", "proposed")}
    anchors |= {f"{shown(of)} of the picture": of for of in _pictures()}
    rows = [
        [name, *(cell(bd_rate(of, rate, "mean_bytes", m, "pchip")) for m in MEASURES)]
        for name, of in anchors.items()
    ]
    return table(["BD-rate of the bottleneck against", *MEASURES.values()], rows)


def deciding_table() -> str:
    """Return the fewest bytes of Encoder2's features and of coded pictures that keep accuracy."""
    columns = _encoder2("pictures", "mobile").columns
    reference = {measure: columns[measure][0] for measure in MEASURES}
    ways = [("features, learned bottleneck", _encoder2("rate", "rate"))]
    ways += [(f"the picture, {shown(of)}", of) for of in _pictures()]
    return fewest_table(ways, reference)


def _encoder2(folder: str, name: str) -> Curve:
    return load_curve(FOLDER / "encoder2" / folder / f"{name}.json")


def _pictures() -> list[Curve]:
    return [_encoder2("pictures", f"cloud-{kind}") for kind in ("jpeg", "webp", "avif")]
