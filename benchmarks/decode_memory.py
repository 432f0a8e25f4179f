"""How much memory does each codec's decoder take for a pixel of the mosaic? Linux alone.

    python benchmarks/decode_memory.py

A flat mosaic of 4096 x 4096 pixels, the cheapest of bombs, is decoded in a fresh
process for each codec, after a small one that loads what the decoder needs; told
is by how much the peak of the resident memory rose. Codecs of cofeat's own are left
out: they are made for small tensors.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from cofeat.feature.codecs import CODECS, load_codec

SIDE_PX = 4096
# Settings that are fast to encode with; the decoders do the same for all.
FAST = {"png": 1, "zstd": 1, "webp-lossless": 0, "jpegxl": 1}


def peak_kib() -> int:
    """The peak of this process; ``ru_maxrss`` would begin at the parent's."""
    found = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    if not found:
        raise SystemExit("/proc/self/status tells no peak memory")
    return int(found[1])


def decode(name: str, path: str) -> None:
    """Decode a small payload and the large one, and print the bytes a pixel of the latter."""
    codec = load_codec(name)
    setting = FAST.get(name, codec.default_setting)
    small = np.zeros((1, 64, 64), np.uint8)
    codec.decode(codec.encode(small, 8, setting), small.shape, 8, setting)
    payload = Path(path).read_bytes()
    before = peak_kib()
    codec.decode(payload, (1, SIDE_PX, SIDE_PX), 8, setting)
    print(1024 * (peak_kib() - before - len(payload) / 1024) / SIDE_PX**2)


def main() -> None:
    if len(sys.argv) == 3:
        decode(*sys.argv[1:])
        return
    flat = np.zeros((1, SIDE_PX, SIDE_PX), np.uint8)
    for name in CODECS.names():
        if name.startswith("cofeat"):
            continue
        codec = load_codec(name)
        payload = codec.encode(flat, 8, FAST.get(name, codec.default_setting))
        with tempfile.NamedTemporaryFile() as file:
            file.write(payload)
            file.flush()
            command = [sys.executable, __file__, name, file.name]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"{name:14s} {len(payload):9d} bytes  {float(done.stdout):5.1f} bytes a pixel")


if __name__ == "__main__":
    main()
