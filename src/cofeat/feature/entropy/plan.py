"""What the encoder tells before the elements, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cofeat.errors import BitstreamError
from cofeat.feature.entropy import tables
from cofeat.feature.entropy.coder import Teller
from cofeat.feature.entropy.lattice import COARSE_TO_FINE, DIAGONAL, MOST_TAPS, TAPS, TYPES
from cofeat.feature.entropy.prediction import Int16Array, Int32Array, References

Int64Array = npt.NDArray[np.int64]

MOST_GENERATIONS = 16
_GENERATIONS_BITS = 4
# Each diagonal of each generation takes its time, however few elements it has.
MOST_DIAGONALS = 512
_FILTER_BITS = 8
# Rows of the tables of channels.
_ZERO_CLASS, _SCALE, _CENTER, _REFERENCES, _COEFFICIENT = range(5)


class Told(Protocol):
    """What a walk needs to know of the C channels that are not all zero, whoever told it."""

    schedule: int
    """COARSE_TO_FINE or DIAGONAL."""
    zero_class: Int64Array
    """(C,) 0 ... ALL_ZERO - 1."""
    scale: Int64Array
    """(C,) expected size of a residual, in half octaves."""
    center: Int16Array
    """(C,) about the mean; stands in for neighbors outside the plane."""

    @property
    def kind(self) -> Int64Array:
        """(C,) 1 for channels with a spike at zero, else 0."""
        ...

    @property
    def bounds(self) -> list[int]:
        """The first channel of each generation, and C."""
        ...

    def channel_filters(self, first: int, stop: int) -> Int64Array:
        """Return the filters of some channels, (stop - first, TYPES, MOST_TAPS) in 64ths."""
        ...

    def said(
        self, first: int, stop: int, planes: Int16Array, deviations: Int16Array
    ) -> Int32Array | None:
        """Return what earlier generations add to the predictions of one.

        Args:
            first: its first channel.
            stop: the first channel behind it.
            planes: (C, H * W + 1) values in coding order, valid before ``first``.
            deviations: (C, H * W) four times the values, less what the neighbors predicted;
                likewise.

        Returns:
            (stop - first, H * W) in quarters, or None for nothing.
        """
        ...


@dataclass(eq=False)
class Plan:
    """What the stream itself tells; see ``Told``.

    Args:
        schedule: COARSE_TO_FINE or DIAGONAL.
        generations: 1 ... MOST_GENERATIONS groups of channels, up to C; later ones may
            refer to channels of earlier ones.
        zero_class: (C,) 0 ... ALL_ZERO - 1.
        scale: (C,) expected size of a residual, in half octaves.
        center: (C,) about the mean.
        filters: (2, TYPES, MOST_TAPS) in 64ths, by kind of channel and type of pass.
        references: (C, MOST_REFERENCES) channels of earlier generations, or -1.
        coefficients: (C, MOST_REFERENCES) indices into tables.COEFFICIENTS.
    """

    schedule: int
    generations: int
    zero_class: Int64Array
    scale: Int64Array
    center: Int16Array
    filters: Int64Array
    references: Int64Array
    coefficients: Int64Array

    @classmethod
    def empty(cls, zero_class: Int64Array, schedule: int, generations: int) -> Plan:
        """Return a plan in which nothing else is told yet."""
        channels = len(zero_class)
        return cls(
            schedule=schedule,
            generations=generations,
            zero_class=zero_class,
            scale=np.zeros(channels, np.int64),
            center=np.zeros(channels, np.int16),
            filters=np.zeros((2, TYPES, MOST_TAPS), np.int64),
            references=np.full((channels, tables.MOST_REFERENCES), -1, np.int64),
            coefficients=np.zeros((channels, tables.MOST_REFERENCES), np.int64),
        )

    @property
    def kind(self) -> Int64Array:
        """(C,) 1 for channels with a spike at zero, else 0."""
        return (self.zero_class > 0).astype(np.int64)

    @property
    def bounds(self) -> list[int]:
        """The first channel of each generation, and C."""
        channels, count = len(self.zero_class), self.generations
        return [channels * index // count for index in range(count + 1)]

    def channel_filters(self, first: int, stop: int) -> Int64Array:
        """Return the filters of some channels, (stop - first, TYPES, MOST_TAPS)."""
        return np.asarray(self.filters[self.kind[first:stop]])

    def said(
        self, first: int, stop: int, _planes: Int16Array, deviations: Int16Array
    ) -> Int32Array | None:
        """See ``Told``: references to deviations of earlier generations."""
        channels = slice(first, stop)
        return References(self.references[channels], self.coefficients[channels]).said(deviations)


def most_generations(schedule: int, channels: int, height: int, width: int) -> int:
    """Return how many generations a plan may have; 0 where the schedule is not allowed."""
    most = min(MOST_GENERATIONS, channels)
    if schedule == DIAGONAL:
        most = min(most, MOST_DIAGONALS // (2 * height + width))
    return most


def code_zero_classes(coder: Teller, classes: Int64Array | None, channels: int) -> Int64Array:
    """Code the class of zeros of every channel."""
    return coder.listed(_ZERO_CLASS, classes, channels)


def code_plan(
    coder: Teller, plan: Plan | None, zero_class: Int64Array, size: tuple[int, int], bits: int
) -> Plan:
    """Code a plan.

    Args:
        coder: either direction.
        plan: what to tell, or None to decode.
        zero_class: (C,) of the channels that are not all zero.
        size: (height, width) of a plane.
        bits: of the values, up to 8.

    Raises:
        BitstreamError: decoding, a field has a value that it must not have.
    """
    head = None if plan is None else np.array([plan.schedule, plan.generations - 1])
    schedule, count = coder.raw(head, np.array([1, _GENERATIONS_BITS])).tolist()
    if count + 1 > most_generations(schedule, len(zero_class), *size):
        raise BitstreamError(f"the payload has {count + 1} generations, too many for its shape")
    told = Plan.empty(zero_class, schedule, count + 1)
    given = None if plan is None else plan.scale
    told.scale = coder.listed(_SCALE, given, len(zero_class))
    _code_centers(coder, plan, told, bits)
    _code_filters(coder, plan, told)
    if told.generations > 1:
        _code_references(coder, plan, told)
    return told


def _code_centers(coder: Teller, plan: Plan | None, told: Plan, bits: int) -> None:
    """Code the centers: of channels with a spike as symbols, of the others as they are."""
    spiked, plain = np.flatnonzero(told.kind), np.flatnonzero(told.kind == 0)
    shift = tables.center_shift(bits)
    symbols = steps = None
    if plan is not None:
        symbols = np.searchsorted(tables.CENTERS, plan.center[spiked])
        steps = plan.center[plain].astype(np.int64) >> shift
    symbols = coder.listed(_CENTER, symbols, len(spiked))
    told.center[spiked] = tables.CENTERS[symbols]
    told.center[plain] = coder.raw(steps, np.full(len(plain), bits - shift)) << shift


def _code_filters(coder: Teller, plan: Plan | None, told: Plan) -> None:
    """Code the filters of the kinds of channels that there are, as bytes with 128 for 0."""
    types = (1, 2, 3, 4) if told.schedule == COARSE_TO_FINE else (5,)
    which = [(kind, type_) for kind in np.unique(told.kind) for type_ in types]
    given = None
    if plan is not None:
        given = np.concatenate([plan.filters[at][: TAPS[at[1]]] for at in which]) + 128
    sizes = [TAPS[type_] for _, type_ in which]
    taps = coder.raw(given, np.full(sum(sizes), _FILTER_BITS)).astype(np.int64) - 128
    for at, part in zip(which, np.split(taps, np.cumsum(sizes)[:-1]), strict=True):
        told.filters[at][: len(part)] = part


def _code_references(coder: Teller, plan: Plan | None, told: Plan) -> None:
    """Code the references of every generation but the first: counts, channels, coefficients.

    Raises:
        BitstreamError: decoding, one refers to a channel of its own generation or a later one.
    """
    bounds = told.bounds
    first = bounds[1]
    counts = None if plan is None else (plan.references[first:] >= 0).sum(axis=1)
    counts = coder.listed(_REFERENCES, counts, len(told.center) - first)
    has = np.zeros(told.references.shape, bool)
    has[first:] = np.arange(tables.MOST_REFERENCES) < counts[:, None]
    # How many channels there are before the generation of each reference's channel.
    before = np.repeat(bounds[:-1], np.diff(bounds))[np.nonzero(has)[0]]
    widths = np.array([(count - 1).bit_length() for count in before.tolist()], np.int64)
    given = None if plan is None else plan.references[has]
    low = coder.raw(None if given is None else given & 0xFF, np.minimum(widths, 8))
    high = coder.raw(None if given is None else given >> 8, np.maximum(widths - 8, 0))
    references = low.astype(np.int64) | high.astype(np.int64) << 8
    if np.any(references >= before):
        raise BitstreamError("the payload refers to a channel that is not known yet")
    told.references[has] = references
    given = None if plan is None else plan.coefficients[has]
    told.coefficients[has] = coder.listed(_COEFFICIENT, given, len(before))
