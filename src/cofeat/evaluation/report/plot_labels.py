"""Names beside curves, where they cover least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Label:
    """A text that may stand at any of the anchors.

    Args:
        text: what is written.
        color: of the text.
        anchors: float64 (K, 2), in pixels of the figure.
    """

    text: str
    color: str
    anchors: npt.NDArray[np.float64]


def along(axes: Any, points: Sequence[tuple[float, float]]) -> npt.NDArray[np.float64]:
    """Return points all along a polyline in pixels, float64 (K, 2); the limits must be set."""
    if not points:
        return np.empty((0, 2))
    corners = axes.transData.transform(np.asarray(points, dtype=np.float64))
    steps = [np.linspace(a, b, 24) for a, b in pairwise(corners)]
    return np.concatenate([corners[:1], *steps])


def place_labels(
    axes: Any, labels: Sequence[Label], obstacles: Sequence[npt.NDArray[np.float64]], font_size: int
) -> None:
    """Write each label at the anchor and the side where it covers least, the first ones first.

    Args:
        axes: of matplotlib, with its limits set.
        labels: in order of importance; one without an anchor is left out.
        obstacles: points (K, 2) in pixels that should stay visible.
        font_size: in points.
    """
    boxes: list[npt.NDArray[np.float64]] = []
    for label in labels:
        _place(axes, label, obstacles, boxes, font_size)


def _place(
    axes: Any,
    label: Label,
    taken: Sequence[npt.NDArray[np.float64]],
    boxes: list[npt.NDArray[np.float64]],
    font_size: float,
) -> None:
    """Write one label and add its box; all in pixels, boxes are (x0, y0, x1, y1)."""
    frame = axes.get_window_extent()
    # A wide guess (DejaVu Sans, bold, is as wide): the page's font is not known here.
    scale = axes.figure.dpi / 72
    width, height = 0.73 * (font_size) * len(label.text) * scale, 1.25 * font_size * scale
    gap = 7 * scale
    best: tuple[float, npt.NDArray[np.float64]] | None = None
    for x, y in label.anchors:
        for left, bottom in (
            (x + gap, y - height / 2),
            (x - gap - width, y - height / 2),
            (x - width / 2, y + gap),
            (x - width / 2, y - gap - height),
            (x + gap, y - gap - height),
            (x - gap - width, y + gap),
        ):
            box = np.array([left, bottom, left + width, bottom + height])
            cost = _cost(box, frame, taken, boxes)
            if best is None or cost < best[0]:
                best = (cost, box)
    if best is None:
        return
    boxes.append(best[1])
    place = axes.transAxes.inverted().transform(best[1][:2])
    axes.text(
        *place,
        label.text,
        transform=axes.transAxes,
        color=label.color,
        fontsize=font_size,
        fontweight="bold",
        va="bottom",
        ha="left",
        zorder=5,
        parse_math=False,  # a name may hold a dollar sign
    )


def _cost(
    box: npt.NDArray[np.float64],
    frame: Any,
    taken: Sequence[npt.NDArray[np.float64]],
    boxes: Sequence[npt.NDArray[np.float64]],
) -> float:
    """Count what a box would hide; leaving the frame and other labels cost most."""
    x0, y0, x1, y1 = box
    outside = max(0, frame.x0 - x0, x1 - frame.x1) + max(0, frame.y0 - y0, y1 - frame.y1)
    covered = sum(
        int(np.sum((p[:, 0] > x0) & (p[:, 0] < x1) & (p[:, 1] > y0) & (p[:, 1] < y1)))
        for p in taken
    )
    clashes = sum(1 for b in boxes if x0 < b[2] and b[0] < x1 and y0 < b[3] and b[1] < y1)
    return float(50.0 * outside + covered + 1000.0 * clashes)
