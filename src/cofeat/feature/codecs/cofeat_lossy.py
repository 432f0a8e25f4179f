"""cofeat's lossy codec: a coarser step, coded by the lossless codec.

The setting is the step in quarters of an octave: STEPS[setting] sixteenths of an 8-bit level, but
at least one of the n bits. An integer v is sent as the number of the nearest multiple of the step,
and that comes back as the nearest integer, at most 2^n - 1.

Features are no pictures: a transform codec spreads its error over a block and blurs what the heads
look at, while heads that were trained with a quantizer's noise stand a coarser quantizer
(docs/decisions/feature-codec.md). Halves go to even levels: where they all went one way, the mean
would drift, and disparity with it.
"""

from __future__ import annotations

import numpy as np

from cofeat.errors import BitstreamError
from cofeat.feature.codecs.base import Shape, check_values
from cofeat.feature.codecs.cofeat import COFEAT, CofeatCodec
from cofeat.feature.entropy.fitted import FittedTables
from cofeat.feature.quantizer import IntegerArray, integer_type

# round(16 * 2 ** (setting / 4)); part of the format.
# fmt: off
STEPS = (
    16, 19, 23, 27, 32, 38, 45, 54, 64, 76, 91, 108, 128, 152, 181, 215, 256, 304, 362, 431, 512,
    609, 724, 861, 1024,
)
# fmt: on


class CofeatLossyCodec:
    """See ``Codec``.

    Args:
        lossless: codes the levels.
    """

    name = "cofeat-lossy"
    id = 17
    lossless = False
    extra: str | None = None
    min_setting = 0
    max_setting = len(STEPS) - 1
    # Steps of four levels, which the tasks of the first networks hardly notice.
    default_setting = 8
    best_setting = 0
    max_bits = 8
    tables_type = FittedTables

    def __init__(self, lossless: CofeatCodec = COFEAT) -> None:
        self._lossless = lossless

    def with_tables(self, tables: FittedTables) -> CofeatLossyCodec:
        """See ``TabledCodec``; the tables suit any step."""
        return CofeatLossyCodec(self._lossless.with_tables(tables))

    def encode(self, values: IntegerArray, bits: int, setting: int) -> bytes:
        """Code the levels."""
        check_values(self, values, bits)
        one, step = _one_and_step(bits, setting)
        table = np.rint(one * np.arange(1 << bits) / step).astype(np.uint8)
        depth = _last_level(bits, setting).bit_length()
        return self._lossless.encode(table[values], depth, self._lossless.default_setting)

    def decode(self, payload: bytes, shape: Shape, bits: int, setting: int) -> IntegerArray:
        """Decode the levels, and multiply by the step."""
        last = _last_level(bits, setting)
        depth = last.bit_length()
        levels = self._lossless.decode(payload, shape, depth, self._lossless.default_setting)
        if int(levels.max()) > last:
            raise BitstreamError(f"the payload has level {levels.max()}, and the last is {last}")
        one, step = _one_and_step(bits, setting)
        table = np.minimum((np.arange(last + 1) * step + one // 2) // one, (1 << bits) - 1)
        return np.asarray(table.astype(integer_type(bits))[levels])


def _one_and_step(bits: int, setting: int) -> tuple[int, int]:
    """Return the distance of two integers, and the step, in sixteenths of an 8-bit level."""
    one = 16 << 8 - bits
    return one, max(STEPS[setting], one)


def _last_level(bits: int, setting: int) -> int:
    """Return the level of the largest integer."""
    one, step = _one_and_step(bits, setting)
    return round(one * ((1 << bits) - 1) / step)


COFEAT_LOSSY = CofeatLossyCodec()
