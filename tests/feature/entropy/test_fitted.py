from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cofeat.errors import BitstreamError
from cofeat.feature.entropy.fitted import FittedTables

HEAD_BYTES, CRC_BYTES = 14, 4


def mended(data):
    """The same with the checksum right again."""
    return data[:-CRC_BYTES] + struct.pack("<I", zlib.crc32(data[:-CRC_BYTES]))


def test_file_there_and_back(fitted):
    data = fitted.to_bytes()
    again = FittedTables.from_bytes(data)
    assert again.to_bytes() == data
    assert again.id == fitted.id
    assert len(again.id) == 4
    for mine, theirs in zip(again.weights, fitted.weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_every_flipped_byte_and_every_truncation_is_refused(fitted):
    data = fitted.to_bytes()
    for place in range(0, len(data), 7):
        harmed = bytearray(data)
        harmed[place] ^= 0x41
        with pytest.raises(BitstreamError):
            FittedTables.from_bytes(bytes(harmed))
    for length in (0, 3, HEAD_BYTES, len(data) // 2, len(data) - 1):
        with pytest.raises(BitstreamError):
            FittedTables.from_bytes(data[:length])
    with pytest.raises(BitstreamError, match="bytes follow"):
        FittedTables.from_bytes(data + b"\0")


@given(place=st.integers(0, HEAD_BYTES + 40), value=st.integers(0, 255))
def test_harm_under_a_right_checksum_gives_tables_or_our_error(fitted, place, value):
    harmed = bytearray(fitted.to_bytes())
    harmed[place] = value
    try:
        again = FittedTables.from_bytes(mended(bytes(harmed)))
    except BitstreamError:
        return
    # What is taken is whole: it can be written, and coded with.
    assert FittedTables.from_bytes(again.to_bytes()).id == again.id
    assert len(again.rows_to_decode) == 3


def test_body_that_inflates_to_more_is_refused(fitted):
    data = fitted.to_bytes()
    bomb = zlib.compress(bytes(1 << 24))
    head = data[: HEAD_BYTES - 4] + struct.pack("<I", len(bomb))
    with pytest.raises(BitstreamError, match="another length"):
        FittedTables.from_bytes(mended(head + bomb + bytes(CRC_BYTES)))


@pytest.mark.parametrize(
    "change",
    [
        {"zero_class": 16},
        {"scale": 16},
        {"center": 256},
        {"shift": 3},
        {"shift": 13},
        {"zero_rows": 0},
        {"value_rows": 1},
        {"channel_rows": 1},
    ],
)
def test_values_out_of_range_are_refused(fitted, change):
    ((name, value),) = change.items()
    with pytest.raises(BitstreamError, match="out of range"):
        replace(fitted, **{name: np.full_like(getattr(fitted, name), value)})


def test_weights_whose_sums_would_not_be_exact_are_refused(fitted):
    channels = 700
    wide = {
        name: np.repeat(getattr(fitted, name)[:1], channels, axis=0)
        for name in ("zero_class", "scale", "center", "own", "intercept", "shift")
    }
    first = np.zeros((9, channels // 2, 0), np.int8)
    heaviest = np.full((9, channels // 2, channels // 2), 127, np.int8)
    # 9 * 350 * 127 * 255 is above 2^24; with one tenth of the weights it is not.
    with pytest.raises(BitstreamError, match="out of range"):
        replace(fitted, generations=2, weights=(first, heaviest), **wide)
    light = heaviest // 13
    assert replace(fitted, generations=2, weights=(first, light), **wide).channels == channels
