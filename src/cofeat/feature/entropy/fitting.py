"""Fits tables to a model's features; floats are allowed here, as in every encoder's choices.

Three rounds over the tensors: means, least squares for the weights, and a walk with those weights
that counts what rows of frequencies would have learned.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.errors import InvalidInputError
from cofeat.feature.entropy import tables
from cofeat.feature.entropy.adaptive import COUNT_WEIGHT
from cofeat.feature.entropy.analysis import make_fitted_plan, zero_and_gain
from cofeat.feature.entropy.coder import CHANNELS, Coder
from cofeat.feature.entropy.fitted import (
    CHANNEL_SYMBOLS,
    EXACT,
    LARGEST_DIFFERENCE,
    LEAST_SHIFT,
    MOST_SHIFT,
    OFFSETS,
    OWN_WEIGHTS,
    PASS_TYPES,
    FittedTables,
    generation_bounds,
)
from cofeat.feature.entropy.fitted_plan import GAIN_BITS, code_fitted_classes, code_fitted_plan
from cofeat.feature.entropy.lattice import COARSE_TO_FINE, lattice
from cofeat.feature.entropy.walk import Walk
from cofeat.feature.quantizer import Quantized

FloatArray = npt.NDArray[np.floating[Any]]
Int16Array = npt.NDArray[np.int16]
# (what is done, of how much).
OnProgress = Callable[[int, int], None]

DEFAULT_GENERATIONS = 32
# Of more channels only the nearest five places are weighed: the tables grow with their square.
_MOST_CHANNELS_ALL_AROUND = 128
# Of a column's energy; what few elements say of many weights is kept small.
_RIDGE = 2e-3
# What fitted rows weigh; they have learned already, so more than fresh ones.
_ROW_WEIGHT = 1 << 13
_CHANNEL_ROW_WEIGHT = 1 << 10
_CHUNK_ELEMENTS = 1 << 24
_OWN_COLUMNS = PASS_TYPES * OWN_WEIGHTS + 1


def fit_tables(
    tensors: Sequence[Quantized],
    generations: int = DEFAULT_GENERATIONS,
    on_progress: OnProgress | None = None,
) -> FittedTables:
    """Fit tables to tensors of one model, of training images; a hundred or more are well.

    Args:
        tensors: (C, H, W) integers of up to 8 bits, all of the same shape and depth.
        generations: more of them save bytes and take time.
        on_progress: told how far it has come.

    Raises:
        InvalidInputError: there is none, or they differ in shape or depth.
    """
    _check(tensors)
    _, height, width = tensors[0].values.shape
    channels, bits = len(tensors[0].values), tensors[0].bits
    generations = min(generations, channels)
    flat = [tensor.values.reshape(channels, -1).astype(np.int16) for tensor in tensors]
    started = _start(tensors, flat, generations)
    steps = generations + len(flat)
    tell = on_progress or (lambda _done, _of: None)
    regression = _Regression(started, flat, (height, width), bits)
    fitted: list[_Weights] = []
    for first, stop in itertools.pairwise(started.bounds):
        fitted.append(regression.solve(first, stop))
        tell(len(fitted), steps)
    weighed = dataclasses.replace(
        started,
        own=np.concatenate([part.own for part in fitted]),
        intercept=np.concatenate([part.intercept for part in fitted]),
        shift=np.concatenate([part.shift for part in fitted]),
        weights=tuple(part.others for part in fitted),
    )
    usual = _with_usual(weighed, flat, (height, width), bits)
    counter = _CountingCoder()
    for done, values in enumerate(flat, start=generations + 1):
        _walk(counter, usual, values, (height, width), bits)
        tell(done, steps)
    return counter.tables(usual)


def _check(tensors: Sequence[Quantized]) -> None:
    kinds = {(tensor.values.shape, tensor.bits) for tensor in tensors}
    if len(kinds) != 1:
        raise InvalidInputError(
            f"tensors of {len(kinds)} shapes and depths: tables are fitted to one or more tensors "
            "of the same shape and bits"
        )
    ((_, bits),) = kinds
    if bits > tables.MODELED_BITS:
        raise InvalidInputError(
            f"tables are fitted to integers of up to {tables.MODELED_BITS} bits, not {bits}"
        )


def _start(tensors: Sequence[Quantized], flat: list[Int16Array], generations: int) -> FittedTables:
    """Return tables that know the means and nothing else."""
    channels = len(flat[0])
    anchored = all(np.all(tensor.range.minimum == 0) for tensor in tensors)
    zeros = [0.0 if anchored else _zero(tensor) for tensor in tensors]
    means = [values.mean(axis=1) - zero for values, zero in zip(flat, zeros, strict=True)]
    bounds = generation_bounds(channels, generations)
    reach = len(OFFSETS) if channels <= _MOST_CHANNELS_ALL_AROUND else 5
    channel_rows = np.zeros((len(CHANNEL_SYMBOLS), max(CHANNEL_SYMBOLS)), np.uint16)
    for row, symbols in enumerate(CHANNEL_SYMBOLS):
        channel_rows[row, :symbols] = 1
    center = np.clip(np.rint(np.mean(means, axis=0)), -LARGEST_DIFFERENCE, LARGEST_DIFFERENCE)
    return FittedTables(
        anchored=anchored,
        generations=generations,
        zero_class=np.zeros(channels, np.uint8),
        scale=np.zeros(channels, np.uint8),
        center=center.astype(np.int16),
        own=np.zeros((channels, PASS_TYPES, OWN_WEIGHTS), np.int8),
        intercept=np.zeros(channels, np.int16),
        shift=np.full(channels, MOST_SHIFT, np.uint8),
        weights=tuple(
            np.zeros((reach, stop - first, first), np.int8)
            for first, stop in itertools.pairwise(bounds)
        ),
        zero_rows=tables.zero_prior().astype(np.uint16),
        value_rows=tables.value_prior().astype(np.uint16),
        channel_rows=channel_rows,
    )


def _zero(tensor: Quantized) -> float:
    """Return the integer that stands for the feature 0, as far as one range can tell."""
    if tensor.range.per_channel:
        return 0.0
    step = float(tensor.range.step(tensor.bits))
    return -float(tensor.range.minimum) / step if step else 0.0


@dataclasses.dataclass(frozen=True, eq=False)
class _Weights:
    """What was found for one generation; see ``FittedTables``."""

    own: npt.NDArray[np.int8]
    intercept: npt.NDArray[np.int16]
    shift: npt.NDArray[np.uint8]
    others: npt.NDArray[np.int8]


class _Regression:
    """Least squares of a channel on its own neighbors, its center and earlier channels."""

    def __init__(
        self, started: FittedTables, flat: list[Int16Array], size: tuple[int, int], bits: int
    ) -> None:
        self._layout = lattice(*size, COARSE_TO_FINE)
        self._reach = len(started.weights[0])
        gains, levels, centers = [], [], []
        for values in flat:
            mean = values.mean(axis=1)
            zero, gain = zero_and_gain(started, mean, bits)
            gains.append(gain / (1 << GAIN_BITS))
            levels.append((values - zero).astype(np.float32))
            centers.append((np.rint(mean) - zero).astype(np.float32))
        self._values = np.stack(levels)  # (N, C, H * W) raster, counted from zero
        self._centers = np.stack(centers)  # (N, C)
        self._gains = np.array(gains, np.float32)
        self._size = size

    def solve(self, first: int, stop: int) -> _Weights:
        """Fit the channels of one generation to those before it."""
        count, width = self._reach * first, _OWN_COLUMNS + 1
        gram = np.zeros((count, count))
        cross = np.zeros((count, (stop - first) * width))
        inner = np.zeros((stop - first, width, width))
        images = max(1, _CHUNK_ELEMENTS // max(self._values[0, 0].size * max(count, 1), 1))
        for start in range(0, len(self._values), images):
            chunk = slice(start, start + images)
            others = self._others(chunk, first)
            own = [self._own(chunk, channel) for channel in range(first, stop)]
            if count:
                gram += others @ others.T
                cross += others @ np.concatenate(own).T
            for index, columns in enumerate(own):
                inner[index] += columns @ columns.T
        return self._solved(gram, cross.reshape(count, stop - first, width), inner)

    def _others(self, chunk: slice, first: int) -> FloatArray:
        """(reach * first, elements) of earlier channels, around each place in coding order."""
        values = self._values[chunk, :first]
        elements = len(values) * values.shape[2]
        if not first:
            return np.zeros((0, elements), np.float32)
        planes = values.reshape(*values.shape[:2], *self._size)
        padded = np.pad(planes, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
        height, width = self._size
        rows = []
        for dy, dx in OFFSETS[: self._reach]:
            part = padded[:, :, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
            ordered = part.reshape(values.shape)[:, :, self._layout.order]
            rows.append(ordered.swapaxes(0, 1).reshape(first, elements))
        return np.concatenate(rows)

    def _own(self, chunk: slice, channel: int) -> FloatArray:
        """(columns, elements): own weights by type, the gain, and what is to be predicted."""
        values = self._values[chunk, channel][:, self._layout.order]
        center = self._centers[chunk, channel][:, None]
        known = np.concatenate([values, center], axis=1)
        columns = np.zeros((_OWN_COLUMNS + 1, *values.shape), np.float32)
        for part in self._layout.passes:
            places = slice(part.first, part.stop)
            row = part.type * OWN_WEIGHTS
            columns[row, :, places] = center
            for index, tap in enumerate(part.taps):
                columns[row + 1 + index, :, places] = sum(known[:, near] for near in tap)
        columns[-2] = self._gains[chunk, None]
        columns[-1] = values
        return columns.reshape(len(columns), -1)

    def _solved(self, gram: FloatArray, cross: FloatArray, inner: FloatArray) -> _Weights:
        """Solve for each channel: earlier channels once for all, then a border of its own."""
        count, channels = len(gram), len(inner)
        ridge = _RIDGE * np.diagonal(gram) + 1.0
        columns = cross.reshape(count, channels * cross.shape[2])
        solved = np.linalg.solve(gram + np.diag(ridge), columns).reshape(cross.shape)
        own = np.zeros((channels, PASS_TYPES, OWN_WEIGHTS), np.int8)
        intercept = np.zeros(channels, np.int16)
        shift = np.zeros(channels, np.uint8)
        others = np.zeros((self._reach, channels, count // self._reach), np.int8)
        for index in range(channels):
            border = inner[index] - cross[:, index].T @ solved[:, index]
            square, target = border[:-1, :-1], border[:-1, -1]
            loading = _RIDGE / 10 * np.diagonal(inner[index])[:-1] + 1.0
            mine = np.linalg.solve(square + np.diag(loading), target)
            rest = solved[:, index, -1] - solved[:, index, :-1] @ mine
            weights = np.clip(np.rint(64 * mine[:-1]), -128, 127)
            own[index] = weights.reshape(PASS_TYPES, OWN_WEIGHTS)
            intercept[index] = np.clip(np.rint(4 * mine[-1]), -(1 << 15), (1 << 15) - 1)
            shift[index] = _shift(rest)
            scaled = np.clip(np.rint(rest * 2.0 ** int(shift[index])), -127, 127)
            others[:, index] = scaled.reshape(self._reach, -1)
        return _Weights(own, intercept, shift, others)


def _shift(weights: FloatArray) -> int:
    """Return the finest unit in which all weights fit a byte and their sums stay exact."""
    largest = float(np.abs(weights).max(initial=0.0))
    total = float(np.abs(weights).sum())
    for shift in range(MOST_SHIFT, LEAST_SHIFT, -1):
        fits = largest * 2.0**shift <= 127.5
        if fits and (total * 2.0**shift + weights.size) * LARGEST_DIFFERENCE < EXACT:
            return shift
    return LEAST_SHIFT


def _with_usual(
    fitted: FittedTables, flat: list[Int16Array], size: tuple[int, int], bits: int
) -> FittedTables:
    """Return the tables with what is usual of each channel."""
    channels = len(flat[0])
    classes = np.full((len(flat), channels), tables.ALL_ZERO, np.int64)
    scales = np.full((len(flat), channels), np.nan)
    for index, values in enumerate(flat):
        plan, classes[index], _ = make_fitted_plan(fitted, values, size, bits)
        scales[index, classes[index] != tables.ALL_ZERO] = plan.scale
    counts = [np.bincount(column, minlength=tables.ZERO_CLASSES) for column in classes.T]
    known = np.where(np.isnan(scales).all(axis=0), 0.0, scales)
    return dataclasses.replace(
        fitted,
        zero_class=np.array([count.argmax() for count in counts], np.uint8),
        scale=np.rint(np.nanmedian(known, axis=0)).astype(np.uint8),
    )


def _walk(
    coder: Coder, fitted: FittedTables, values: Int16Array, size: tuple[int, int], bits: int
) -> None:
    """Code one tensor."""
    plan, classes, known = make_fitted_plan(fitted, values, size, bits)
    code_fitted_classes(coder, fitted, classes)
    code_fitted_plan(coder, fitted, plan, classes, size, bits)
    if len(known.values):
        Walk(coder, plan, size, (1 << bits) - 1, known).run()


class _CountingCoder:
    """Counts symbols; see ``Coder``."""

    def __init__(self) -> None:
        rows = (len(CHANNEL_SYMBOLS), tables.ZERO_ROWS, tables.LEVELS * tables.ROOMS)
        symbols = (max(CHANNEL_SYMBOLS), 2, tables.BUCKETS)
        self._counts = [np.zeros(shape, np.int64) for shape in zip(rows, symbols, strict=True)]

    def symbols(self, kind: int, rows: Any, given: Any, after: int) -> Any:  # noqa: ARG002
        """See ``Coder``."""
        counts = self._counts[kind]
        index = rows.astype(np.int64) * counts.shape[1] + given
        counts += np.bincount(index, minlength=counts.size).reshape(counts.shape)
        return given

    def listed(self, row: int, given: Any, count: int) -> Any:
        """See ``Teller``."""
        return self.symbols(CHANNELS, np.full(count, row), given, 0)

    def raw(self, given: Any, widths: Any) -> Any:  # noqa: ARG002
        """See ``Teller``."""
        return given

    def tables(self, fitted: FittedTables) -> FittedTables:
        """Return the tables with rows as they were counted."""
        channel, zero, value = self._counts
        possible = np.zeros(channel.shape, np.int64)
        for row, symbols in enumerate(CHANNEL_SYMBOLS):
            possible[row, :symbols] = 1
        return dataclasses.replace(
            fitted,
            channel_rows=_rows(channel, possible, _CHANNEL_ROW_WEIGHT),
            zero_rows=_rows(zero, tables.zero_prior(), _ROW_WEIGHT),
            value_rows=_rows(value, tables.value_prior(), _ROW_WEIGHT),
        )


def _rows(
    counts: npt.NDArray[np.int64], prior: npt.NDArray[np.int64], weight: int
) -> npt.NDArray[np.uint16]:
    """Mix what was counted with what was believed before, each row to about a weight."""
    mixed = COUNT_WEIGHT * counts + prior
    scaled = mixed * weight // mixed.sum(axis=1, keepdims=True)
    return np.where(prior > 0, np.maximum(scaled, 1), 0).astype(np.uint16)
