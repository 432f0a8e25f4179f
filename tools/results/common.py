"""What the tables of results have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cofeat.evaluation.bd import BdResult, bd_rate
from cofeat.evaluation.points import Curve, curve_from_figures, select_codecs

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
MEASURES = {"miou": "mIoU", "irmse": "1/RMSE", "psnr_db": "PSNR"}
PAPER_POINTS = ("png", "jpeg:95", "jpeg:90", "jpeg:85", "jpeg:80")


def family(of: Curve, *names: str) -> Curve:
    """Return the points of some codecs."""
    kept = [codec for codec in of.codecs if codec.partition(":")[0] in names]
    return select_codecs(of, kept)


def joined(curves: Sequence[Curve]) -> Curve:
    """Return one curve of several sittings' points, of the same images and tasks."""
    first, parts = curves[0], [of.per_image for of in curves]
    assert len({(part.names, *of.tasks) for part, of in zip(parts, curves, strict=True)}) == 1
    points = replace(
        parts[0],
        bytes=np.concatenate([part.bytes for part in parts]),
        figures={
            task: np.concatenate([part.figures[task] for part in parts]) for task in first.tasks
        },
    )
    codecs = [codec for of in curves for codec in of.codecs]
    about = (first.name, first.description)
    return curve_from_figures(*about, codecs, points, first.tasks, first.provenance)


def measures(values: dict[str, float]) -> list[str]:
    """Return the three measures of a point as cells."""
    return [f"{values['miou']:.3f}", f"{values['irmse']:.3f}", f"{values['psnr_db']:.1f} dB"]


def point(of: Curve, index: int) -> dict[str, float]:
    """Return the columns of one point of a curve."""
    return {key: column[index] for key, column in of.columns.items()}


def bd_cells(anchor: Curve, test: Curve, rate: str = "bpp", method: str = "pchip") -> list[str]:
    """Return the BD-rates of the three measures as cells."""
    return [_cell(bd_rate(anchor, test, rate, measure, method)) for measure in MEASURES]


def _cell(result: BdResult) -> str:
    """Return a BD-rate with its interval and overlap."""
    if result.bd_rate_percent != result.bd_rate_percent:
        return "no overlap"
    text = f"{result.bd_rate_percent:+.1f} %"
    if result.interval_percent:
        low, high = result.interval_percent
        text += f" ({low:+.0f} to {high:+.0f})"
    return f"{text}, overlap {100 * result.overlap:.0f} %"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
