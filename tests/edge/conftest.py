"""A server on the loopback, one in memory that does as it is told, and a clock without waiting."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import selectors
import socket
import threading
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
import uvicorn

from cofeat.bundle import open_bundle_model
from cofeat.cloud.app import create_app
from cofeat.cloud.repository import Repository
from cofeat.cloud.server import ServerOptions, uvicorn_config
from cofeat.cloud.service import Settings
from cofeat.cloud.tokens import Tokens
from cofeat.edge import Device, Patience
from cofeat.edge.link import Backoff
from cofeat.protocol.http import HEADER_LENGTH, decode_request, encode_response
from cofeat.protocol.messages import InferResponse, array_tensor
from cofeat.runtime import RuntimeModel

# Long enough for any machine; nothing waits for it that goes right.
PATIENCE_S = 60.0


@pytest.fixture(scope="session")
def benchmark_module():
    """Called with a name, imports a module of the benchmarks as they import each other."""
    folder = str(Path(__file__).parents[2] / "benchmarks")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module


@pytest.fixture(scope="session")
def Emulator(benchmark_module):
    return benchmark_module("emulator").Emulator


@contextlib.contextmanager
def serving(bundle, tokens=()):
    """Run the real server of a bundle in a thread; gives its address and URL."""
    load = lambda: Repository([RuntimeModel(open_bundle_model(bundle), threads=1)])  # noqa: E731
    app = create_app(load, Settings(), Tokens(tokens))
    server = uvicorn.Server(uvicorn_config(app, ServerOptions(bundles=()), None))
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    url = f"http://127.0.0.1:{address[1]}"
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        httpx.get(f"{url}/v2/health/live", timeout=PATIENCE_S).raise_for_status()
        yield SimpleNamespace(address=address, url=url)
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def server(exported):
    with serving(exported.bundle) as running:
        yield running


@pytest.fixture(scope="session")
def guarded_server(exported):
    with serving(exported.bundle, ["a-token-of-the-tests"]) as running:
        yield running


@pytest.fixture(scope="session")
def device(exported):
    return Device(exported.bundle, threads=1)


@pytest.fixture(scope="session")
def no_whole(exported):
    """A device whose bundle cannot run the whole network."""

    class Half(Device):
        def can(self, mode):
            return mode != "mobile"

    return Half(exported.bundle, threads=1)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (30, 50, 3), dtype=np.uint8) for _ in range(6)]


def patient(deadline_s=PATIENCE_S, tries=4, first_s=0.001):
    """Patience without long waits."""
    return Patience(deadline_s, tries, Backoff(first_s, 0.01), Backoff(0.001, 0.01))


class Scripted(httpx.AsyncBaseTransport):
    """A server in memory: answers each request with the next entry of a script, then rightly.

    An entry is a status, (status, headers), bytes for a damaged answer, an exception, or a number
    of seconds to wait before the right answer. ``seen`` holds the requests, each decoded.
    """

    def __init__(self, *script, alive=True):
        self.script = list(script)
        self.alive = alive
        self.seen = []
        self.times_s = []
        self.probes = 0

    async def handle_async_request(self, request):
        if request.url.path == "/v2/health/ready":
            self.probes += 1
            return httpx.Response(200 if self.alive else 503)
        body = await request.aread()
        asked = decode_request(body, int(request.headers[HEADER_LENGTH]))
        self.seen.append(asked)
        self.times_s.append(asyncio.get_running_loop().time())
        entry = self.script.pop(0) if self.script else 0.0
        if isinstance(entry, BaseException):
            raise entry
        if isinstance(entry, int):
            return _response(entry, b'{"error": "as the script says"}')
        if isinstance(entry, tuple):
            return _response(entry[0], b'{"error": "later"}', entry[1])
        if isinstance(entry, dict):
            return _response(409, json.dumps(entry).encode())
        if isinstance(entry, bytes):
            return _response(200, entry)
        await asyncio.sleep(entry)
        outputs = {
            "segmentation": np.full((1, 30, 50), 7, np.uint8),
            "disparity": np.full((1, 30, 50), 2.5, np.float32),
            "reconstruction": np.full((1, 30, 50, 3), 9, np.uint8),
        }
        tensors = tuple(array_tensor(out.name, outputs[out.name]) for out in asked.outputs)
        response = InferResponse("tiny", "1", tensors, "", {"decode_ms": 1.0, "run_ms": 2.0})
        content, length = encode_response(response)
        return _response(200, content, {HEADER_LENGTH: str(length)})


def _response(status, content, headers=None):
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))


class _InstantSelector(selectors.DefaultSelector):
    """Instead of waiting, moves the clock on."""

    now_s = 0.0

    def select(self, timeout=None):
        events = super().select(0)
        if not events and timeout:
            self.now_s += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock goes on when nothing is left to do; what threads would do is done here."""

    def __init__(self):
        self._virtual = _InstantSelector()
        super().__init__(self._virtual)

    def time(self):
        return self._virtual.now_s

    def run_in_executor(self, executor, call, *arguments):
        future = self.create_future()
        try:
            future.set_result(call(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def virtually(work):
    """Run a coroutine on the virtual clock."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


@pytest.fixture(scope="session")
def kit():
    """What is above, for the tests' modules."""
    return SimpleNamespace(
        serving=serving,
        patient=patient,
        Scripted=Scripted,
        virtually=virtually,
        patience_s=PATIENCE_S,
    )
