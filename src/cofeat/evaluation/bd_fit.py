"""The mathematics of a BD-rate: which points make the curve, the overlap, the fits."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.errors import MissingPackageError

Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
# Rates and values of the measure, points ascending in both.
Points = tuple[Float64Array, Float64Array]

METHODS = ("cubic", "pchip", "akima")
# A cubic has four coefficients, and the common test conditions of video coding ask for four too.
ENOUGH_POINTS = 4
# Where the fitted curves are looked at for a fall.
_GRID_POINTS = 200


def frontier(rates: Float64Array, values: Float64Array) -> BoolArray:
    """Tell the points that no other beats: cheaper and no worse, or no dearer and better.

    Args:
        rates: (R, P), bits; what is not finite and positive is never kept.
        values: (R, P), the measure; what is not finite is never kept.

    Returns:
        bool (R, P); of equal points the first is kept.
    """
    usable = usable_points(rates, values)
    rate, value = np.where(usable, rates, np.inf), np.where(usable, values, -np.inf)
    # [r, i, j]: does j beat i?
    no_dearer = rate[:, None, :] <= rate[:, :, None]
    no_worse = value[:, None, :] >= value[:, :, None]
    cheaper = rate[:, None, :] < rate[:, :, None]
    better = value[:, None, :] > value[:, :, None]
    earlier = np.tri(rates.shape[1], k=-1, dtype=bool)
    beaten = (no_dearer & no_worse & (cheaper | better | earlier)).any(axis=2)
    return np.asarray(usable & ~beaten)


def range_overlap(anchor: Float64Array, test: Float64Array) -> float:
    """Return intersection over union of two curves' ranges of the measure, 0 ... 1."""
    if not anchor.size or not test.size:
        return 0.0
    union = max(anchor.max(), test.max()) - min(anchor.min(), test.min())
    common = min(anchor.max(), test.max()) - max(anchor.min(), test.min())
    return float(max(common, 0.0) / union) if union > 0 else 0.0


def defined(anchor: Float64Array, test: Float64Array, method: str) -> bool:
    """Tell whether two curves with these values of the measure have a BD-rate."""
    needed = ENOUGH_POINTS if method == "cubic" else 2
    return min(anchor.size, test.size) >= needed and range_overlap(anchor, test) > 0


def usable_points(rates: Float64Array, values: Float64Array) -> BoolArray:
    """Tell the points that a curve over the logarithm of the rate can have."""
    return np.asarray(np.isfinite(rates) & (rates > 0) & np.isfinite(values))


def percent_of(anchor: Points, test: Points, method: str) -> float:
    """Return the BD-rate in percent, NaN where there is none; no warnings."""
    if not defined(anchor[1], test[1], method):
        return math.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(_delta(anchor, test, method))


def percent_and_notes(
    anchor: Points, test: Points, method: str, names: tuple[str, str]
) -> tuple[float, list[str]]:
    """Return the BD-rate in percent, NaN where there is none, and what is wrong with the fits.

    Args:
        anchor: points of the curve that is compared with.
        test: points of the curve that is judged.
        method: one of ``METHODS``.
        names: of the two, for the notes.
    """
    if not defined(anchor[1], test[1], method):
        return math.nan, []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        percent, *fits = _delta(anchor, test, method, interpolators=True)
    notes = [f"the {method} fit: {warning.message}" for warning in caught]
    low = max(anchor[1].min(), test[1].min())
    high = min(anchor[1].max(), test[1].max())
    grid = np.linspace(low, high, _GRID_POINTS)
    notes += [
        f"{name}: the {method} fit is not monotone, it says somewhere that better is cheaper; "
        "compare with another method"
        for name, fit in zip(names, fits, strict=True)
        if np.any(np.diff(fit(grid)) < 0)
    ]
    if not math.isfinite(percent):
        return math.nan, [*notes, f"the {method} fit gives no finite figure"]
    return float(percent), notes


def _delta(anchor: Points, test: Points, method: str, **options: Any) -> Any:
    """Call the package bjontegaard, imported on first use: it brings matplotlib.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        import bjontegaard
    except ImportError as error:
        raise MissingPackageError("bjontegaard", "train", "a BD-rate") from error
    return bjontegaard.bd_rate(
        *anchor, *test, method, require_matching_points=False, min_overlap=0, **options
    )
