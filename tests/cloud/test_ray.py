"""`cofeat serve --engine ray` as a process, as one starts it, and what it refuses."""

import asyncio
import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import httpx
import numpy as np
import pytest

from cofeat.bundle import open_bundle
from cofeat.cli.main import main
from cofeat.cloud import ray_serve
from cofeat.cloud.ray_batching import RayBatcher, _Entry
from cofeat.cloud.tokens import VARIABLE
from cofeat.errors import InvalidInputError
from cofeat.feature.pipeline import compress
from cofeat.protocol.http import encode_request
from cofeat.protocol.messages import InferRequest, bytes_tensor
from cofeat.runtime import RuntimeModel

PATIENCE_S = 200
SIZE = (30, 50)
needs_ray = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="there is no Ray: extra 'cofeat[ray]'"),
]

# Ray's own warnings, as it is imported.
quietly_needs_ray = [*needs_ray, pytest.mark.filterwarnings("ignore")]


class Cloud:
    """A running `cofeat serve --engine ray`; its own lines of the log come one by one."""

    def __init__(self, bundle, *words):
        command = [sys.executable, "-m", "cofeat", "serve", bundle, "--engine", "ray", *words]
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--threads", "1"], stderr=subprocess.PIPE, text=True
        )
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        line = self.wait_for("serving")
        self.url = line["url"]
        self.session = Path(line["logs"]).parent.name

    def _read(self):
        for text in self.process.stderr:
            if text.startswith("{"):
                self._lines.put(json.loads(text))
        self._lines.put(None)

    def wait_for(self, message):
        while True:
            line = self._lines.get(timeout=PATIENCE_S)
            assert line is not None, "it has ended"
            if line["message"] == message:
                return line

    def end(self):
        """Send SIGTERM, where it has not ended yet, and return the exit status."""
        self.process.terminate()
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        self.process.stderr.close()
        return status

    def processes(self):
        """Return the ids of Ray's processes of this server: all have its session's logs open."""
        found = set()
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            with contextlib.suppress(OSError):
                if self.session in str(link.readlink()):
                    found.add(int(link.parts[2]))
        return found

    def replicas(self):
        """Return the number of replicas, which Ray names in their processes' titles."""
        titles = []
        for process in self.processes():
            with contextlib.suppress(OSError):
                titles.append(Path(f"/proc/{process}/cmdline").read_bytes())
        return sum(b"ServeReplica" in title for title in titles)


@pytest.fixture
def bundle(exported, tmp_path):
    return shutil.copytree(exported.bundle, tmp_path / "bundle")


@pytest.fixture
def cloud(bundle):
    cloud = Cloud(str(bundle))
    yield cloud
    cloud.end()


@pytest.fixture
def cloud_with_token(bundle, monkeypatch):
    """One whose replicas have their token from the variable."""
    monkeypatch.setenv(VARIABLE, "a-token-of-some-length")
    cloud = Cloud(str(bundle))
    yield cloud
    cloud.end()


@pytest.fixture(scope="module")
def request_bytes(exported):
    model = RuntimeModel(open_bundle(exported.bundle).model(), threads=1)
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    stream = compress(
        model.encode(image), "zstd", model.bits, model.per_channel, SIZE, model.model_id
    )
    body, length = encode_request(InferRequest((bytes_tensor("bitstream", stream),)))
    head = (
        "POST /v2/models/tiny/infer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\nInference-Header-Content-Length: {length}\r\n\r\n"
    )
    return head.encode() + body


def connected(url):
    return socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), PATIENCE_S)


def status_of(connection):
    with connection.makefile("rb") as file:
        return int(file.read().split(b" ", 2)[1])


def wait_until(holds):
    for _ in range(PATIENCE_S * 20):
        if holds():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it took too long")


def in_flight(url):
    text = httpx.get(f"{url}/metrics", timeout=PATIENCE_S).text
    (line,) = [x for x in text.splitlines() if x.startswith("cofeat_requests_in_flight ")]
    return float(line.split()[1])


class TestProcess:
    pytestmark = needs_ray

    def test_sigterm_ends_nothing_that_has_begun_and_leaves_no_process(self, cloud, request_bytes):
        assert cloud.processes()
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(connected(cloud.url)) for _ in range(4)]
            for connection in connections:
                connection.sendall(request_bytes[:-1])
            wait_until(lambda: in_flight(cloud.url) == len(connections))
            cloud.process.send_signal(signal.SIGTERM)
            ready = f"{cloud.url}/v2/health/ready"
            # The end has begun: load balancers are told.
            wait_until(lambda: httpx.get(ready, timeout=PATIENCE_S).status_code != 200)
            for connection in connections:
                connection.sendall(request_bytes[-1:])
            assert [status_of(connection) for connection in connections] == [200] * 4
        assert cloud.process.wait(PATIENCE_S) == 0
        wait_until(lambda: not cloud.processes())

    def test_bundles_are_taken_anew_and_no_request_is_lost(self, cloud, bundle, request_bytes):
        statuses, enough = [], threading.Event()

        def ask():
            while not enough.is_set():
                with connected(cloud.url) as connection:
                    connection.sendall(request_bytes)
                    statuses.append(status_of(connection))

        def versions():
            answer = httpx.get(f"{cloud.url}/v2/models/tiny", timeout=PATIENCE_S)
            return answer.json()["versions"]

        asker = threading.Thread(target=ask)
        asker.start()
        try:
            wait_until(lambda: len(statuses) > 5)
            manifest = bundle / "manifest.json"
            text = manifest.read_text()
            manifest.write_text("{")
            cloud.process.send_signal(signal.SIGHUP)
            assert "manifest" in cloud.wait_for("not updated")["reason"]
            assert versions() == ["1"]
            manifest.write_text(text.replace('"version": "1"', '"version": "2"'))
            cloud.process.send_signal(signal.SIGHUP)
            cloud.wait_for("updated")
            assert versions() == ["2"]
            before = len(statuses)
            wait_until(lambda: len(statuses) > before + 5)
        finally:
            enough.set()
            asker.join(PATIENCE_S)
        assert not asker.is_alive()
        assert set(statuses) == {200}

    def test_ray_ends_with_the_process_even_where_that_is_killed(self, cloud_with_token):
        cloud = cloud_with_token
        assert httpx.get(f"{cloud.url}/v2", timeout=PATIENCE_S).status_code == 401
        assert cloud.processes()
        cloud.process.kill()
        wait_until(lambda: not cloud.processes())

    def test_it_is_as_safe_as_told_and_has_more_replicas_where_requests_need_them(
        self, exported, request_bytes, tmp_path
    ):
        tokens, tls = tmp_path / "tokens", tmp_path / "tls"
        tokens.write_text("a-token-of-some-length\n")
        words = ["--token-file", str(tokens), "--tls-self-signed", str(tls), "--no-page"]
        words += ["--replicas", "1:2", "--target-requests", "1", "--timeout-s", "180"]
        cloud = Cloud(exported.bundle, *words)
        try:
            assert cloud.url.startswith("https://")
            trust = ssl.create_default_context(cafile=str(tls / "certificate.pem"))
            with httpx.Client(base_url=cloud.url, verify=trust, timeout=PATIENCE_S) as client:
                assert client.get("/v2/health/ready").status_code == 200
                assert client.get("/v2/models/tiny").status_code == 401
                client.headers["Authorization"] = "Bearer another-token-of-some-length"
                assert client.get("/v2/models/tiny").status_code == 401
                client.headers["Authorization"] = "Bearer a-token-of-some-length"
                assert client.get("/v2/models/tiny").status_code == 200
                assert client.get("/").status_code == 404
            assert cloud.replicas() == 1
            token = b"\r\nAuthorization: Bearer a-token-of-some-length\r\n"
            head, _, rest = request_bytes.partition(b"\r\n")
            with contextlib.ExitStack() as stack:
                connections = [
                    stack.enter_context(trust.wrap_socket(plain, server_hostname="127.0.0.1"))
                    for plain in (stack.enter_context(connected(cloud.url)) for _ in range(4))
                ]
                for connection in connections:
                    connection.sendall((head + token + rest)[:-1])
                # Four are under way, and each replica is to have one.
                wait_until(lambda: cloud.replicas() == 2)
                for connection in connections:
                    connection.sendall(rest[-1:])
                assert [status_of(connection) for connection in connections] == [200] * 4
        finally:
            status = cloud.end()
        assert status == 0

    def test_a_gpu_that_ray_does_not_find_is_not_waited_for(self):
        # In a process of its own: Ray is started, and ends.
        code = (
            "from cofeat.cloud.ray_serve import Scale, running\n"
            "from cofeat.cloud.server import ServerOptions\n"
            "with running(None, ServerOptions(bundles=(), port=0, gpu=True), Scale()): pass"
        )
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        told = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert "1 replicas with a GPU each, and Ray finds 0" in told.stderr.splitlines()[-1]


class TestBatches:
    pytestmark = quietly_needs_ray

    def test_items_of_one_key_run_together_and_a_fault_is_that_of_its_key(self):
        ray_serve.keep_private()  # as for every other use of Ray in this process
        ran, told = [], []

        def run(key, items):
            ran.append((key, items))
            if key == "ill":
                raise RuntimeError("fault")
            return [2 * item for item in items]

        async def work():
            batcher = RayBatcher(run, 5, 1.0, observe=told.append)
            # What Ray calls with a batch; Ray itself gathers nowhere but in a replica.
            given = [("a", 1), ("b", 2), ("ill", 3), ("a", 4), ("ill", 5)]
            outcomes = await batcher._run_entries([_Entry(*one, 0.0) for one in given])
            await batcher.close()
            return outcomes

        outcomes = asyncio.run(work())
        assert outcomes[:2] == [2, 4]
        assert outcomes[3] == 8
        assert [str(outcomes[index].error) for index in (2, 4)] == ["fault", "fault"]
        assert ran == [("a", [1, 4]), ("b", [2]), ("ill", [3, 5])]
        assert [times.items for times in told] == [2, 1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--replicas", "2"], "are of --engine ray"),
        (["--target-requests", "2"], "are of --engine ray"),
        (["--engine", "ray", "--target-requests", "2"], "give --replicas MIN:MAX to scale"),
        (["--engine", "ray", "--replicas", "x"], "give a number, or two as 1:4"),
        (["--engine", "ray", "--replicas", "0"], "0 to 0 replicas"),
        (["--engine", "ray", "--replicas", "3:2"], "3 to 2 replicas"),
        (["--engine", "ray", "--target-requests", "0"], "0 requests a replica"),
        (["--engine", "ray", "--workers", "2"], "give --replicas instead"),
        (["--engine", "ray", "--grpc-port", "0"], "no --grpc-port"),
        (["--engine", "ray"], "pip install 'cofeat[ray]'"),
    ],
)
def test_what_cannot_be_served_is_one_line(exported, capsys, monkeypatch, words, message):
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in ray_serve._PRIVATE:
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of-the-test")
    assert main(["serve", exported.bundle, *words]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("cofeat: error: ")
    assert message in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "no bundles"),
        ({"bundles": ["b"], "port": 1}, r"\['port'\] in the arguments: give bundles"),
        ({"bundles": ["b"], "max_batch": 0}, "max_batch of 0"),
    ],
)
def test_a_cluster_s_wrong_arguments_are_told(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        ray_serve.build(arguments)


@pytest.mark.parametrize(("given", "there"), [({}, True), ({"page": False}, False)])
def test_a_cluster_s_replicas_have_the_page_that_they_are_told(monkeypatch, given, there):
    monkeypatch.setattr(ray_serve, "deployed", lambda _, options, *rest: options)
    assert ray_serve.build({"bundles": ["b"], **given}).page == there
