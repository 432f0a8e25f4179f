"""Measures of many resamples of the images at once, for the bootstrap.

R resamples, P points, N images. A resample is how often each image is in it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cofeat.evaluation.points import PerImage
from cofeat.tasks import load_task

Float64Array = npt.NDArray[np.float64]


def draw_counts(images: int, resamples: int, seed: int) -> Float64Array:
    """Draw N of N images with replacement, R times; return how often each was drawn, (R, N)."""
    shares = np.full(images, 1.0 / images)
    counts = np.random.default_rng(seed).multinomial(images, shares, size=resamples)
    return counts.astype(np.float64)


def resampled_rates(per_image: PerImage, rate: str, counts: Float64Array) -> Float64Array:
    """Return the rate of every resample and point, (R, P): all bytes over all they are told by.

    Args:
        per_image: what the images contribute.
        rate: "bpfe", "bpp" or "mean_bytes".
        counts: (R, N).
    """
    sent = counts @ per_image.bytes.T.astype(np.float64)
    if rate == "mean_bytes":
        return np.asarray(sent / counts.sum(axis=1, keepdims=True))
    units = per_image.elements if rate == "bpfe" else per_image.pixels
    return np.asarray(8.0 * sent / (counts @ units.astype(np.float64))[:, None])


def resampled_measure(per_image: PerImage, task: str, counts: Float64Array) -> Float64Array:
    """Return a task's measure of every resample and point, (R, P).

    It equals ``Task.summarize`` of the images of each resample, and is that very
    function for a task that has no faster form here.

    Args:
        per_image: what the images contribute.
        task: the task's name.
        counts: (R, N).
    """
    measure = _FASTER.get(task) or _summarizing(task)
    return np.stack([measure(point, counts) for point in per_image.figures[task]], axis=1)


def _summarizing(task: str) -> Callable[[Float64Array, Float64Array], Float64Array]:
    """Return the form for any task: repeat each image's figures as often as it was drawn."""
    summarize = load_task(task).summarize

    def measure(figures: Float64Array, counts: Float64Array) -> Float64Array:
        times = counts.astype(np.intp)
        return np.array([summarize(np.repeat(figures, row, axis=0)) for row in times])

    return measure


def _mious(figures: Float64Array, counts: Float64Array) -> Float64Array:
    """Return mIoU (R,) from confusion matrices (N, 19, 19): they add up, so weights do."""
    images, classes, _ = figures.shape
    total = (counts @ figures.reshape(images, -1)).reshape(-1, classes, classes)
    hits = np.diagonal(total, axis1=1, axis2=2)
    union = total.sum(axis=1) + total.sum(axis=2) - hits
    occurs = union > 0
    shares = np.divide(hits, union, out=np.zeros_like(union), where=occurs)
    return _divide(shares.sum(axis=1), occurs.sum(axis=1).astype(np.float64))


def _inverse_rmses(figures: Float64Array, counts: Float64Array) -> Float64Array:
    """Return 1 / (mean RMSE) (R,) from the RMSE of each image (N,), NaN where it has none."""
    known = ~np.isnan(figures)
    total = counts @ np.where(known, figures, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / _divide(total, counts @ known.astype(np.float64)))


def _means(figures: Float64Array, counts: Float64Array) -> Float64Array:
    """Return the mean (R,) of one number an image (N,)."""
    return _divide(counts @ figures, counts.sum(axis=1))


def _divide(numbers: Float64Array, by: Float64Array) -> Float64Array:
    """Divide, NaN where there is nothing to divide by."""
    return np.asarray(np.divide(numbers, by, out=np.full(len(numbers), np.nan), where=by > 0))


_FASTER: dict[str, Callable[[Float64Array, Float64Array], Float64Array]] = {
    "segmentation": _mious,
    "disparity": _inverse_rmses,
    "reconstruction": _means,
}
