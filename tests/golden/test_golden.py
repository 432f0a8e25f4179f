"""Streams that were written once and must be read for ever.

``COFEAT_WRITE_GOLDEN=1 pytest tests/golden`` writes those that are missing, when a
case is added. One that is there is never written again.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cofeat.feature.codecs import parse_codec
from cofeat.feature.pipeline import compress, decompress

STREAMS = Path(__file__).parent / "streams"
CASES = [
    (codec, bits, per_channel)
    for codec, depths in (
        ("png", (8, 4, 12)),
        ("jpeg:90", (8, 4)),
        ("zstd", (8, 3, 12)),
        ("webp-lossless:9", (8, 4)),
        ("webp:80", (8, 4)),
        ("avif:70", (8, 4)),
        ("jpegls", (8, 4, 12)),
        ("jpegls-near:3", (8, 4, 12)),
        ("jpegxl", (8, 4, 12)),
        ("hevc:24", (8, 4, 10, 12)),
        ("av1:24", (8, 4, 10)),
    )
    for bits in depths
    for per_channel in (False, True)
]
# Where the payload's length stands, and so where the fields before it end.
LENGTH_OFFSET = {False: 38, True: 30 + 8 * 11}


def features() -> np.ndarray:
    """Eleven channels that every machine computes alike: eighths of small integers."""
    c, y, x = np.indices((11, 6, 10))
    wave = (c * 5 + y * 3 + x * 2) % 23 - (x // 3) * (c % 4) - 7
    return (wave * (1 + c % 3) / 8).astype(np.float32)


def paths(codec: str, bits: int, per_channel: bool) -> tuple[Path, Path]:
    name = f"{codec.replace(':', '')}-{bits}bit-{'channel' if per_channel else 'tensor'}"
    return STREAMS / f"{name}.cft", STREAMS / f"{name}.npy"


@pytest.mark.parametrize(("codec", "bits", "per_channel"), CASES)
def test_golden_stream(codec, bits, per_channel):
    stream_path, values_path = paths(codec, bits, per_channel)
    fresh = compress(
        features(), codec, bits, per_channel, (90, 150), b"\x10\x20\x30\x40\x50\x60\x70\x80"
    )
    if os.environ.get("COFEAT_WRITE_GOLDEN") == "1" and not stream_path.exists():
        STREAMS.mkdir(exist_ok=True)
        stream_path.write_bytes(fresh)
        np.save(values_path, decompress(fresh).quantized.values)
        pytest.skip(f"wrote {stream_path.name}")
    assert stream_path.is_file(), "golden stream missing: see the head of this file"
    golden = stream_path.read_bytes()
    result = decompress(golden)
    np.testing.assert_array_equal(result.quantized.values, np.load(values_path))
    # All but the payload, whose bytes depend on the encoder at hand, is written so today.
    end = LENGTH_OFFSET[per_channel]
    assert fresh[:end] == golden[:end]
    if parse_codec(codec).codec.lossless:
        np.testing.assert_array_equal(decompress(fresh).quantized.values, np.load(values_path))


def test_golden_png_holds_the_features():
    golden = paths("png", 12, False)[0].read_bytes()
    result = decompress(golden)
    step = (features().max() - features().min()) / 4095
    assert np.abs(result.features - features()).max() <= 0.51 * step


def test_no_stream_is_left_over():
    expected = {path for case in CASES for path in paths(*case)}
    assert set(STREAMS.iterdir()) == expected
