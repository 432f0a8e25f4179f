"""The encoder's choices. It may choose freely, so here are floats.

Another encoder may choose otherwise; every decoder must take it.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.feature.entropy import tables
from cofeat.feature.entropy.lattice import COARSE_TO_FINE, DIAGONAL, Pass, known_passes, lattice
from cofeat.feature.entropy.plan import Plan, most_generations
from cofeat.feature.entropy.prediction import Int16Array, bases, limited, tap_sums
from cofeat.feature.entropy.walk import Known

FloatArray = npt.NDArray[np.floating[Any]]
Int64Array = npt.NDArray[np.int64]

# Larger planes have few elements near an edge; then fewer passes are worth more.
_MOST_DIAGONAL_PLACES = 200
# Generations of fewer elements cost more time than they save bytes.
_GENERATION_ELEMENTS = {COARSE_TO_FINE: 8192, DIAGONAL: 32768}
# Channels with fewer zeros code them as values like others.
_LEAST_ZEROS = 0.02
# A class of zeros spans so much of the log odds.
_ZERO_CLASS_STEP = 0.6
_MOST_FITTED_CHANNELS = 64
# What it takes to tell of a reference: its channel and its coefficient.
_REFERENCE_BITS = 13.0
# Matching pursuit takes the square of their number.
_MOST_REFERRING_CHANNELS = 2048


def make_plan(
    values: Int16Array, size: tuple[int, int], bits: int, generations: int
) -> tuple[Plan, Known]:
    """Choose a plan.

    Args:
        values: (C, H * W) in raster order, no channel all zero.
        size: (height, width) of a plane.
        bits: n, up to 8.
        generations: at most so many; each costs time and saves bytes.

    Returns:
        the plan, and what the walk would otherwise compute again.
    """
    channels, places = values.shape
    schedule = COARSE_TO_FINE
    if places <= _MOST_DIAGONAL_PLACES and most_generations(DIAGONAL, channels, *size):
        schedule = DIAGONAL
    generations = min(max(values.size // _GENERATION_ELEMENTS[schedule], 1), generations)
    generations = min(generations, most_generations(schedule, channels, *size))
    if channels > _MOST_REFERRING_CHANNELS:
        generations = 1
    values = values.take(lattice(*size, schedule).order, axis=1)

    plan = Plan.empty(_zero_classes(values), schedule, generations)
    mean = values.sum(axis=1) / places
    plan.center = _centers(plan.kind, mean, bits)
    deviation = np.abs(values - plan.center[:, None]).sum(axis=1) / places
    by_place = np.empty((places + 1, channels), np.int16)
    by_place[:-1] = values.T
    by_place[-1] = plan.center
    _fit_filters(plan, by_place, deviation, known_passes(*size, schedule))
    base = bases(by_place, plan.channel_filters(0, channels), size, schedule)
    prediction = base = np.ascontiguousarray(base.T)
    if generations > 1:
        deviations = 4 * values - base
        _choose_references(plan, deviations)
        said = plan.said(0, channels, by_place.T, deviations)
        prediction = base if said is None else limited(base + said)
    plan.scale = _scales(plan, values, prediction)
    return plan, Known(values, prediction)


def _zero_classes(values: Int16Array) -> Int64Array:
    zeros = 1 - np.count_nonzero(values, axis=1) / values.shape[1]
    odds = np.log((zeros + 1e-4) / (1 - zeros + 1e-4))
    classes = np.clip(np.rint(odds / _ZERO_CLASS_STEP + 7.5), 1, tables.ALL_ZERO - 1)
    return np.asarray(np.where(zeros > _LEAST_ZEROS, classes, 0), np.int64)


def _centers(kind: Int64Array, mean: FloatArray, bits: int) -> Int16Array:
    """Round means to what a center may be."""
    levels = tables.CENTERS.astype(np.float64)
    spiked = tables.CENTERS[np.searchsorted((levels[1:] + levels[:-1]) / 2, mean)]
    step = 1 << tables.center_shift(bits)
    plain = np.minimum(np.rint(mean / step), (1 << bits) // step - 1) * step
    return np.where(kind == 1, spiked, plain).astype(np.int16)


def _fit_filters(
    plan: Plan, by_place: Int16Array, deviation: FloatArray, passes: tuple[Pass, ...]
) -> None:
    """Least squares for each kind of channels and type of pass, channels weighted alike."""
    for kind in (0, 1):
        members = np.flatnonzero(plan.kind == kind)
        if not members.size:
            continue
        # Some channels, spread evenly, tell as much as all.
        members = members[:: -(-len(members) // _MOST_FITTED_CHANNELS)]
        scaled = (by_place.take(members, axis=1) - plan.center[members]).astype(np.float32)
        scaled *= (1 / (deviation[members] + 1)).astype(np.float32)
        for part in passes:
            if not part.taps:
                continue
            taps = len(part.taps)
            matrix = tap_sums(scaled, part).reshape(taps, -1)
            square = matrix @ matrix.T
            cross = matrix @ scaled[part.first : part.stop].reshape(-1)
            ridge = (1 + 1e-3 * np.trace(square) / taps) * np.eye(taps)
            weights = np.rint(64 * np.linalg.solve(square + ridge, cross))
            plan.filters[kind, part.type, :taps] = np.clip(weights, -127, 127)


def _scales(plan: Plan, values: Int16Array, prediction: Int16Array) -> Int64Array:
    """The mean logarithm of each channel's residuals, in half octaves."""
    lowest = plan.kind[:, None].astype(np.int16)
    residuals = np.abs(values - np.clip(prediction + 2 >> 2, lowest, 255))
    coded = values >= lowest
    total = (tables.LOGARITHM.take(residuals) * coded).sum(axis=1, dtype=np.int32)
    mean = total / np.maximum(np.count_nonzero(coded, axis=1), 1)
    return np.asarray(np.clip(np.rint(mean / 4), 0, tables.SCALES - 1), np.int64)


def _choose_references(plan: Plan, deviations: Int16Array) -> None:
    """Matching pursuit, for all channels of a generation at once."""
    places = deviations.shape[1]
    floats = deviations.astype(np.float32)
    gram = floats @ floats.T
    energy = np.diagonal(gram) + np.float32(1e-3)
    magnitudes = tables.MAGNITUDES / np.float32(1 << tables.COEFFICIENT_BITS)
    # A zero is told by less than a value; and rounding to levels is a noise that stays.
    worth = places / 2 * np.where(plan.kind == 1, 0.75, 1.0)
    noise = np.float32(1.3 * places)
    for first, stop in itertools.pairwise(plan.bounds[1:]):
        rows, each = np.arange(first, stop), np.arange(stop - first)
        cross, left = gram[first:stop, :first].copy(), energy[first:stop].copy()
        for rank in range(tables.MOST_REFERENCES):
            best = (cross * cross / energy[:first]).argmax(axis=1)
            wish = cross[each, best] / energy[best]
            index = np.rint(4 * np.log2(np.abs(wish) + 1e-9)).astype(np.int64) + tables.ONE_INDEX
            possible = (index >= 0) & (index < len(magnitudes) + 2)
            index = np.clip(index, 0, len(magnitudes) - 1)
            factor = np.copysign(magnitudes[index], wish)
            then = left - factor * (2 * cross[each, best] - factor * energy[best])
            gain = worth[rows] * np.log2((left + noise) / (np.maximum(then, 0) + noise))
            take = (gain > _REFERENCE_BITS) & possible
            if not take.any():
                break
            plan.references[rows[take], rank] = best[take]
            index += np.where(wish < 0, len(magnitudes), 0)
            plan.coefficients[rows[take], rank] = index[take]
            left = np.where(take, then, left)
            cross -= factor[:, None] * gram[best, :first]
            # A channel that took nothing now takes nothing later.
            cross[~take] = 0
