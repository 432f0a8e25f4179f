"""The plot of a study: bytes against accuracy, features and pictures."""

from __future__ import annotations

from pathlib import Path

from common import MEASURES
from matplotlib.figure import Figure
from study import DECIDING, KEPT, Study

from cofeat.evaluation.points import Curve

# Colors that people of any color vision tell apart.
_WAYS = (
    ("#0072b2", "o", "-"),
    ("#d55e00", "^", "--"),
    ("#009e73", "D", "--"),
    ("#cc79a7", "v", "--"),
)
_OTHERS = (("#999999", "s", ":"), ("#56b4e9", "P", "-"))


def plot(study: Study, path: Path, others: dict[str, Curve], least: float = 0.0) -> None:
    """Draw bytes against both deciding measures.

    Args:
        study: whose ways are drawn.
        path: of the PNG file.
        others: more curves by their names, two at most.
        least: what is worse than this part of the uncompressed network is cut off.
    """
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    reference = study.uncompressed()
    looks = _WAYS + _OTHERS[: len(others)]
    drawn = list(zip((study.ways() | others).items(), looks, strict=True))
    for axes, measure in zip(figure.subplots(1, 2), DECIDING, strict=True):
        for (label, of), (color, marker, line) in drawn:
            pairs = sorted(zip(of.columns["mean_bytes"], of.columns[measure], strict=True))
            axes.plot(*zip(*pairs, strict=True), line, color=color, marker=marker, label=label,
                      markersize=4.5, linewidth=1.4)  # fmt: skip
        axes.axhline(reference[measure], color="#444444", linewidth=0.8)
        axes.axhline(KEPT[0] * reference[measure], color="#444444", linewidth=0.8, linestyle=":")
        axes.annotate("uncompressed, and 1 % less", (0.01, reference[measure]),
                      xycoords=("axes fraction", "data"), fontsize=8, va="bottom")  # fmt: skip
        if least:
            axes.set_ylim(bottom=least * reference[measure])
        axes.set_xscale("log")
        axes.set_xlabel("bytes a picture, all that is sent")
        axes.set_ylabel(f"{MEASURES[measure]}{' (1/px)' if measure == 'irmse' else ''}")
        axes.grid(alpha=0.25)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3,
                  fontsize=8.5, frameon=False)  # fmt: skip
    figure.savefig(path, dpi=110)
