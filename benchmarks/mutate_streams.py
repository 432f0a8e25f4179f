"""What do harmed streams do to the decoder? Integers of the declared shape, or BitstreamError.

    nice -n 10 python benchmarks/mutate_streams.py --streams 1000000 --seed 0

Valid streams of every codec, of small tensors, are harmed in many ways:

- the whole stream: cut off at every byte, every single bit flipped of all that
  stands before the payload, and random harm; each with the checksum as it was
  and made right again;
- the payload alone, with its length and the checksum right, so that the codec
  is reached: cut off at every byte, every single bit flipped of its first 64
  bytes, and random harm: flips, bytes replaced, removed, doubled, put in, a piece
  of another payload, and another shape around it.

Each codec's streams are decoded in a process of its own, so that a crash of a
native decoder is seen. The stream that it died of is written to --crashes. The
table tells, by codec, how many streams were decoded and refused, by whom, the
slowest one, and by how much the process's peak memory grew.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import mmap
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from cofeat.errors import BitstreamError
from cofeat.feature.bitstream import Bitstream, pack, unpack
from cofeat.feature.codecs import CODECS, CodecSpec, load_codec
from cofeat.feature.codecs.base import TabledCodec
from cofeat.feature.entropy.fitting import fit_tables
from cofeat.feature.entropy.learned import LearnedTables, group_shapes
from cofeat.feature.pipeline import compress, decompress
from cofeat.feature.quantizer import quantize
from cofeat.feature.tables import Tables

SHAPES = ((1, 1, 1), (3, 6, 5), (4, 16, 16), (17, 8, 8))
WITH_TABLES = "+tables"
DEPTHS = (1, 4, 8, 10, 12, 16)
HEADER_BYTES = 64
# Bytes that mean something to one decoder or another.
TELLING = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)
# A stream that is being decoded stands here, for the parent to find.
BOX_BYTES = 1 << 20
# Blocks of memory that are filled and given back between two decodings of the same stream.
DIRT_BYTES = (256, 4096, 32768, 100_000)
CRC = struct.Struct("<I")


def features_of(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    """Waves with noise, cut off below."""
    c, y, x = np.indices(shape)
    noise = np.random.default_rng(seed).normal(0, 0.1, shape)
    return np.maximum(np.sin(c + y / 3) * np.cos(x / 4) + noise, -0.3).astype(np.float32)


@functools.cache
def tables_of(name: str) -> Tables | None:
    """What streams of a codec with tables are made with, of the channels of the last shape."""
    name, with_tables, _ = name.partition(WITH_TABLES)
    if not with_tables:
        return None
    if getattr(load_codec(name), "tables_type", None) is LearnedTables:
        return any_learned_tables(SHAPES[-1][0], 4)
    tensors = [quantize(features_of(SHAPES[-1], seed)) for seed in range(20)]
    return fit_tables(tensors, generations=4)


def any_learned_tables(channels: int, groups: int) -> LearnedTables:
    """Tables that no network was trained for: a decoder must stand any."""
    dice, hidden = np.random.default_rng(0), 6
    return LearnedTables(
        groups,
        dice.integers(-(1 << 20), 1 << 20, channels).astype(np.int32),
        dice.integers(0, 50 << 14, channels).astype(np.int32),
        dice.integers(-(1 << 18), 1 << 18, (2, groups, hidden)).astype(np.int32),
        *(
            tuple(dice.integers(-300, 301, shape).astype(np.int16) for shape in kind)
            for kind in group_shapes(channels, groups, hidden)
        ),
    )


def valid_streams(name: str) -> list[bytes]:
    """Streams of one codec: shapes, depths and settings, one range and many."""
    tables = tables_of(name)
    codec = load_codec(name.removesuffix(WITH_TABLES))
    streams = []
    for shape, bits in itertools.product(SHAPES, DEPTHS):
        if bits > codec.max_bits or (tables and shape[0] != tables.channels):
            continue
        features = features_of(shape, bits)
        for setting in {codec.min_setting, codec.default_setting, codec.max_setting}:
            spec = CodecSpec(codec, setting)
            streams.append(compress(features, spec, bits, per_channel=bits == 4, tables=tables))
    return streams


def harm(data: bytes, others: list[bytes], dice: random.Random) -> bytes:
    """Harm bytes in one to four random ways."""
    harmed = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        place = dice.randrange(len(harmed) + 1)
        length = dice.choice((1, 1, 2, 4, 8, 32))
        kind = dice.randrange(8)
        if kind <= 1 and harmed:
            harmed[place % len(harmed)] ^= 1 << dice.randrange(8)
        elif kind == 2 and harmed:
            harmed[place % len(harmed)] = dice.choice(TELLING)
        elif kind == 3:
            harmed[place : place + length] = dice.randbytes(length)
        elif kind == 4:
            del harmed[place : place + length]
        elif kind == 5:
            harmed[place:place] = harmed[place : place + length]
        elif kind == 6:
            harmed[place:place] = bytes([dice.choice(TELLING)]) * length
        else:
            other = dice.choice(others)
            start = dice.randrange(len(other) + 1)
            harmed[place : place + length] = other[start : start + length]
    return bytes(harmed)


def flips(data: bytes, first_bytes: int) -> Iterator[bytes]:
    """Every single bit of the first bytes flipped."""
    for position in range(8 * min(first_bytes, len(data))):
        harmed = bytearray(data)
        harmed[position // 8] ^= 1 << position % 8
        yield bytes(harmed)


def both_checksums(body: bytes, crc: bytes) -> Iterator[bytes]:
    """The harmed body with the checksum that it had, and with the right one."""
    yield body + crc
    yield body + CRC.pack(zlib.crc32(body))


def systematic(data: bytes) -> Iterator[bytes]:
    """Every truncation and every flipped bit of the header."""
    stream = unpack(data)
    body, crc = data[: -CRC.size], data[-CRC.size :]
    before_payload = len(body) - len(stream.payload)
    for length in range(len(data)):
        yield data[:length]
    for length in range(len(body)):
        yield from both_checksums(body[:length], b"")
    for harmed in flips(body, before_payload):
        yield from both_checksums(harmed, crc)
    for length in range(len(stream.payload)):
        yield pack(replace(stream, payload=stream.payload[:length]))
    for payload in flips(stream.payload, HEADER_BYTES):
        yield pack(replace(stream, payload=payload))


def randomly(streams: list[bytes], dice: random.Random) -> Iterator[bytes]:
    """Random harm without end, mostly to the payload."""
    parts: list[Bitstream] = [unpack(data) for data in streams]
    payloads = [part.payload for part in parts]
    while True:
        index = dice.randrange(len(streams))
        stream, data = parts[index], streams[index]
        if dice.random() < 0.2:
            body = harm(data[: -CRC.size], streams, dice)
            yield from both_checksums(body, data[-CRC.size :])
        else:
            shape = stream.shape if dice.random() < 0.9 else dice.choice(parts).shape
            if not stream.range.per_channel:
                stream = replace(stream, shape=shape)
            yield pack(replace(stream, payload=harm(stream.payload, payloads, dice)))


def outcome(data: bytes, tables: Tables | None) -> str:
    """Decode one stream, with what tables are at hand, and say what came of it.

    Raises:
        RuntimeError: it decoded to what it must not.
    """
    try:
        stream = unpack(data)
    except BitstreamError:
        return "refused by the container"
    try:
        result = decompress(data, tables=tables)
    except BitstreamError:
        return "refused by the codec"
    values = result.quantized.values
    if values.shape != stream.shape or int(values.max()) >= 1 << stream.bits:
        raise RuntimeError(f"{values.shape} and {values.max()} of {stream.shape}, {stream.bits}")
    if not np.isfinite(result.features).all():
        raise RuntimeError("features that are not finite")
    # Memory that a decoder forgot to write would show the second time.
    for length in DIRT_BYTES:
        np.full(length, 0xA5, np.uint8)
    if not np.array_equal(decompress(data, tables=tables).quantized.values, values):
        raise RuntimeError("the same bytes gave other integers the second time")
    return "decoded"


def work(name: str, count: int, seed: int, box_path: str) -> None:
    """Decode that many harmed streams of one codec and print what came of them as JSON."""
    streams, tables = valid_streams(name), tables_of(name)
    for data in streams:
        if outcome(data, tables) != "decoded":
            raise SystemExit(f"a valid stream of {name} does not decode")
    with Path(box_path).open("r+b") as file:
        box = mmap.mmap(file.fileno(), BOX_BYTES)
    counts: Counter[str] = Counter()
    faults: list[str] = []
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin, slowest = time.perf_counter(), 0.0
    smallest_first = sorted(streams, key=len)
    dice = random.Random(f"{name} {seed}")
    harmed = itertools.chain(
        itertools.chain.from_iterable(map(systematic, smallest_first)), randomly(streams, dice)
    )
    # Half of the streams are random at least: where there are too many systematic ones, every
    # k-th is taken.
    total = sum(1 for data in smallest_first for _ in systematic(data))
    stride = -(-total // max(1, count // 2))
    chosen = itertools.chain(itertools.islice(harmed, 0, total, stride), harmed)
    for data in itertools.islice(chosen, count):
        box[: 4 + len(data)] = CRC.pack(len(data)) + data
        start = time.perf_counter()
        try:
            counts[outcome(data, tables)] += 1
        except Exception:
            counts["another error"] += 1
            faults.append(traceback.format_exc(limit=-3))
        slowest = max(slowest, time.perf_counter() - start)
    print(
        json.dumps(
            {
                "counts": counts,
                "faults": faults[:3],
                "seconds": time.perf_counter() - begin,
                "slowest_ms": 1000 * slowest,
                "systematic": -(-total // stride),
                "grown_mib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib)
                / 1024,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


def run(name: str, count: int, seed: int, crashes: Path) -> dict[str, object]:
    """Run ``work`` in a process of its own."""
    with tempfile.NamedTemporaryFile() as box:
        box.truncate(BOX_BYTES)
        command = [sys.executable, __file__, "--worker", name, "--box", box.name]
        done = subprocess.run(
            [*command, "--streams", str(count), "--seed", str(seed)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return dict(json.loads(done.stdout.splitlines()[-1]))
        data = Path(box.name).read_bytes()
    (length,) = CRC.unpack_from(data)
    crashes.mkdir(parents=True, exist_ok=True)
    path = crashes / f"{name}-{seed}.cft"
    path.write_bytes(data[4 : 4 + length])
    number = -done.returncode
    reason = signal.Signals(number).name if number > 0 else f"status {done.returncode}"
    return {"crash": f"{reason}; the stream is {path}\n{done.stderr[-2000:]}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=22_000, help="of all codecs together")
    parser.add_argument("--seed", type=int, default=0)
    codecs = [load_codec(name) for name in CODECS.names()]
    names = [codec.name for codec in codecs]
    names += [codec.name + WITH_TABLES for codec in codecs if isinstance(codec, TabledCodec)]
    parser.add_argument("--codecs", nargs="+", choices=names, default=names)
    parser.add_argument("--crashes", type=Path, default=Path("crashes"), help="a folder")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--box", help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.worker:
        work(words.worker, words.streams, words.seed, words.box)
        return
    each = -(-words.streams // len(words.codecs))
    columns = ("decoded", "refused by the codec", "refused by the container", "another error")
    heads = ("streams", "decoded", "by codec", "by container", "other")
    print(f"| {'codec':19} | {' | '.join(heads)} | s | slowest ms | grown MiB | peak MiB |")
    print(f"|---|{'---:|' * (len(heads) + 4)}")
    sums: Counter[str] = Counter()
    seconds, bad = 0.0, 0
    for name in words.codecs:
        result = run(name, each, words.seed, words.crashes)
        if "crash" in result:
            bad += 1
            print(f"| {name:19} | CRASHED: {result['crash']} |")
            continue
        counts = dict(result["counts"])
        sums.update(counts)
        seconds += result["seconds"]
        bad += counts.get("another error", 0)
        cells = [sum(counts.values()), *(counts.get(column, 0) for column in columns)]
        print(
            f"| {name:19} | {' | '.join(map(str, cells))} | {result['seconds']:.0f} | "
            f"{result['slowest_ms']:.0f} | {result['grown_mib']:.0f} | {result['peak_mib']:.0f} |",
            flush=True,
        )
        for fault in result["faults"]:
            print(fault)
    cells = [sum(sums.values()), *(sums[column] for column in columns)]
    print(f"| all                 | {' | '.join(map(str, cells))} | {seconds:.0f} | | | |")
    if bad:
        raise SystemExit(f"{bad} streams did what they must not")


if __name__ == "__main__":
    main()
