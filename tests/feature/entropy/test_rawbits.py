from __future__ import annotations

import numpy as np
import pytest

from cofeat.errors import BitstreamError
from cofeat.feature.entropy.rawbits import RawBitsReader, RawBitsWriter


def test_layout_by_hand():
    writer = RawBitsWriter()
    # 3 bits 101, 8 bits 11000011, 0 bits, 1 bit 1: low bits first.
    writer.put(np.array([5, 0xC3, 0, 1]), np.array([3, 8, 0, 1]))
    assert writer.finish() == bytes([0b00011_101, 0b0000_1_110])


@pytest.mark.parametrize("seed", range(5))
def test_fields_come_back(seed):
    rng = np.random.default_rng(seed)
    blocks = []
    writer = RawBitsWriter()
    for size in (0, 1, 500, 3):
        widths = rng.integers(0, 9, size)
        values = rng.integers(0, 1 << widths)
        writer.put(values, widths)
        blocks.append((values, widths))
    data = writer.finish()
    reader = RawBitsReader(data + b"\xff")
    for values, widths in blocks:
        np.testing.assert_array_equal(reader.get(widths), values)
    assert reader.finish() == len(data)


def test_end_is_checked():
    reader = RawBitsReader(b"\x08")
    assert reader.get(np.array([3])).tolist() == [0]
    with pytest.raises(BitstreamError):
        reader.finish()  # a bit is set behind the last field
    with pytest.raises(BitstreamError):
        reader.get(np.array([3, 3]))
    with pytest.raises(BitstreamError):
        RawBitsReader(b"").get(np.array([1]))
