"""The shipped models: features against the coded picture, the paper's claim, and beyond it."""

from __future__ import annotations

from common import MEASURES, PAPER_POINTS, ROOT, bd_cells, family, measures, point, table
from matplotlib.figure import Figure
from study import DECIDING, KEPT, Study, fewest

from cofeat.evaluation.points import select_codecs

STUDY = Study("streets-mobile")
PLOT = ROOT / "docs" / "images" / "features-against-pictures.png"


def paper_table() -> str:
    """Return the paper's claim: proposed against baseline."""
    baseline, proposed = STUDY.curve("baseline", "baseline"), STUDY.curve("proposed", "proposed")
    rows = []
    for title, pick in (
        ("the paper's points: PNG, JPEG 95 to 80", lambda c: select_codecs(c, PAPER_POINTS)),
        ("the wide sweep: PNG, JPEG 98 to 20", lambda c: family(c, "png", "jpeg")),
    ):
        for method in ("cubic", "pchip"):
            cells = bd_cells(pick(baseline), pick(proposed), method=method)
            rows.append([f"{title}, {method}", *cells])
    return table(["BD-rate of proposed against baseline", *MEASURES.values()], rows)


def beyond_table() -> str:
    """Return our ways against the paper's proposed arm with its PNG and JPEG."""
    proposed = STUDY.curve("proposed", "proposed")
    anchor = family(proposed, "png", "jpeg")
    tests = {
        "proposed arm, `cofeat` and `cofeat-lossy`": family(proposed, "cofeat", "cofeat-lossy"),
        "learned bottleneck, `cofeat-learned`": STUDY.rate(),
    }
    rows = [[name, *bd_cells(anchor, test)] for name, test in tests.items()]
    return table(["BD-rate against the proposed arm with PNG and JPEG", *MEASURES.values()], rows)


def points_table() -> str:
    """Return points of features and of pictures side by side."""
    rows = [["nothing, uncompressed network", "0", *measures(STUDY.uncompressed())]]
    for name, of in STUDY.ways().items():
        stride = 2 if name.startswith("features") else 1
        for index in range(0, len(of.codecs), stride):
            values = point(of, index)
            label = f"{name}: {of.codecs[index].partition(':')[2]}"
            rows.append([label, f"{values['mean_bytes']:,.0f}", *measures(values)])
    return table(["what is sent", "bytes", *MEASURES.values()], rows)


def each_table() -> str:
    """Return the fewest bytes for one measure alone, at the least loss that is asked for."""
    whole = STUDY.uncompressed()
    rows = [
        [name, *(fewest(of, {measure: KEPT[0] * whole[measure]}) for measure in MEASURES)]
        for name, of in STUDY.ways().items()
    ]
    share = f"{100 * (1 - KEPT[0]):.0f} %"
    return table([f"within {share}, bytes a picture", *MEASURES.values()], rows)


def versus_table() -> str:
    """Return the features' bytes against each picture format's at equal accuracy."""
    rows = [
        [f"features against {name} of the picture", *bd_cells(of, STUDY.rate(), "mean_bytes")]
        for name, of in STUDY.pictures().items()
    ]
    return table(["BD-rate, bytes", *MEASURES.values()], rows)


def codec_table() -> str:
    """Return what our codecs do to the paper's features: lossless and lossy."""
    rows = []
    for arm in ("baseline", "proposed"):
        of = STUDY.curve(arm, arm)
        size = dict(zip(of.codecs, of.columns["mean_bytes"], strict=True))
        lossless = f"{100 * (size['cofeat'] / size['png'] - 1):+.1f} %"
        jpeg, ours = select_codecs(of, PAPER_POINTS[1:]), family(of, "cofeat-lossy")
        rows.append([arm, lossless, *bd_cells(jpeg, ours)])
    lossy = [f"`cofeat-lossy` against JPEG 95 to 80: {name}" for name in MEASURES.values()]
    return table(["arm", "`cofeat` against PNG, bytes", *lossy], rows)


def origin_line() -> str:
    """Return where the figures come from."""
    about = STUDY.rate().provenance
    machine = about.get("machine")
    processor = machine.get("processor") if isinstance(machine, dict) else "?"
    return (
        f"`tools/streets_mobile.sh`, street scenes (a stand-in for Cityscapes) of 256x128, 200 of "
        f"seed 2 that no choice was made on; seed 0 of the training, measured "
        f"{str(about.get('date', '?'))[:10]} at commit {about.get('commit')}, two cores of an "
        f"{processor}.\n"
    )


def plot() -> None:
    """Draw bytes against both measures, features and pictures."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    reference = STUDY.uncompressed()
    drawn = [("features, learned bottleneck", STUDY.rate(), "#0072b2", "o", "-")]
    proposed = STUDY.curve("proposed", "proposed")
    ours = family(proposed, "cofeat", "cofeat-lossy")
    drawn.append(("features, the paper's way, PNG and JPEG", family(proposed, "png", "jpeg"),
                 "#999999", "s", ":"))  # fmt: skip
    drawn.append(("the same features, cofeat and cofeat-lossy", ours, "#56b4e9", "P", "-"))
    looks = (("#d55e00", "^"), ("#009e73", "D"), ("#cc79a7", "v"))
    for (name, of), (color, marker) in zip(STUDY.pictures().items(), looks, strict=True):
        drawn.append((f"the picture, {name}", of, color, marker, "--"))
    for axes, measure in zip(figure.subplots(1, 2), DECIDING, strict=True):
        for label, of, color, marker, line in drawn:
            pairs = sorted(zip(of.columns["mean_bytes"], of.columns[measure], strict=True))
            axes.plot(*zip(*pairs, strict=True), line, color=color, marker=marker, label=label,
                      markersize=4.5, linewidth=1.4)  # fmt: skip
        axes.axhline(reference[measure], color="#444444", linewidth=0.8)
        axes.axhline(KEPT[0] * reference[measure], color="#444444", linewidth=0.8, linestyle=":")
        axes.annotate("uncompressed, and 1 % less", (0.01, reference[measure]),
                      xycoords=("axes fraction", "data"), fontsize=8, va="bottom")  # fmt: skip
        axes.set_xscale("log")
        axes.set_xlabel("bytes a picture, all that is sent")
        axes.set_ylabel(f"{MEASURES[measure]}{' (1/px)' if measure == 'irmse' else ''}")
        axes.grid(alpha=0.25)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3,
                  fontsize=8.5, frameon=False)  # fmt: skip
    figure.savefig(PLOT, dpi=110)
