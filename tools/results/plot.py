"""Bytes against accuracy: features and pictures of a study, the arms of several."""

from __future__ import annotations

from pathlib import Path

from common import MEASURES
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
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
        for (label, of), look in drawn:
            _line(axes, measure, label, of, look)
        _name(axes, measure)
        axes.axhline(reference[measure], color="#444444", linewidth=0.8)
        axes.axhline(KEPT[0] * reference[measure], color="#444444", linewidth=0.8, linestyle=":")
        axes.annotate("uncompressed, and 1 % less", (0.01, reference[measure]),
                      xycoords=("axes fraction", "data"), fontsize=8, va="bottom")  # fmt: skip
        if least:
            axes.set_ylim(bottom=least * reference[measure])
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3,
                  fontsize=8.5, frameon=False)  # fmt: skip
    figure.savefig(path, dpi=110)


def plot_arms(arms: dict[str, dict[str, Curve]], path: Path) -> None:
    """Draw bytes against all measures, a row an encoder.

    Args:
        arms: name of an encoder -> L_c -> curve, the baseline first.
        path: of the PNG file.
    """
    figure = Figure(figsize=(10, 3.1 * len(arms)), layout="constrained")
    looks = dict(zip(max(arms.values(), key=len), _OTHERS[:1] + _WAYS + _OTHERS[1:], strict=False))
    for row, (encoder, curves) in zip(figure.subplots(len(arms), 3), arms.items(), strict=True):
        for axes, measure in zip(row, MEASURES, strict=True):
            for label, of in curves.items():
                _line(axes, measure, label, of, looks[label])
            _name(axes, measure)
            axes.set_title(encoder, fontsize=9)
    handles = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    names = [f"L_c: {label}" for label in looks]
    figure.legend([handles[label] for label in looks], names, loc="outside lower center", ncols=3,
                  fontsize=8.5, frameon=False)  # fmt: skip
    figure.savefig(path, dpi=110)


def _line(axes: Axes, measure: str, label: str, of: Curve, look: tuple[str, str, str]) -> None:
    """Draw one curve, its points from few bytes to many."""
    color, marker, line = look
    pairs = sorted(zip(of.columns["mean_bytes"], of.columns[measure], strict=True))
    axes.plot(*zip(*pairs, strict=True), line, color=color, marker=marker, label=label,
              markersize=4.5, linewidth=1.4)  # fmt: skip


def _name(axes: Axes, measure: str) -> None:
    """Name the axes."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params("x", labelsize=8)
    axes.set_xlabel("bytes a picture, all that is sent")
    units = {"irmse": " (1/px)", "psnr_db": " (dB)"}
    axes.set_ylabel(f"{MEASURES[measure]}{units.get(measure, '')}")
    axes.grid(alpha=0.25)
