"""cofeat's lossy codec: fewer levels, coded by the lossless codec.

The setting is the number of levels, 2 to 255, spread evenly over the range of
n bits, both ends included. With L = min(setting, 2^n) - 1 and T = 2^n - 1, an
integer v is sent as k = (2 v L + T) // (2 T) and comes back as
(2 k T + L) // (2 L), all in integers.

Features are no pictures: heads that were trained with a quantizer's noise
stand a coarser quantizer better than they stand what a transform coder leaves
out (docs/decisions/feature-codec.md).
"""

from __future__ import annotations

import numpy as np

from cofeat.errors import BitstreamError
from cofeat.feature.codecs.base import Shape, check_values
from cofeat.feature.codecs.cofeat import COFEAT, CofeatCodec
from cofeat.feature.entropy.fitted import FittedTables
from cofeat.feature.quantizer import MAX_BITS, IntegerArray, integer_type


class CofeatLevelsCodec:
    """See ``Codec``."""

    name = "cofeat-levels"
    id = 17
    lossless = False
    extra: str | None = None
    min_setting = 2
    max_setting = 255
    # Seven bits, which no task of the first networks notices.
    default_setting = 128
    best_setting = 255
    max_bits = MAX_BITS

    def __init__(self, lossless: CofeatCodec = COFEAT) -> None:
        self._lossless = lossless

    def with_tables(self, fitted: FittedTables) -> CofeatLevelsCodec:
        """See ``TabledCodec``; the tables suit any number of levels."""
        return CofeatLevelsCodec(self._lossless.with_tables(fitted))

    def encode(self, values: IntegerArray, bits: int, setting: int) -> bytes:
        """Code the levels."""
        check_values(self, values, bits)
        top, last = (1 << bits) - 1, _last_level(bits, setting)
        depth = last.bit_length()
        table = (2 * np.arange(top + 1, dtype=np.int64) * last + top) // (2 * top)
        levels = table.astype(integer_type(depth))[values]
        return self._lossless.encode(levels, depth, self._lossless.default_setting)

    def decode(self, payload: bytes, shape: Shape, bits: int, setting: int) -> IntegerArray:
        """Decode the levels and spread them over the range again."""
        top, last = (1 << bits) - 1, _last_level(bits, setting)
        levels = self._lossless.decode(payload, shape, last.bit_length(), 1)
        if int(levels.max()) > last:
            raise BitstreamError(f"the payload has level {levels.max()}, and the last is {last}")
        table = (2 * np.arange(last + 1, dtype=np.int64) * top + last) // (2 * last)
        return np.asarray(table.astype(integer_type(bits))[levels])


def _last_level(bits: int, setting: int) -> int:
    return min(setting, 1 << bits) - 1


COFEAT_LEVELS = CofeatLevelsCodec()
