"""The shipped models: features against the coded picture, the paper's claim, and beyond it."""

from __future__ import annotations

from common import (
    DECIDING,
    KEPT,
    MEASURES,
    PAPER_POINTS,
    RESULTS,
    ROOT,
    cell,
    family,
    fewest,
    fewest_table,
    measures,
    shown,
    table,
)
from matplotlib.figure import Figure

from cofeat.evaluation.bd import bd_rate
from cofeat.evaluation.points import Curve, load_curve, select_codecs

PLOT = ROOT / "docs" / "images" / "features-against-pictures.png"


def curve(folder: str, name: str) -> Curve:
    """Return a measured curve."""
    return load_curve(RESULTS / "streets-mobile" / folder / f"{name}.json")


def pictures() -> list[Curve]:
    """Return the curves of coded pictures."""
    return [curve("pictures", f"cloud-{kind}") for kind in ("jpeg", "webp", "avif")]


def uncompressed() -> dict[str, float]:
    """Return the measures of the uncompressed network that was trained the longest."""
    columns = curve("pictures", "mobile").columns
    return {measure: columns[measure][0] for measure in MEASURES}


def paper_table() -> str:
    """Return the paper's claim: proposed against baseline."""
    baseline, proposed = curve("baseline", "baseline"), curve("proposed", "proposed")
    rows = []
    for title, pick in (
        ("the paper's points: PNG, JPEG 95 to 80", lambda c: select_codecs(c, PAPER_POINTS)),
        ("the wide sweep: PNG, JPEG 98 to 20", lambda c: family(c, "png", "jpeg")),
    ):
        for method in ("cubic", "pchip"):
            results = [
                bd_rate(pick(baseline), pick(proposed), "bpp", measure, method)
                for measure in MEASURES
            ]
            rows.append([f"{title}, {method}", *map(cell, results)])
    return table(["BD-rate of proposed against baseline", *MEASURES.values()], rows)


def beyond_table() -> str:
    """Return our ways against the paper's proposed arm with its PNG and JPEG."""
    proposed = curve("proposed", "proposed")
    anchor = family(proposed, "png", "jpeg")
    tests = {
        "proposed arm, `cofeat` and `cofeat-lossy`": family(proposed, "cofeat", "cofeat-lossy"),
        "learned bottleneck, `cofeat-learned`": curve("rate", "rate"),
    }
    rows = [
        [
            name,
            *(cell(bd_rate(anchor, test, "bpp", measure, "pchip")) for measure in MEASURES),
        ]
        for name, test in tests.items()
    ]
    return table(["BD-rate against the proposed arm with PNG and JPEG", *MEASURES.values()], rows)


def points_table() -> str:
    """Return points of features and of pictures side by side."""
    rows = [["nothing, uncompressed network", "0", *measures(uncompressed())]]
    chosen = {
        "features, learned bottleneck": (curve("rate", "rate"), 2),
        **{f"the picture, {shown(c)}": (c, 1) for c in pictures()},
    }
    for name, (of, stride) in chosen.items():
        for index in range(0, len(of.codecs), stride):
            values = {key: column[index] for key, column in of.columns.items()}
            label = f"{name}: {of.codecs[index].partition(':')[2]}"
            rows.append([label, f"{values['mean_bytes']:,.0f}", *measures(values)])
    return table(["what is sent", "bytes", *MEASURES.values()], rows)


def ways() -> list[tuple[str, Curve]]:
    """Return what may be sent, by name: features, and the picture in each format."""
    features = ("features, learned bottleneck", curve("rate", "rate"))
    return [features, *((f"the picture, {shown(c)}", c) for c in pictures())]


def deciding_table() -> str:
    """Return the fewest bytes that keep the accuracy, for features and for each picture format."""
    return fewest_table(ways(), uncompressed())


def each_table() -> str:
    """Return the fewest bytes for one measure alone, at the least loss that is asked for."""
    least = {measure: KEPT[0] * value for measure, value in uncompressed().items()}
    rows = [
        [name, *(fewest(of, {measure: least[measure]}) for measure in MEASURES)]
        for name, of in ways()
    ]
    share = f"{100 * (1 - KEPT[0]):.0f} %"
    return table([f"within {share}, bytes a picture", *MEASURES.values()], rows)


def versus_table() -> str:
    """Return the features' bytes against each picture format's at equal accuracy."""
    test = curve("rate", "rate")
    rows = []
    for anchor in pictures():
        results = [bd_rate(anchor, test, "mean_bytes", measure, "pchip") for measure in MEASURES]
        rows.append([f"features against {shown(anchor)} of the picture", *map(cell, results)])
    return table(["BD-rate, bytes", *MEASURES.values()], rows)


def codec_table() -> str:
    """Return what our codecs do to the paper's features: lossless and lossy."""
    rows = []
    for arm in ("baseline", "proposed"):
        of = curve(arm, arm)
        size = dict(zip(of.codecs, of.columns["mean_bytes"], strict=True))
        lossless = f"{100 * (size['cofeat'] / size['png'] - 1):+.1f} %"
        jpeg, ours = select_codecs(of, PAPER_POINTS[1:]), family(of, "cofeat-lossy")
        cells = [cell(bd_rate(jpeg, ours, "bpp", measure, "pchip")) for measure in MEASURES]
        rows.append([arm, lossless, *cells])
    lossy = [f"`cofeat-lossy` against JPEG 95 to 80: {name}" for name in MEASURES.values()]
    return table(["arm", "`cofeat` against PNG, bytes", *lossy], rows)


def origin_line() -> str:
    """Return where the figures come from."""
    about = curve("rate", "rate").provenance
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
    reference = uncompressed()
    drawn = [("features, learned bottleneck", curve("rate", "rate"), "#0072b2", "o", "-")]
    proposed = curve("proposed", "proposed")
    ours = family(proposed, "cofeat", "cofeat-lossy")
    drawn.append(("features, the paper's way, PNG and JPEG", family(proposed, "png", "jpeg"),
                 "#999999", "s", ":"))  # fmt: skip
    drawn.append(("the same features, cofeat and cofeat-lossy", ours, "#56b4e9", "P", "-"))
    looks = (("#d55e00", "^"), ("#009e73", "D"), ("#cc79a7", "v"))
    for of, (color, marker) in zip(pictures(), looks, strict=True):
        drawn.append((f"the picture, {shown(of)}", of, color, marker, "--"))
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
