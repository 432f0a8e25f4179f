"""cofeat's codec for features that were trained to cost few bits, at any of several steps.

The setting is the step in quarters of an octave: STEPS[setting] sixteenths of an integer, from the
middle of the range out, so that zero stays zero. The network sends fine integers, of which one step
makes levels; its own entropy model, learned with it, tells the codec what to expect of each
(``cofeat.feature.entropy.learned``). Without such tables it works, and badly: every level costs as
if nothing were known of its channel.
"""

from __future__ import annotations

import numpy as np

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs.base import Shape
from cofeat.feature.codecs.cofeat_lossy import STEPS as FINE_STEPS
from cofeat.feature.entropy.coder import DecodingCoder, EncodingCoder
from cofeat.feature.entropy.learned import LearnedTables, without_learning
from cofeat.feature.entropy.learned_walk import LARGEST_LEVEL, LearnedWalk
from cofeat.feature.quantizer import IntegerArray, integer_type

# Two octaves beyond those of 8-bit integers: here the integers are finer.
STEPS = (*FINE_STEPS, 1218, 1448, 1722, 2048, 2435, 2896, 3444, 4096)
MOST_ELEMENTS = 1 << 24
# Rows come one after the other, and each takes time: a picture of 2^16 pixels' height at stride 16.
MOST_ROWS = 1 << 12
# No level takes less than log2(4096 / 4065) bits, so a byte holds fewer than 2^11.
_MOST_ELEMENTS_PER_BYTE = 1 << 11
_MOST_ELEMENTS_PER_LANE = 1 << 14
# Streams are so short that what each lane costs at the end counts.
_LEAST_LANES = 1
# What the stream's scale is told in, and from where it counts.
_SHIFT_BITS, _SHIFT_ZERO = 8, 128


class CofeatLearnedCodec:
    """See ``Codec``.

    Args:
        learned: tables of the model whose features they are, or None.
    """

    name = "cofeat-learned"
    id = 18
    lossless = False
    extra: str | None = None
    min_setting = 0
    max_setting = len(STEPS) - 1
    # One step of 16 fine integers: what networks are trained for first.
    default_setting = 16
    best_setting = 0
    max_bits = 12
    tables_type = LearnedTables

    def __init__(self, learned: LearnedTables | None = None) -> None:
        self._learned = learned

    def with_tables(self, tables: LearnedTables) -> CofeatLearnedCodec:
        """See ``TabledCodec``; the tables suit any step."""
        return CofeatLearnedCodec(tables)

    def encode(self, values: IntegerArray, bits: int, setting: int) -> bytes:
        """Code the levels."""
        if values.size > MOST_ELEMENTS or values.shape[1] > MOST_ROWS:
            raise InvalidInputError(
                f"codec '{self.name}' holds up to {MOST_ELEMENTS} elements in {MOST_ROWS} rows, "
                f"not {values.shape}: use another codec"
            )
        channels, height, width = values.shape
        tables, step = self._tables_of(channels), STEPS[setting]
        centered = values.astype(np.int64) - (1 << bits - 1)
        levels = np.rint(16.0 * centered / step).astype(np.int64)
        coder = EncodingCoder(_lanes(levels), tables, _LEAST_LANES)
        shift = setting if self._learned else setting - _usual_scale(levels * step)
        coder.raw(np.array([shift + _SHIFT_ZERO]), np.array([_SHIFT_BITS]))
        LearnedWalk(coder, tables, (height, width), step, shift, levels, LARGEST_LEVEL).run()
        return coder.finish()

    def decode(self, payload: bytes, shape: Shape, bits: int, setting: int) -> IntegerArray:
        """Decode the levels, and multiply by the step."""
        channels, height, width = shape
        elements = channels * height * width
        if height > MOST_ROWS:
            raise BitstreamError(f"{height} rows, and codec '{self.name}' has up to {MOST_ROWS}")
        if elements > min(MOST_ELEMENTS, len(payload) * _MOST_ELEMENTS_PER_BYTE):
            raise BitstreamError(f"{len(payload)} bytes cannot hold {elements} elements")
        tables, step = self._tables_of(channels), STEPS[setting]
        coder = DecodingCoder(payload, tables, _LEAST_LANES)
        if elements > coder.lanes * _MOST_ELEMENTS_PER_LANE:
            raise BitstreamError(f"{coder.lanes} lanes are too few for {elements} elements")
        shift = int(coder.raw(None, np.array([_SHIFT_BITS]))[0]) - _SHIFT_ZERO
        largest = -(-(16 << bits - 1) // step)
        walk = LearnedWalk(coder, tables, (height, width), step, shift, None, largest)
        levels = walk.run()
        coder.finish()
        values = (1 << bits - 1) + (levels * step + 8 >> 4)
        return np.asarray(np.clip(values, 0, (1 << bits) - 1).astype(integer_type(bits)))

    def _tables_of(self, channels: int) -> LearnedTables:
        """Return the tables, which must be of so many channels.

        Raises:
            BitstreamError: they are of another number.
        """
        if self._learned is None:
            return without_learning(channels)
        if self._learned.channels != channels:
            raise BitstreamError(
                f"the tables are of {self._learned.channels} channels, not of {channels}"
            )
        return self._learned


def _usual_scale(values: np.ndarray) -> int:
    """Return the scale of values as a whole, in quarters of an octave: for want of tables."""
    mean = float(np.abs(values).mean())
    # The mean magnitude of a logistic distribution is its scale times 2 log 2.
    return int(np.clip(np.rint(4 * np.log2(max(mean, 1.0) / 1.386)), 0, 80))


def _lanes(levels: np.ndarray) -> int:
    """More lanes are faster, and take half a byte each: by the bits that are likely."""
    likely_bits = levels.size // 4 + 3 * int(np.count_nonzero(levels))
    return min(levels.size >> 8, likely_bits >> 8)


COFEAT_LEARNED = CofeatLearnedCodec()
