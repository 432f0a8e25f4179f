"""How fast and how steady is the cloud, against a bare loop on the same core?

    python benchmarks/serving.py [load saturated latency] [--bundle DIR] [--size WxH]

The server runs on one core and the load comes from another, over loopback:

- ``load``: 64 clients, 10,000 requests, one in ten malformed. Told are the answers by
  status, requests that hang, times, and the server's memory as it goes on.
- ``saturated``: pictures a second against a loop that decodes and runs ONNX Runtime
  with batches of the same size on the same core, the two in turn.
- ``latency``: one client alone, against the same loop with one picture at a time.

Without ``--bundle`` an untrained EfficientNet-Lite0 is exported, which takes as long
to run as a trained one. The features are of street scenes; segmentation is asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from cofeat.bundle import open_bundle
from cofeat.data.base import Sample
from cofeat.edge import Device
from cofeat.feature.bitstream import pack, unpack
from cofeat.feature.pipeline import decompress
from cofeat.image import format_size, parse_size
from cofeat.protocol.http import encode_request
from cofeat.protocol.messages import InferRequest, RequestedOutput, bytes_tensor
from cofeat.runtime import RuntimeModel

SERVER_CORE, CLIENT_CORE = 0, 1
NAME = "bench"
TASKS = ("segmentation",)
BATCH = 8
STREAMS = 16
CLIENTS = 64
REQUESTS = 10_000
# Far above any answer's time; who waits longer hangs.
HUNG_S = 60.0
# The first requests fill pools and caches; memory is compared from here on.
SETTLED = 0.2
ROUNDS = 5
ROUND_S = 6.0
# Twice what a batch holds, so that a full one is always there.
IN_FLIGHT = 2 * BATCH


class Scenes:
    """Street scenes as a data set."""

    def __init__(self, size: tuple[int, int], count: int, seed: int = 0) -> None:
        self.size = size
        self.names = tuple(f"scene{seed + index}" for index in range(count))
        self._seed = seed

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        from cofeat.data.streets.render import render_scene

        image = render_scene(self._seed + index, self.size).image
        return Sample(self.names[index], image, {"reconstruction": image})


def export(folder: Path, scenes: Scenes) -> Path:
    """Export an untrained network."""
    import torch

    from cofeat.export.write import Options, Source, export_bundle
    from cofeat.network.build import build_network, load_network, save_network

    torch.manual_seed(0)
    checkpoint, bundle = folder / "checkpoint", folder / "bundle"
    checkpoint.mkdir()
    config = {"encoder": "efficientnet_lite0"}
    save_network(checkpoint, build_network(**config), config, {"model": "made", "arm": "baseline"})
    source = Source(NAME, load_network(checkpoint), scenes, scenes, "scenes")
    export_bundle(bundle, [source], Options(parts=("encoder", "heads"), accuracy_images=1))
    return bundle


def load_model(bundle: Path) -> RuntimeModel:
    return RuntimeModel(open_bundle(bundle).model(), threads=1)


def make_streams(bundle: Path, scenes: Scenes) -> list[bytes]:
    """Return bitstreams as a device sends them."""
    device = Device(bundle, threads=1)
    images = [scenes[index].image for index in range(len(scenes))]
    return [device.split_request(device.encode(image), image.shape[:2])[0].data for image in images]


# The bare loop, in a process of its own on the server's core.


def bare_loop(bundle: Path, streams: list[bytes], pipe: Connection) -> None:
    """Answer (batch, seconds) with the seconds of each batch."""
    os.sched_setaffinity(0, {SERVER_CORE})
    model = load_model(bundle)
    pipe.send("ready")
    while (job := pipe.recv()) is not None:
        batch, seconds = job
        times: list[float] = []
        start_s = time.perf_counter()
        while time.perf_counter() - start_s < seconds:
            before_s = time.perf_counter()
            chosen = [streams[(len(times) + index) % len(streams)] for index in range(batch)]
            features = [decompress(stream, tables=model.fitted).features for stream in chosen]
            model.predict_batch(np.stack(features), TASKS)
            times.append(time.perf_counter() - before_s)
        pipe.send(times)


@contextlib.contextmanager
def bare(bundle: Path, streams: list[bytes]) -> Iterator[Callable[[int, float], list[float]]]:
    """Give a function (batch, seconds) -> seconds of each batch of the bare loop."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=bare_loop, args=(bundle, streams, theirs))
    process.start()
    ours.recv()

    def run(batch: int, seconds: float) -> list[float]:
        ours.send((batch, seconds))
        times: list[float] = ours.recv()
        return times

    run(BATCH, 1.0)
    run(1, 0.5)
    try:
        yield run
    finally:
        ours.send(None)
        process.join()


# The server, and clients that cost as little as they can.


@contextlib.contextmanager
def serving(bundle: Path, folder: Path) -> Iterator[tuple[int, int]]:
    """Run `cofeat serve` on its core; gives its process id and port."""
    command = [sys.executable, "-m", "cofeat", "serve", str(bundle), "--port", "0"]
    command += ["--threads", "1", "--max-batch", str(BATCH), "--max-requests", str(2 * CLIENTS)]
    log = folder / "server.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            command, stderr=file, preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE})
        )
    try:
        while not (lines := log.read_text().splitlines()):
            if process.poll() is not None:
                raise SystemExit("the server did not start")
            time.sleep(0.05)
        yield process.pid, int(json.loads(lines[0])["url"].rpartition(":")[2])
    finally:
        process.terminate()
        process.wait()


def http(name: str, body: bytes, header_bytes: int | None) -> bytes:
    head = f"POST /v2/models/{name}/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    if header_bytes is not None:
        head += f"Inference-Header-Content-Length: {header_bytes}\r\n"
    return head.encode() + b"\r\n" + body


def good_request(name: str, stream: bytes) -> bytes:
    outputs = tuple(RequestedOutput(task) for task in TASKS)
    return http(name, *encode_request(InferRequest((bytes_tensor("bitstream", stream),), outputs)))


def bad_requests(name: str, stream: bytes) -> list[bytes]:
    """Return requests that are wrong in one way each."""
    body, head = encode_request(InferRequest((bytes_tensor("bitstream", stream),)))
    flipped = bytearray(stream)
    flipped[len(flipped) // 2] ^= 0x10
    other = pack(replace(unpack(stream), model_id=b"otherone"))
    return [
        http(name, b"", None),
        http(name, random.Random(0).randbytes(len(body)), head),
        http(name, body[: len(body) // 2], head),
        http(name, body, head - 1),
        http(name, body, len(body) + 1),
        http("none", body, head),
        http(name, b"[" * 20_000, None),
        good_request(name, bytes(flipped)),
        good_request(name, other),
        good_request(name, b"\xff\xd8\xff" + stream),
    ]


class Answers:
    """What clients got."""

    def __init__(self) -> None:
        self.statuses: collections.Counter[str] = collections.Counter()
        self.times_s: list[float] = []

    def add(self, status: str, seconds: float) -> None:
        """Note one; the times are of those that did what was asked."""
        self.statuses[status] += 1
        if status == "200":
            self.times_s.append(seconds)


async def client(port: int, requests: AsyncIterator[bytes], answers: Answers) -> None:
    """Send one request after another and note the answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    async for request in requests:
        before_s = time.perf_counter()
        try:
            async with asyncio.timeout(HUNG_S):
                writer.write(request)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
            status = head[9:12].decode()
        except TimeoutError:
            status = "hung"
        except (ConnectionError, asyncio.IncompleteReadError):
            status = "cut"
        answers.add(status, time.perf_counter() - before_s)
        if status in ("hung", "cut"):
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    writer.close()


async def clients(port: int, count: int, requests: Iterator[bytes]) -> Answers:
    """Let several clients share the requests."""
    answers = Answers()

    async def shared() -> AsyncIterator[bytes]:
        for request in requests:
            yield request

    await asyncio.gather(*(client(port, shared(), answers) for _ in range(count)))
    return answers


def for_seconds(requests: list[bytes], seconds: float) -> Iterator[bytes]:
    end_s = time.perf_counter() + seconds
    number = 0
    while time.perf_counter() < end_s:
        yield requests[number % len(requests)]
        number += 1


def memory_mb(pid: int) -> float:
    """Return what of a process is in memory."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


# The three questions.


def load(pid: int, port: int, name: str, streams: list[bytes], total: int) -> None:
    good = [good_request(name, stream) for stream in streams]
    bad = bad_requests(name, streams[0])
    memories: list[float] = []

    def requests() -> Iterator[bytes]:
        for number in range(total):
            if number % max(1, total // 20) == 0:
                memories.append(memory_mb(pid))
            yield bad[number // 10 % len(bad)] if number % 10 == 9 else good[number % len(good)]

    before_s = time.perf_counter()
    answers = asyncio.run(clients(port, CLIENTS, requests()))
    seconds = time.perf_counter() - before_s
    times_ms = 1000 * np.array(answers.times_s)
    p50, p95, p99 = np.percentile(times_ms, [50, 95, 99])
    settled = memories[int(SETTLED * len(memories)) :]
    print(f"load: {CLIENTS} clients, {total} requests, one in ten malformed, {seconds:.0f} s")
    for status, number in sorted(answers.statuses.items()):
        print(f"  {status}  {number}")
    failed = sum(n for status, n in answers.statuses.items() if status[0] not in "24")
    print(f"  5xx, hung or cut  {failed}")
    print(f"  {len(times_ms) / seconds:.1f} pictures/s")
    print(f"  ms: p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f}")
    print(
        f"  server's memory, MB: {memories[0]:.0f} at first, {settled[0]:.0f} after "
        f"{SETTLED:.0%}, {memory_mb(pid):.0f} at the end"
    )


def saturated(
    port: int, name: str, streams: list[bytes], run: Callable[[int, float], list[float]]
) -> None:
    good = [good_request(name, stream) for stream in streams]
    bare_rates, rates = [], []
    for _ in range(ROUNDS):
        times = run(BATCH, ROUND_S)
        bare_rates.append(BATCH * len(times) / sum(times))
        before_s = time.perf_counter()
        answers = asyncio.run(clients(port, IN_FLIGHT, for_seconds(good, ROUND_S)))
        rates.append(answers.statuses["200"] / (time.perf_counter() - before_s))
    print(f"saturated: {IN_FLIGHT} requests in flight, batches of {BATCH}, {ROUNDS} rounds")
    print(f"  bare loop {np.median(bare_rates):7.1f} pictures/s")
    print(f"  served    {np.median(rates):7.1f} pictures/s")
    ratios = np.array(rates) / np.array(bare_rates)
    print(f"  ratio     {np.median(ratios):7.3f}  ({ratios.min():.3f} to {ratios.max():.3f})")


def latency(
    port: int, name: str, streams: list[bytes], run: Callable[[int, float], list[float]]
) -> None:
    good = [good_request(name, stream) for stream in streams]
    bare_ms, served_ms = [], []
    for _ in range(ROUNDS):
        bare_ms.append(1000 * np.median(run(1, ROUND_S / 2)))
        answers = asyncio.run(clients(port, 1, for_seconds(good, ROUND_S / 2)))
        served_ms.append(1000 * np.median(answers.times_s))
    added = np.array(served_ms) - np.array(bare_ms)
    print(f"latency: one client, medians of {ROUNDS} rounds")
    print(f"  bare loop {np.median(bare_ms):7.2f} ms")
    print(f"  served    {np.median(served_ms):7.2f} ms")
    print(f"  added     {np.median(added):7.2f} ms  ({added.min():.2f} to {added.max():.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["load", "saturated", "latency"])
    parser.add_argument("--bundle", type=Path, help="of one model; an untrained one is made")
    parser.add_argument("--size", type=parse_size, default=(256, 512), help="WxH (512x256)")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of the load test")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {CLIENT_CORE})
    scenes = Scenes(arguments.size, STREAMS)
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        folder = Path(temporary)
        bundle = arguments.bundle or export(folder, scenes)
        name = load_model(bundle).name
        streams = make_streams(bundle, scenes)
        mean_bytes = np.mean([len(stream) for stream in streams])
        print(f"pictures of {format_size(arguments.size)}, {mean_bytes:.0f} bytes each, one core")
        pid, port = stack.enter_context(serving(bundle, folder))
        # The first request comes when the models are loaded.
        first = asyncio.run(clients(port, 1, iter([good_request(name, streams[0])])))
        if set(first.statuses) != {"200"}:
            sys.exit(f"a request that is right is answered with status {', '.join(first.statuses)}")
        if "load" in arguments.parts:
            load(pid, port, name, streams, arguments.requests)
        if {"saturated", "latency"} & set(arguments.parts):
            run = stack.enter_context(bare(bundle, streams))
        if "saturated" in arguments.parts:
            saturated(port, name, streams, run)
        if "latency" in arguments.parts:
            latency(port, name, streams, run)


if __name__ == "__main__":
    main()
