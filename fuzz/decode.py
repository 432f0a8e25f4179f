"""Fuzz the decoder without end, guided by coverage: a target for atheris.

    pip install atheris            # Linux or macOS, CPython 3.11 to 3.13
    python fuzz/decode.py --corpus fuzz/corpus
    python fuzz/decode.py fuzz/corpus -max_total_time=3600 -rss_limit_mb=2048

The first call writes the golden streams into a corpus to begin with and ends; the
second fuzzes. What stands behind the folder goes to libFuzzer, which ends with the
input that broke the invariant in a file, to be given to this program again.

The invariant: whatever the bytes are, they become integers of the declared shape
and range, or BitstreamError. Every input's length field and checksum are made right
before it is decoded, so that the codecs are reached and not the checksum fuzzed.
"""

from __future__ import annotations

import shutil
import struct
import sys
import zlib
from pathlib import Path

import numpy as np

from cofeat.errors import BitstreamError
from cofeat.feature.bitstream import OVERHEAD_BYTES, Limits, unpack
from cofeat.feature.pipeline import decompress

# Small, so that a run stays fast; the sizes that are declared are what is fuzzed.
LIMITS = Limits(channels=256, elements=1 << 16, payload_bytes=1 << 16)
GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "streams"
# Where the flags and the number of channels stand, and where the ranges begin.
FLAGS, CHANNELS, RANGES = 4, 8, 30
LENGTH = struct.Struct("<I")


def repaired(data: bytes) -> bytes:
    """Return the stream with its length and its checksum right, as far as it has them."""
    if len(data) < OVERHEAD_BYTES:
        return data
    (channels,) = struct.unpack_from("<H", data, CHANNELS)
    place = RANGES + 8 * (channels if data[FLAGS] & 1 else 1)
    body = bytearray(data[: -LENGTH.size])
    payload_bytes = len(body) - place - LENGTH.size
    if payload_bytes >= 0:
        LENGTH.pack_into(body, place, payload_bytes)
    return bytes(body) + LENGTH.pack(zlib.crc32(body))


def check(data: bytes) -> None:
    """Hold one input to the invariant.

    Raises:
        Exception: it does not hold.
    """
    stream = repaired(data)
    try:
        result = decompress(stream, LIMITS)
    except BitstreamError:
        return
    header = unpack(stream, LIMITS)
    values = result.quantized.values
    if values.shape != header.shape or int(values.max()) >= 1 << header.bits:
        raise RuntimeError(f"{values.shape}, {values.max()} for {header.shape}, {header.bits} bits")
    if not np.isfinite(result.features).all():
        raise RuntimeError("features that are not finite")


def main() -> None:
    """Write a corpus, or hand over to libFuzzer."""
    if len(sys.argv) == 3 and sys.argv[1] == "--corpus":
        corpus = Path(sys.argv[2])
        corpus.mkdir(parents=True, exist_ok=True)
        for stream in sorted(GOLDEN.glob("*.cft")):
            shutil.copy(stream, corpus)
        return
    try:
        import atheris
    except ImportError:
        raise SystemExit("atheris is not installed: pip install atheris") from None
    # Coverage of this package is what can be had: the native decoders are built without.
    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
