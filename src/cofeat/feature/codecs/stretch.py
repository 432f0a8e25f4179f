"""What the lossy image codecs share: integers of fewer bits over all levels of a pixel.

A quality then means the same for every n, and an error of less than half a
step of the integers vanishes. Rounding is to nearest, halves up, in integers.
"""

from __future__ import annotations

import numpy as np

from cofeat.feature.quantizer import IntegerArray, integer_type


def stretch(values: IntegerArray, bits: int, depth: int = 8) -> IntegerArray:
    """Return round(v * (2^depth - 1) / (2^bits - 1)) for every v, of the dtype of the depth."""
    if bits == depth:
        return values
    top, white = (1 << bits) - 1, (1 << depth) - 1
    table = (np.arange(top + 1) * white * 2 + top) // (2 * top)
    return table.astype(integer_type(depth))[values]


def shrink(pixels: IntegerArray, bits: int, depth: int = 8) -> IntegerArray:
    """Return round(p * (2^bits - 1) / (2^depth - 1)) for every pixel p, of the dtype of bits."""
    if bits == depth:
        return pixels
    top, white = (1 << bits) - 1, (1 << depth) - 1
    table = (np.arange(white + 1) * top * 2 + white) // (2 * white)
    return table.astype(integer_type(bits))[pixels]
