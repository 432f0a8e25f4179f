"""The walk over all elements: what is known about each before it is coded, and its coding.

::

    neighbors --> filter --> base --+--> prediction --> zero? --> bucket of the residual, raw bits
    what earlier channels say ---------^                 ^           ^
    channel's class of zeros, which neighbors are zero --+           |
    channel's scale, neighbors' spread, prediction, activity --> level

The same walk encodes and decodes. All arithmetic is on integers; ``>>`` and
``//`` round down.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.errors import BitstreamError
from cofeat.feature.entropy import harm, tables
from cofeat.feature.entropy.coder import VALUES, ZEROS, Coder
from cofeat.feature.entropy.lattice import Pass, lattice
from cofeat.feature.entropy.plan import Told
from cofeat.feature.entropy.prediction import Int16Array, Int32Array, filtered, limited
from cofeat.feature.entropy.rawbits import MOST_BITS

Array = npt.NDArray[Any]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Known:
    """What the encoder knows already, (C, H * W) each in coding order.

    Args:
        values: what is coded.
        prediction: in quarters, what the decoder will predict.
    """

    values: Int16Array
    prediction: Int16Array


class Walk:
    """One walk over the channels that are not all zero.

    Args:
        coder: either direction.
        plan: what the encoder told.
        size: (height, width) of a plane.
        top: the largest value, 1 ... 255.
        known: what to encode, or None to decode.
    """

    def __init__(
        self, coder: Coder, plan: Told, size: tuple[int, int], top: int, known: Known | None
    ) -> None:
        self._coder, self._plan, self._top, self._known = coder, plan, top, known
        channels, places = len(plan.center), size[0] * size[1]
        self._passes = lattice(*size, plan.schedule).passes
        self._planes = np.empty((channels, places + 1), np.int16)
        self._planes[:, places] = plan.center
        self._deviations = np.empty((channels, places), np.int16)
        # By place, and 0 for the center: by how much residuals were larger than usual, in
        # LOGARITHM and summed over channels; and how many residuals there were.
        self._surprise = np.zeros((2, places + 1), np.int64)
        self._left = channels * places

    def run(self) -> Int16Array:
        """Walk, and return the (C, H * W) values in coding order.

        Raises:
            BitstreamError: decoding, a value is out of range, or the payload ends before.
        """
        for first, stop in itertools.pairwise(self._plan.bounds):
            if first == stop:
                continue
            generation = _Generation(self._plan, first, stop)
            said = None
            if self._known is None:
                said = self._plan.said(first, stop, self._planes, self._deviations)
            before = self._surprise.copy()
            for part in self._passes:
                self._left -= (stop - first) * (part.stop - part.first)
                self._code(generation, part, said, before)
        return np.asarray(self._planes[:, :-1])

    def _code(
        self, generation: _Generation, part: Pass, said: Int32Array | None, before: Int64Array
    ) -> None:
        """Code one pass of one generation."""
        channels, places = generation.channels, slice(part.first, part.stop)
        planes = self._planes[channels]
        near = [planes.take(index, axis=1) for index in part.near]
        values = base = None
        if self._known is None:
            base = filtered(planes, generation.center, generation.filters[:, part.type], part)
            prediction = base if said is None else limited(base + said[:, places])
        else:
            values = self._known.values[channels, places]
            prediction = self._known.prediction[channels, places]

        chosen = _Chosen(self._code_zeros(generation, part, near, prediction, values))
        expected = np.clip(prediction + 2 >> 2, generation.lowest, self._top) - generation.lowest
        usual = generation.usual(part.type, near, expected)
        weight = generation.activity_weight[:, part.type, None]
        level = usual + weight * self._activity(part, before) >> 5
        lowest = generation.lowest if generation.uniform else chosen.of(generation.lowest, level)
        expected = chosen.of(expected)
        above = self._code_values(
            chosen.of(tables.LEVELS_BY_LOGARITHM.take(level, mode="clip")),
            expected,
            None if values is None else chosen.of(values) - lowest,
        )
        if values is None:
            if np.any((above < 0) | (above > self._top - lowest)):
                raise BitstreamError(harm.OUT_OF_RANGE)
            values = chosen.spread(above + lowest, level.shape)
        planes[:, places] = values
        if base is not None:
            np.subtract(4 * values, base, out=self._deviations[channels, places])
        surprise = tables.LOGARITHM.take(np.abs(above - expected)) - (chosen.of(usual) >> 5)
        surprise = chosen.spread(surprise, level.shape)
        self._surprise[0, places] += surprise.sum(axis=0, dtype=np.int32)
        self._surprise[1, places] += (values >= generation.lowest).sum(axis=0, dtype=np.int32)

    def _activity(self, part: Pass, before: Int64Array) -> Int16Array:
        """How much larger residuals are at a place than usual, in eighths of LOGARITHM: (n,)."""
        total, count = 4 * before[:, part.first : part.stop]
        for index in part.near:
            total += self._surprise[0].take(index)
            count += self._surprise[1].take(index)
        return np.asarray(8 * total // (count + 16), np.int16)

    def _code_zeros(
        self,
        generation: _Generation,
        part: Pass,
        near: list[Int16Array],
        prediction: Int16Array,
        values: Int16Array | None,
    ) -> Int64Array | None:
        """Code which elements of channels with a spike are zero.

        Returns:
            flat indices of the elements that are left to code, or None for all.
        """
        spiked = generation.spiked
        if not spiked.size:
            return None
        shape, every = prediction.shape, generation.uniform
        if not every:
            prediction, near = prediction[spiked], [neighbor[spiked] for neighbor in near]
        pattern = np.zeros(prediction.shape, np.uint8)
        for bit, neighbor in enumerate(near):
            pattern |= (neighbor == 0).view(np.uint8) << np.uint8(bit)
        eighths = (prediction << 1 >> generation.octave[spiked, None]) + 16
        row = tables.ZERO_BY_PREDICTION.take(eighths, mode="clip")
        row += tables.ZERO_BY_NEIGHBORS[part.type].take(pattern)
        row += tables.ZERO_BY_CLASS[generation.zero_class[spiked], None]
        row >>= 1
        row += tables.ZERO_MIDDLE
        np.clip(row, 0, tables.ZERO_ROWS - 1, out=row)
        given = None
        if values is not None:
            given = ((values if every else values[spiked]) != 0).reshape(-1).view(np.int8)
        # Symbol 0 is "zero", 1 is "not zero"; the values of this pass come after.
        after = self._left + shape[0] * shape[1]
        symbols = self._coder.symbols(ZEROS, row.reshape(-1), given, after)
        if every:
            return np.flatnonzero(symbols)
        left = np.ones(shape, bool)
        left[spiked] = symbols.reshape(prediction.shape)
        return np.flatnonzero(left)

    def _code_values(
        self, level: Int16Array, expected: Int16Array, above: Int16Array | None
    ) -> Int16Array:
        """Code (n,) values, counted from the lowest one, and return them."""
        shift = tables.SHIFTS.take(level)
        middle = expected >> shift
        row = level * np.int16(tables.ROOMS) + tables.ROOM_CLASSES.take(middle, mode="clip")
        middle -= tables.MIDDLE
        given = None
        if above is not None:
            given = np.clip((above >> shift) - middle, 0, tables.BUCKETS - 1)
        bucket = self._coder.symbols(VALUES, row, given, self._left)
        # The outermost buckets say no more than "far off": the whole value follows.
        far = (bucket == 0) | (bucket == tables.BUCKETS - 1)
        widths = np.where(far, MOST_BITS, shift)
        if above is not None:
            self._coder.raw(above & (1 << widths) - 1, widths)
            return above
        low = self._coder.raw(None, widths)
        return np.where(far, low, (bucket + middle << shift) + low).astype(np.int16)


class _Chosen:
    """The elements of a pass whose values are coded, one after the other.

    Args:
        indices: flat indices into (C, n) arrays, or None for all elements.
    """

    def __init__(self, indices: Int64Array | None) -> None:
        self._indices = indices

    def of(self, array: Array, like: Array | None = None) -> Array:
        """Take them from a (C, n) array, or from one that broadcasts to the shape of ``like``."""
        if like is not None:
            array = np.broadcast_to(array, like.shape)
        flat = array.reshape(-1)
        return flat if self._indices is None else flat.take(self._indices)

    def spread(self, values: Array, shape: tuple[int, ...]) -> Array:
        """Put them into a (C, n) array of zeros."""
        if self._indices is None:
            return values.reshape(shape)
        array = np.zeros(shape, values.dtype)
        array.reshape(-1)[self._indices] = values
        return array


class _Generation:
    """What the plan tells of the channels of one generation."""

    def __init__(self, plan: Told, first: int, stop: int) -> None:
        channels = slice(first, stop)
        kind = plan.kind[channels]
        self.channels = channels
        self.spiked = np.flatnonzero(kind)
        # Whether all channels are of one kind; then one lowest value is that of all.
        self.uniform = self.spiked.size in (0, len(kind))
        self.lowest = kind[:, None].astype(np.int16)
        if self.uniform:
            self.lowest = self.lowest[0, 0]
        self.zero_class = plan.zero_class[channels]
        self.center = plan.center[channels]
        self.octave = (plan.scale[channels] >> 1).astype(np.int16)
        self.filters = plan.channel_filters(first, stop)
        self._weights = tables.SCALE_WEIGHTS[kind]
        self.activity_weight = self._weights[:, :, 3]
        scale = 4 * plan.scale[channels, None].astype(np.int16)
        self._constant = self._weights[:, :, 0] * scale + self._weights[:, :, 4]

    def usual(self, type_: int, near: list[Int16Array], expected: Int16Array) -> Int16Array:
        """The usual LOGARITHM of a residual in 32nds, before the place's activity: (C, n)."""
        one, two, three, four = near
        spread = np.maximum(np.maximum(one, two), np.maximum(three, four))
        spread -= np.minimum(np.minimum(one, two), np.minimum(three, four))
        usual = tables.LOGARITHM.take(spread)
        usual *= self._weights[:, type_, 1, None]
        if self.spiked.size:
            usual += tables.LOGARITHM.take(expected) * self._weights[:, type_, 2, None]
        usual += self._constant[:, type_, None]
        return usual
