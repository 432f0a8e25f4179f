"""Which mode is best at which rate: each mode's best plan over bandwidth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cofeat.errors import MissingPackageError
from cofeat.planner.choose import Wish
from cofeat.planner.link import LinkModel
from cofeat.planner.plan import Estimate, Planner
from cofeat.plot_file import check_plot_path, save_plot

# From the edge of a cell to a good cable, and so many rates between.
_RATES_MBIT = np.geomspace(0.1, 1000.0, 81)
# Okabe and Ito's colors, which the color-blind tell apart.
_COLORS = {"mobile": "#009e73", "cloud": "#0072b2", "split": "#d55e00"}
_LABELS: dict[str, tuple[str, Callable[[Estimate], float]]] = {
    "latency": ("median latency, ms", lambda e: e.latency_ms),
    "energy": ("energy of the device, mJ a frame", lambda e: 1000 * e.device_j),
    "bytes": ("payload, bytes a frame", lambda e: e.bytes),
}


def best_by_rate(
    planner: Planner, link: LinkModel, wish: Wish, rates_mbit: Sequence[float]
) -> list[dict[str, Estimate]]:
    """Return mode -> its best plan, for each rate; modes without one that will do are left out.

    Args:
        planner: of the bundle.
        link: whose delay and loss are kept.
        wish: what is asked for.
        rates_mbit: in Mbit/s, each way.
    """
    found = []
    for rate in rates_mbit:
        here = replace(link, up_bits_per_s=1e6 * rate, down_bits_per_s=1e6 * rate)
        modes: dict[str, Estimate] = {}
        for estimate in wish.ranked(planner.estimates(here)):
            modes.setdefault(estimate.plan.mode, estimate)
        found.append(modes)
    return found


def changes(modes: Sequence[dict[str, Estimate]], wish: Wish) -> list[tuple[int, str]]:
    """Return (number of the rate, mode) wherever another mode becomes the best; the first too."""
    found: list[tuple[int, str]] = []
    for number, by_mode in enumerate(modes):
        if by_mode:
            best = min(by_mode, key=lambda mode: wish.cost(by_mode[mode]))
            if not found or found[-1][1] != best:
                found.append((number, best))
    return found


def save_plan_plot(planner: Planner, link: LinkModel, wish: Wish, path: Path) -> None:
    """Draw it, in the format that the ending of the path names.

    Raises:
        InvalidInputError: another ending.
        MissingPackageError: matplotlib is not installed.
    """
    check_plot_path(path)
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import LogLocator, NullLocator
    except ImportError as error:
        raise MissingPackageError("matplotlib", "train", "the plot of plans") from error
    modes = best_by_rate(planner, link, wish, _RATES_MBIT.tolist())
    figure = Figure(figsize=(8.0, 4.5), layout="constrained")
    axes = figure.subplots()
    label, value = _LABELS[wish.minimize]
    for mode, color in _COLORS.items():
        points = [(x, value(m[mode])) for x, m in zip(_RATES_MBIT, modes, strict=True) if mode in m]
        if points:
            axes.plot(*zip(*points, strict=True), color=color, label=mode)
    _mark(axes, changes(modes, wish))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    if wish.minimize == "bytes":
        axes.set_ylim(bottom=0)  # nothing may be sent, and a logarithm has no place for it
    else:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel(f"rate, Mbit/s each way, round trip {link.rtt_ms:g} ms")
    axes.set_ylabel(f"{label}  (← better)")
    axes.grid(visible=True, color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    save_plot(figure, path)


def _mark(axes: Any, found: Sequence[tuple[int, str]]) -> None:
    """Say at which rates which mode becomes the best."""
    for number, mode in found:
        rate = float(_RATES_MBIT[number])
        if number:
            axes.axvline(rate, color="#888888", linewidth=1, linestyle="--")
        axes.annotate(
            f"{mode} from {rate:.2g}" if number else mode,
            (rate, 1.0),
            (0, 4),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            fontsize=8,
            color=_COLORS[mode],
        )
