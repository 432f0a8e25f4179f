"""The shipped models: features against the coded picture, the paper's claim, and beyond it."""

from __future__ import annotations

import math

import arms
from common import MEASURES, PAPER_POINTS, bd_cells, family, measures, point, table
from study import Study

from cofeat.evaluation.points import Curve, select_codecs

STUDY = Study("streets-mobile")
STUDIES = {
    "EfficientNet-Lite0": STUDY,
    "the same, seed 1 of the pair": Study("streets-mobile/seed1"),
}
# Folders of proposed arms: the paper's loss made scale-free, and ours, which is shipped.
PAPER, BITS = "mean-0.3", "bits-0.9"
# Points of a way in the table of points, at most.
SHOWN = 14


def beyond_table() -> str:
    """Return our ways against the paper's proposed arm with its PNG and JPEG."""
    proposed = f"L_c as {arms.loss_label(STUDY.curve(BITS, 'proposed'))}"
    ways = {
        f"{proposed}; PNG and JPEG": _proposed(BITS, "png", "jpeg"),
        f"{proposed}; `cofeat` and `cofeat-lossy`": _proposed(BITS, "cofeat", "cofeat-lossy"),
        "learned bottleneck, `cofeat-learned`": STUDY.rate(),
    }
    return arms.beyond_table(_proposed(PAPER, "png", "jpeg"), ways)


def points_table() -> str:
    """Return points of features and of pictures side by side, evenly left out where many are."""
    rows = [["nothing, uncompressed network", "0", *measures(STUDY.uncompressed())]]
    for name, of in STUDY.ways().items():
        stride = math.ceil(len(of.codecs) / SHOWN)
        for index in range(0, len(of.codecs), stride):
            values = point(of, index)
            label = f"{name}: {of.codecs[index].partition(':')[2]}"
            rows.append([label, f"{values['mean_bytes']:,.0f}", *measures(values)])
    return table(["what is sent", "bytes", *MEASURES.values()], rows)


def codec_table() -> str:
    """Return what our codecs do to the paper's features: lossless and lossy."""
    rows = []
    proposed = STUDY.curve(BITS, "proposed")
    measured = {
        "baseline": STUDY.curve(arms.BASELINE, arms.BASELINE),
        f"proposed, {arms.loss_label(proposed)}": proposed,
    }
    for arm, of in measured.items():
        size = dict(zip(of.codecs, of.columns["mean_bytes"], strict=True))
        lossless = f"{100 * (size['cofeat'] / size['png'] - 1):+.1f} %"
        jpeg, ours = select_codecs(of, PAPER_POINTS[1:]), family(of, "cofeat-lossy")
        rows.append([arm, lossless, *bd_cells(jpeg, ours)])
    lossy = [f"`cofeat-lossy` against JPEG 95 to 80: {name}" for name in MEASURES.values()]
    return table(["arm", "`cofeat` against PNG, bytes", *lossy], rows)


def origin_line() -> str:
    """Return where the figures come from."""
    about = STUDY.rate().provenance
    coded = STUDY.pictures()["AVIF"].provenance
    machine = about.get("machine")
    processor = machine.get("processor") if isinstance(machine, dict) else "?"
    return (
        f"`tools/streets_mobile.sh`, street scenes (a stand-in for Cityscapes) of 256x128, 200 of "
        f"seed 2 that no choice of training was made on; seed 0 of the training, measured "
        f"{str(about.get('date', '?'))[:10]} at commit {about.get('commit')}, the coded pictures "
        f"{str(coded.get('date', '?'))[:10]} at {coded.get('commit')}, two cores of an "
        f"{processor}.\n"
    )


def paper_ways() -> dict[str, Curve]:
    """Return the curves of the paper's features, as it codes them, and of ours of that kind."""
    return {
        "features, L_c as mean of T, PNG and JPEG": _proposed(PAPER, "png", "jpeg"),
        "features, L_c in bits, cofeat and cofeat-lossy": _proposed(BITS, "cofeat", "cofeat-lossy"),
    }


def _proposed(arm: str, *codecs: str) -> Curve:
    """Return some codecs' points of a proposed arm."""
    return family(STUDY.curve(arm, "proposed"), *codecs)
