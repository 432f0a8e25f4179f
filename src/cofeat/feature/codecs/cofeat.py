"""cofeat's own lossless codec, made for quantized features.

Each channel's own distribution, its zeros, the neighborhood within a channel,
other channels and the activity at a place tell what to expect of an element.
``cofeat.feature.entropy`` is the machinery; docs/decisions/feature-codec.md has
the figures.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs.base import Shape
from cofeat.feature.entropy import tables
from cofeat.feature.entropy.analysis import make_fitted_plan, make_plan
from cofeat.feature.entropy.fitted import FittedTables
from cofeat.feature.entropy.fitted_plan import code_fitted_classes, code_fitted_plan
from cofeat.feature.entropy.lattice import COARSE_TO_FINE, lattice
from cofeat.feature.entropy.plan import (
    MOST_GENERATIONS,
    Plan,
    Told,
    code_plan,
    code_zero_classes,
)
from cofeat.feature.entropy.prediction import Int16Array
from cofeat.feature.entropy.walk import Known
from cofeat.feature.entropy.ways import Way, quickest
from cofeat.feature.quantizer import MAX_BITS, IntegerArray, integer_type

# Neighbors' places take about a hundred bytes each. A stride of 4 leaves a quarter of this of
# a 2048 x 1024 image.
MOST_PLACES = 1 << 19
MOST_ELEMENTS = 1 << 26
# No element takes less than log2(4096 / 4095) bits, so a byte holds fewer than 2^15.
_MOST_ELEMENTS_PER_BYTE = 1 << 15
# Fewer lanes make more steps, and steps take time.
_MOST_ELEMENTS_PER_LANE = 1 << 12
_PART_ELEMENTS = 1 << 18


class CofeatCodec:
    """See ``Codec``.

    Args:
        way: how to do the work; None for the quickest that can be had.
        fitted: tables of the model whose features they are, or None.
    """

    name = "cofeat"
    id = 16
    lossless = True
    extra: str | None = None
    # The most generations of channels: how often channels may refer to earlier ones.
    min_setting = 1
    max_setting = MOST_GENERATIONS
    # What more of them save does not repay their time but where channels are much alike.
    default_setting = 4
    best_setting = MOST_GENERATIONS
    max_bits = MAX_BITS
    tables_type = FittedTables

    def __init__(self, way: Way | None = None, fitted: FittedTables | None = None) -> None:
        self._way, self._fitted = way, fitted

    def with_tables(self, tables: FittedTables) -> CofeatCodec:
        """See ``TabledCodec``."""
        return CofeatCodec(self._way, tables)

    def encode(self, values: IntegerArray, bits: int, setting: int) -> bytes:
        """Model the top 8 bits, and write what is below them as it is."""
        if _too_large(values.shape):
            raise InvalidInputError(
                f"codec '{self.name}' holds up to {MOST_ELEMENTS} elements in channels of up to "
                f"{MOST_PLACES}, not {values.shape}: use another codec"
            )
        channels, height, width = values.shape
        low_bits = max(bits - tables.MODELED_BITS, 0)
        flat = np.ascontiguousarray(values).reshape(channels, -1)
        high = (flat >> low_bits).astype(np.int16)
        way, fitted = self._way or quickest(), self._fitted_to(channels)
        coder = way.encoder(_lanes(high, bits - low_bits), fitted)
        size, modeled = (height, width), bits - low_bits
        plan, known = self._told(coder, high, size, modeled, setting)
        if len(plan.center):
            way.walk(coder, plan, size, (1 << modeled) - 1, known).run()
        if low_bits:
            for part in _parts(flat):
                coder.raw(part & ((1 << low_bits) - 1), np.full(part.size, low_bits))
        return bytes(coder.finish())

    def decode(self, payload: bytes, shape: Shape, bits: int, setting: int) -> IntegerArray:  # noqa: ARG002
        """Read the channels' classes, the plan, the elements and the low bits."""
        if _too_large(shape):
            raise BitstreamError(f"a tensor of {shape} is too large for codec '{self.name}'")
        channels, height, width = shape
        low_bits = max(bits - tables.MODELED_BITS, 0)
        way, fitted = self._way or quickest(), self._fitted_to(channels)
        coder = way.decoder(payload, fitted)
        if fitted:
            classes = code_fitted_classes(coder, fitted, None)
        else:
            classes = code_zero_classes(coder, None, channels)
        live = np.flatnonzero(classes != tables.ALL_ZERO)
        _check_effort(live.size * height * width, len(payload), coder.lanes)
        flat = np.zeros((channels, height * width), integer_type(bits))
        size, modeled = (height, width), bits - low_bits
        if fitted:
            plan: Told = code_fitted_plan(coder, fitted, None, classes, size, modeled)
        elif live.size:
            plan = code_plan(coder, None, classes[live], size, modeled)
        if live.size:
            ordered = way.walk(coder, plan, size, (1 << modeled) - 1, None).run()
            high = np.empty(ordered.shape, np.int16)
            high[:, lattice(*size, plan.schedule).order] = ordered
            flat[live] = high
            flat <<= flat.dtype.type(low_bits)
        if low_bits:
            for part in _parts(flat):
                part |= coder.raw(None, np.full(part.size, low_bits)).astype(flat.dtype)
        coder.finish()
        return flat.reshape(shape)

    def _fitted_to(self, channels: int) -> FittedTables | None:
        """Return the tables, which must be of so many channels.

        Raises:
            BitstreamError: they are of another number.
        """
        if self._fitted and self._fitted.channels != channels:
            raise BitstreamError(
                f"the tables are of {self._fitted.channels} channels, not of {channels}"
            )
        return self._fitted

    def _told(
        self, coder: Any, high: Int16Array, size: tuple[int, int], bits: int, setting: int
    ) -> tuple[Told, Known]:
        """Choose what is told before the elements, and tell it."""
        if self._fitted:
            fitted_plan, classes, known = make_fitted_plan(self._fitted, high, size, bits)
            code_fitted_classes(coder, self._fitted, classes)
            code_fitted_plan(coder, self._fitted, fitted_plan, classes, size, bits)
            return fitted_plan, known
        live = np.flatnonzero(high.any(axis=1))
        classes = np.full(len(high), tables.ALL_ZERO, np.int64)
        if not live.size:
            code_zero_classes(coder, classes, len(high))
            nothing = np.zeros((0, high.shape[1]), np.int16)
            return Plan.empty(classes[:0], COARSE_TO_FINE, 1), Known(nothing, nothing)
        plan, known = make_plan(high[live], size, bits, setting)
        classes[live] = plan.zero_class
        code_zero_classes(coder, classes, len(high))
        code_plan(coder, plan, plan.zero_class, size, bits)
        return plan, known


def _parts(flat: IntegerArray) -> list[IntegerArray]:
    """Cut (C, n) elements, so that the work on one part takes little memory."""
    return np.array_split(flat.reshape(-1), -(-flat.size // _PART_ELEMENTS))


def _too_large(shape: tuple[int, ...]) -> bool:
    channels, height, width = shape
    return height * width > MOST_PLACES or channels * height * width > MOST_ELEMENTS


def _lanes(values: Int16Array, bits: int) -> int:
    """More lanes are faster, and take half a byte each: by the symbols and bits that are likely."""
    likely_bits = values.size // 4 + bits * int(np.count_nonzero(values))
    return min(values.size >> 8, likely_bits >> 9)


def _check_effort(elements: int, payload_bytes: int, lanes: int) -> None:
    """Refuse what would take long although no encoder writes it.

    Raises:
        BitstreamError: more elements than so many bytes can hold, or too few lanes.
    """
    if elements > payload_bytes * _MOST_ELEMENTS_PER_BYTE:
        raise BitstreamError(f"{payload_bytes} bytes are too few for {elements} elements")
    if elements > lanes * _MOST_ELEMENTS_PER_LANE and lanes < 1024:
        raise BitstreamError(f"{lanes} lanes are too few for {elements} elements")


COFEAT = CofeatCodec()
