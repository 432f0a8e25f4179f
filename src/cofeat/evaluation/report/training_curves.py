"""The columns of training logs as groups of small plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cofeat.evaluation.report.plots import Line, style_of, training_plot

# More points than this cannot be told apart in a small plot.
MAX_POINTS = 160
_TITLES = {
    "loss": "Total loss",
    "feature_range": "Range of the features (max − min)",
    "bits_per_element": "Bits per feature element",
    "val_miou": "mIoU",
    "val_irmse": "1/RMSE (1/px)",
    "val_psnr_db": "PSNR (dB)",
    "lr": "Learning rate",
    "images_per_s": "Images per second",
}
_STEPS = ("step", "epoch")
Log = Mapping[str, Sequence[float]]


def training_groups(logs: Mapping[str, Log]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Draw every logged column of all arms.

    Args:
        logs: arm -> column -> one value a row, NaN where the row has none.

    Returns:
        Groups of plots, as (title, [(plot's title, SVG)]); without those that have no value.
    """
    columns = dict.fromkeys(column for log in logs.values() for column in log)
    groups: dict[str, list[tuple[str, str]]] = {
        title: [] for title in ("Losses", "Weights", "Features", "Validation", "Speed and the rest")
    }
    for column in columns:
        if column in _STEPS:
            continue
        group, title = _describe(column)
        lines = [
            line for arm in logs if (line := _line(arm, logs[arm], column, list(logs))) is not None
        ]
        if lines:
            key = f"log{sum(map(len, groups.values()))}"
            groups[group].append((title, training_plot(lines, title, _step_name(logs), key)))
    return [(title, plots) for title, plots in groups.items() if plots]


def _describe(column: str) -> tuple[str, str]:
    """Return the group and the title of a column."""
    words = column.replace("_", " ")
    if column.startswith("loss"):
        return "Losses", _TITLES.get(column, words.removeprefix("loss ").capitalize())
    for kind in ("weight", "pressure"):
        if column.startswith(f"{kind}_"):
            return "Weights", f"{kind.capitalize()} of {words.removeprefix(f'{kind} ')}"
    if column.startswith("val_"):
        return "Validation", _TITLES.get(column, words.removeprefix("val ").capitalize())
    if column in {"feature_range", "bits_per_element"}:
        return "Features", _TITLES[column]
    return "Speed and the rest", _TITLES.get(column, words.capitalize())


def _step_name(logs: Mapping[str, Log]) -> str:
    for name in _STEPS:
        if any(name in log for log in logs.values()):
            return name
    return "row"


def _line(arm: str, log: Log, column: str, arms: Sequence[str]) -> Line | None:
    """Return one arm's curve, averaged down to ``MAX_POINTS``; None without a value."""
    values = np.asarray(log.get(column, ()), dtype=np.float64)
    steps = next((log[name] for name in _STEPS if name in log), range(len(values)))
    x = np.asarray(steps, dtype=np.float64)[: len(values)]
    known = np.isfinite(values) & np.isfinite(x)
    x, y = x[known], values[known]
    if not len(y):
        return None
    bins = np.array_split(np.arange(len(y)), min(len(y), MAX_POINTS))
    x_mean, y_mean = ([float(np.mean(v[b])) for b in bins] for v in (x, y))
    return Line(arm, style_of(arm, arms), x_mean, y_mean, range(len(y_mean)))
