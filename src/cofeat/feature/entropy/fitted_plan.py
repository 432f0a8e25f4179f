"""What a stream tells where its decoder has fitted tables, and what follows from both."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from cofeat.errors import BitstreamError
from cofeat.feature.entropy import tables
from cofeat.feature.entropy.coder import Teller
from cofeat.feature.entropy.fitted import OFFSETS, FittedTables
from cofeat.feature.entropy.lattice import COARSE_TO_FINE, MOST_TAPS, TYPES, lattice
from cofeat.feature.entropy.plan import Int64Array
from cofeat.feature.entropy.prediction import Int16Array, Int32Array

GAIN_BITS = 12
_HALF_GAIN = 1 << GAIN_BITS - 1
MOST_GAIN = 0xFFFF
SHIFT_BITS, SHIFT_ZERO = 5, 16
# Rows of the tables of channels: differences of these.
_ZERO_CLASS, _SCALE, _CENTER, _PLAIN_CENTER = range(4)
_PLAIN_STEPS = 64


class FittedPlan:
    """What is known of the channels that are not all zero; see ``Told``.

    Args:
        fitted: the tables.
        live: (C,) numbers of those channels.
        size: (height, width) of a plane.
        zero: the integer that stands for the feature 0, 0 ... 255.
        gain: by how much the image's features exceed the usual, in 2^-GAIN_BITS.
    """

    def __init__(
        self, fitted: FittedTables, live: Int64Array, size: tuple[int, int], zero: int, gain: int
    ) -> None:
        self._fitted, self._live, self._size = fitted, live, size
        self._zero, self._gain = zero, gain
        self.schedule = COARSE_TO_FINE
        self.zero_class = np.zeros(len(live), np.int64)
        self.scale = np.zeros(len(live), np.int64)
        self.center = np.zeros(len(live), np.int16)
        self.bounds = np.searchsorted(live, fitted.bounds).tolist()
        height, width = size
        self._row = width + 2
        # The planes with a border of one, where the nearest element stands in.
        self._around = np.zeros((len(live), (height + 2) * self._row), np.float32)
        self._ready = 0
        layout = lattice(*size, COARSE_TO_FINE)
        self._passes, self._order = layout.passes, layout.order
        y, x = np.divmod(layout.order, width)
        self._columns = y * self._row + x

    @property
    def kind(self) -> Int64Array:
        """(C,) 1 for channels with a spike at zero, else 0."""
        return (self.zero_class > 0).astype(np.int64)

    @property
    def head(self) -> Int64Array:
        """What is told first: zero, the two bytes of the gain, the scales' usual difference."""
        usual = self._fitted.scale[self._live].astype(np.int64)
        shift = np.rint(np.median(self.scale - usual)) if len(usual) else 0
        return np.array(
            [self._zero, self._gain & 0xFF, self._gain >> 8, shift + SHIFT_ZERO], np.int64
        )

    @property
    def usual_center(self) -> Int64Array:
        """(C,) what the tables and the gain let expect of the centers."""
        center = self._fitted.center[self._live].astype(np.int64)
        center = self._zero + (center * self._gain + _HALF_GAIN >> GAIN_BITS)
        return np.asarray(np.clip(center, 0, 255), np.int64)

    def channel_filters(self, first: int, stop: int) -> Int64Array:
        """Return the weights of the taps, (stop - first, TYPES, MOST_TAPS)."""
        own = self._fitted.own[self._live[first:stop]]
        filters = np.zeros((stop - first, TYPES, MOST_TAPS), np.int64)
        filters[:, : own.shape[1], : own.shape[2] - 1] = own[:, :, 1:]
        return filters

    def said(
        self, first: int, stop: int, planes: Int16Array, _deviations: Int16Array
    ) -> Int32Array:
        """Return what earlier channels, the center and the intercept add to a generation."""
        total = self._of_others(first, stop, planes)
        for part, own in zip(self._passes, self._of_own, strict=True):
            total[:, part.first : part.stop] += own[first:stop]
        return total

    @cached_property
    def _of_own(self) -> list[Int32Array]:
        """What center and intercept add to the places of each pass, (C, 1) in quarters."""
        intercept = self._fitted.intercept[self._live].astype(np.int64) * self._gain
        # The walk counts neighbors from the center; the weights count from the zero.
        difference = self.center.astype(np.int32) - self._zero
        own = self._fitted.own[self._live].astype(np.int32)
        constant = (intercept + _HALF_GAIN >> GAIN_BITS).astype(np.int32) - 4 * difference
        added = []
        for part in self._passes:
            weight = own[:, part.type, 0].copy()
            for index, tap in enumerate(part.taps):
                weight += len(tap) * own[:, part.type, 1 + index]
            added.append((constant + (weight * difference >> 4))[:, None])
        return added

    def _of_others(self, first: int, stop: int, planes: Int16Array) -> Int32Array:
        """Weigh the channels of earlier generations: (stop - first, H * W) in quarters."""
        height, _ = self._size
        generation = int(np.searchsorted(self._fitted.bounds, self._live[first], "right")) - 1
        begin = self._fitted.bounds[generation]
        before = self.bounds[generation]
        total = np.zeros((stop - first, height * self._row - 2), np.float32)
        if before:
            self._fill(before, planes)
            matrices = self._fitted.matrices[generation]
            if before < begin or stop - first < matrices.shape[1]:
                mine, earlier = self._live[first:stop] - begin, self._live[:before]
                matrices = matrices[:, mine[:, None], earlier]
            for (dy, dx), matrix in zip(OFFSETS, matrices, strict=False):
                start = (1 + dy) * self._row + 1 + dx
                total += matrix @ self._around[:before, start : start + total.shape[1]]
        shift = self._fitted.shift[self._live[first:stop]].astype(np.int32) - 2
        whole: Int32Array = total.take(self._columns, axis=1).astype(np.int32)
        whole >>= shift[:, None]
        return whole

    def _fill(self, stop: int, planes: Int16Array) -> None:
        """Lay out the planes up to ``stop`` with their borders."""
        fresh = slice(self._ready, stop)
        height, width = self._size
        around = self._around[fresh].reshape(-1, height + 2, self._row)
        inner = np.empty((stop - self._ready, height * width), np.float32)
        inner[:, self._order] = planes[fresh, :-1]
        inner -= self._zero
        around[:, 1:-1, 1:-1] = inner.reshape(-1, height, width)
        around[:, 0], around[:, -1] = around[:, 1], around[:, -2]
        around[:, :, 0], around[:, :, -1] = around[:, :, 1], around[:, :, -2]
        self._ready = stop


def code_fitted_classes(
    coder: Teller, fitted: FittedTables, classes: Int64Array | None
) -> Int64Array:
    """Code the class of zeros of every channel, by its difference from the usual one."""
    usual = fitted.zero_class.astype(np.int64)
    given = None if classes is None else (classes - usual) % tables.ZERO_CLASSES
    return (coder.listed(_ZERO_CLASS, given, len(usual)) + usual) % tables.ZERO_CLASSES


def code_fitted_plan(
    coder: Teller,
    fitted: FittedTables,
    plan: FittedPlan | None,
    classes: Int64Array,
    size: tuple[int, int],
    bits: int,
) -> FittedPlan:
    """Code what is told: zero and gain, then scales and centers by their differences.

    Args:
        coder: either direction.
        fitted: the tables.
        plan: what to tell, or None to decode.
        classes: (C,) of zeros, of all channels.
        size: (height, width) of a plane.
        bits: of the values, up to 8.

    Raises:
        BitstreamError: decoding, a center is out of range.
    """
    head = None if plan is None else plan.head
    fields = coder.raw(head, np.array([8, 8, 8, SHIFT_BITS])).astype(np.int64)
    zero, gain = int(fields[0]), int(fields[1] | fields[2] << 8)
    live = np.flatnonzero(classes != tables.ALL_ZERO)
    told = FittedPlan(fitted, live, size, zero, gain)
    told.zero_class = classes[live]
    usual = fitted.scale[live].astype(np.int64) + fields[3] - SHIFT_ZERO
    given = None if plan is None else (plan.scale - usual) % tables.SCALES
    told.scale = (coder.listed(_SCALE, given, len(live)) + usual) % tables.SCALES
    _code_centers(coder, plan, told, bits)
    return told


def _code_centers(coder: Teller, plan: FittedPlan | None, told: FittedPlan, bits: int) -> None:
    """Code the centers of channels with a spike, then of the others."""
    spiked, plain = np.flatnonzero(told.kind), np.flatnonzero(told.kind == 0)
    usual, shift = told.usual_center, tables.center_shift(bits)
    nearest = np.searchsorted(tables.CENTERS, usual[spiked], "right") - 1
    steps = usual[plain] >> shift
    symbols = differences = None
    if plan is not None:
        symbols = np.searchsorted(tables.CENTERS, plan.center[spiked]) - nearest
        symbols %= len(tables.CENTERS)
        differences = ((plan.center[plain] >> shift) - steps) % _PLAIN_STEPS
    symbols = coder.listed(_CENTER, symbols, len(spiked))
    told.center[spiked] = tables.CENTERS[(symbols + nearest) % len(tables.CENTERS)]
    differences = coder.listed(_PLAIN_CENTER, differences, len(plain))
    told.center[plain] = (differences + steps) % _PLAIN_STEPS << shift
    if np.any(told.center[plain] >= 1 << bits):
        raise BitstreamError("the payload has a center out of range")
