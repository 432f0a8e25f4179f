"""What the tables of results have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cofeat.evaluation.bd import BdResult
from cofeat.evaluation.points import Curve, select_codecs

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
MEASURES = {"miou": "mIoU", "irmse": "1/RMSE", "psnr_db": "PSNR"}
# What is asked of the accuracy: these parts of the uncompressed network's, in both measures.
KEPT = (0.99, 0.98, 0.97, 0.95)
DECIDING = ("miou", "irmse")
PAPER_POINTS = ("png", "jpeg:95", "jpeg:90", "jpeg:85", "jpeg:80")


def family(of: Curve, *names: str) -> Curve:
    """Return the points of some codecs."""
    kept = [codec for codec in of.codecs if codec.partition(":")[0] in names]
    return select_codecs(of, kept)


def measures(values: dict[str, float]) -> list[str]:
    """Return the three measures of a point as cells."""
    return [f"{values['miou']:.3f}", f"{values['irmse']:.3f}", f"{values['psnr_db']:.1f} dB"]


def cell(result: BdResult) -> str:
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


def shown(picture: Curve) -> str:
    """Return the format's name as people write it."""
    word = picture.name.partition("-")[2].upper()
    return "WebP" if word == "WEBP" else word


def fewest(of: Curve, least: dict[str, float]) -> str:
    """Return the smallest measured setting that keeps all measures."""
    columns = of.columns
    fitting = [
        index
        for index in range(len(of.codecs))
        if all(columns[measure][index] >= value for measure, value in least.items())
    ]
    if not fitting:
        return "not reached"
    best = min(fitting, key=lambda index: columns["mean_bytes"][index])
    return f"{columns['mean_bytes'][best]:,.0f} ({of.codecs[best]})"


def fewest_table(ways: Sequence[tuple[str, Curve]], reference: dict[str, float]) -> str:
    """Return the fewest bytes that keep parts of the reference's accuracy, one row a way."""
    rows = [
        [name, *(fewest(of, {m: kept * reference[m] for m in DECIDING}) for kept in KEPT)]
        for name, of in ways
    ]
    both = " and ".join(MEASURES[measure] for measure in DECIDING)
    losses = [f"{100 * (1 - kept):.0f} % less" for kept in KEPT]
    head = [f"{both} of the uncompressed network, or so much less: bytes a picture", *losses]
    return table(head, rows)
