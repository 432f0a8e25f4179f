"""The process itself, with a real bundle: `cofeat serve` as one starts it."""

import asyncio
import contextlib
import hashlib
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

import httpx
import numpy as np
import pytest
import tritonclient.grpc
import uvicorn
import uvicorn.supervisors.multiprocess
from prometheus_client.parser import text_string_to_metric_families
from tritonclient.utils import InferenceServerException

from cofeat.bundle import open_bundle
from cofeat.cli.main import main
from cofeat.cloud.server import _listen, _supervise
from cofeat.feature.pipeline import compress, decompress
from cofeat.protocol.http import decode_response, encode_request
from cofeat.protocol.messages import InferRequest, bytes_tensor
from cofeat.runtime import RuntimeModel

PATIENCE_S = 120
SIZE = (30, 50)


class Process:
    """A running `cofeat serve`; ``lines`` are its log's."""

    def __init__(self, *words, **environment):
        command = [sys.executable, "-m", "cofeat", "serve", *words, "--port", "0", "--threads", "1"]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        self.lines = []
        self._new = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for text in self.process.stderr:
            self.lines.append(json.loads(text))
            self._new.put(self.lines[-1])
        self._new.put(None)

    def wait_for(self, message):
        """Return the next line whose message begins so."""
        while True:
            line = self._new.get(timeout=PATIENCE_S)
            assert line is not None, self.lines
            if line["message"].startswith(message):
                return line

    def end(self):
        """Send SIGTERM and return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        self.process.stderr.close()
        return status


@contextlib.contextmanager
def serve(*words, **environment):
    process = Process(*words, **environment)
    try:
        yield process, process.wait_for("serving")["url"]
    finally:
        if process.process.poll() is None:
            process.process.kill()
            process.end()


def address(url):
    return "127.0.0.1", int(url.rpartition(":")[2])


@pytest.fixture(scope="module")
def model(exported):
    return RuntimeModel(open_bundle(exported.bundle).model(), threads=1)


@pytest.fixture(scope="module")
def stream(model):
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    return compress(
        model.encode(image), "zstd", model.bits, model.per_channel, SIZE, model.model_id
    )


def http_request(stream, name="tiny"):
    """A request as bytes, so that it can be sent in two parts."""
    body, length = encode_request(InferRequest((bytes_tensor("bitstream", stream),)))
    head = (
        f"POST /v2/models/{name}/infer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\nInference-Header-Content-Length: {length}\r\n\r\n"
    )
    return head.encode() + body


def read_all(connection):
    with connection.makefile("rb") as file:
        return file.read()


def check_answer(data, model, stream):
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), data
    headers = dict(line.lower().split(b": ", 1) for line in head.splitlines()[1:])
    response = decode_response(body, int(headers[b"inference-header-content-length"]))
    truth = model.predict(decompress(stream).features, SIZE)
    for output in response.outputs[:2]:
        np.testing.assert_allclose(output.array[0], truth[output.name], atol=1e-3)


def in_flight(url):
    text = httpx.get(f"{url}/metrics", timeout=PATIENCE_S).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return families["cofeat_requests_in_flight"].samples[0].value


def wait_until(holds):
    for _ in range(PATIENCE_S * 20):
        if holds():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it took too long")


def refuses(url):
    try:
        socket.create_connection(address(url), timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return True
    return False


def test_sigterm_ends_nothing_that_has_begun(exported, model, stream):
    request = http_request(stream)
    with serve(exported.bundle) as (process, url), contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(address(url), timeout=PATIENCE_S))
            for _ in range(8)
        ]
        for connection in connections:
            connection.sendall(request[:-1])
        wait_until(lambda: in_flight(url) == len(connections))
        process.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(url))  # the end has begun
        for connection in connections:
            connection.sendall(request[-1:])
        for connection in connections:
            check_answer(read_all(connection), model, stream)
        assert process.end() == 0
    assert {line["level"] for line in process.lines} == {"info"}


def test_a_killed_worker_loses_nothing_silently_and_is_replaced(exported, model, stream):
    request = http_request(stream)
    with serve(exported.bundle, "--workers", "2") as (process, url):
        pids = [pid_of(process.wait_for("Started server process")) for _ in range(2)]
        outcomes = []
        enough = threading.Event()

        def ask():
            while not enough.is_set():
                try:
                    with socket.create_connection(address(url), timeout=PATIENCE_S) as connection:
                        connection.sendall(request)
                        outcomes.append(read_all(connection))
                except ConnectionError:
                    outcomes.append(b"")

        askers = [threading.Thread(target=ask) for _ in range(4)]
        for asker in askers:
            asker.start()
        wait_until(lambda: len(outcomes) > 20)
        os.kill(pids[0], signal.SIGKILL)
        replaced = pid_of(process.wait_for("Started server process"))
        before = len(outcomes)
        wait_until(lambda: len(outcomes) > before + 20)
        enough.set()
        for asker in askers:
            asker.join(PATIENCE_S)
            assert not asker.is_alive()  # nobody waits for an answer that does not come
        assert replaced not in pids
        assert in_flight(url) == 0  # what the dead one had is forgotten
        assert process.end() == 0
    # Each is a whole answer, or an error that the client has seen.
    answered = [data for data in outcomes if data]
    assert len(answered) >= len(outcomes) - 20
    for data in answered[:5] + answered[-5:]:
        check_answer(data, model, stream)


def pid_of(line):
    return int(line["message"].partition("[")[2].rstrip("]"))


def test_tls_and_tokens_from_a_file(exported, stream, tmp_path):
    certificate, key, tokens = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "tokens"
    make_certificate(certificate, key)
    # One file may hold both, the key first.
    certificate.write_text(key.read_text() + certificate.read_text())
    tokens.write_text("a-token-of-some-length\n")
    options = ["--tls-cert", certificate, "--tls-key", key, "--token-file", tokens]
    options += ["--grpc-port", 0]
    with serve(exported.bundle, *map(str, options)) as (process, url):
        assert url.startswith("https://")
        port = process.wait_for("grpc")["port"]
        with tritonclient.grpc.InferenceServerClient(
            f"127.0.0.1:{port}", ssl=True, root_certificates=str(certificate)
        ) as client:
            assert client.is_server_live()
            with pytest.raises(InferenceServerException, match="give a token"):
                client.get_model_metadata("tiny")
        trust = ssl.create_default_context(cafile=str(certificate))
        with httpx.Client(base_url=url, verify=trust, timeout=PATIENCE_S) as client:
            assert client.post("/predict", content=stream).status_code == 401
            client.headers["Authorization"] = "Bearer a-token-of-some-length"
            assert client.post("/predict", content=stream).status_code == 200
        assert process.end() == 0
    assert "a-token-of-some-length" not in json.dumps(process.lines)


def make_certificate(certificate, key):
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run(
            [*command, "-out", certificate, "-keyout", key], check=True, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate with")


def test_a_certificate_of_its_own_and_no_page(exported, tmp_path):
    folder = tmp_path / "tls"
    options = ["--tls-self-signed", str(folder), "--no-page"]
    with serve(exported.bundle, *options) as (process, url):
        told = next(line for line in process.lines if line["message"] == "serving")
        der = ssl.PEM_cert_to_DER_cert((folder / "certificate.pem").read_text())
        assert told["certificate_sha256"] == hashlib.sha256(der).hexdigest()
        trust = ssl.create_default_context(cafile=str(folder / "certificate.pem"))
        with httpx.Client(base_url=url, verify=trust, timeout=PATIENCE_S) as client:
            assert client.get("/v2").status_code == 200
            assert client.get("/").status_code == 404
            assert client.get("/page/models.json").status_code == 404
        assert process.end() == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["/nowhere"], "is no folder: give the folder of a bundle"),
        (["BUNDLE", "--workers", "0"], "0 workers"),
        (["BUNDLE", "--max-batch", "0"], "max_batch of 0"),
        (["BUNDLE", "--tls-cert", "x"], "give --tls-cert and --tls-key"),
        (["BUNDLE", "--tls-cert", "x", "--tls-key", "y"], "no certificate and its key in PEM"),
        (["BUNDLE", "--token-file", "/nowhere"], "cannot be read"),
        (["BUNDLE", "--gpu"], "has no 'CUDAExecutionProvider'"),
        (["BUNDLE", "BUNDLE"], "two bundles have model 'tiny' version 1"),
        (["BUNDLE", "--port", "1", "--host", "192.0.2.1"], "cannot listen at 192.0.2.1:1"),
        (["BUNDLE", "--workers", "2", "--grpc-port", "0"], "several workers need one gRPC port"),
        (["BUNDLE", "--port", "99999"], "port 99999: give 0 to 65535"),
        (["BUNDLE", "--grpc-port", "-1"], "port -1: give 0 to 65535"),
        (["BUNDLE", "--port", "9", "--grpc-port", "9"], "port 9 for HTTP and for gRPC"),
        (["BUNDLE", "--tls-self-signed", "--host", "a" * 70], "that is no name"),
    ],
)
def test_what_cannot_be_served_is_one_line(exported, capsys, words, message):
    words = [exported.bundle if word == "BUNDLE" else word for word in words]
    assert main(["serve", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cofeat: error: ")
    assert message in line


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_grpc_port_that_another_has_is_told_before_anything_is_served(exported, capsys, workers):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ["--port", "0", "--grpc-port", port, "--workers", workers]
        assert main(["serve", exported.bundle, *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"cannot listen at 127.0.0.1:{port}" in line


def test_a_second_server_does_not_share_the_grpc_port(exported):
    with serve(exported.bundle, "--grpc-port", "0") as (process, _):
        port = process.wait_for("grpc")["port"]
        assert main(["serve", exported.bundle, "--port", "0", "--grpc-port", str(port)]) == 2
        assert process.end() == 0


def test_workers_that_cannot_start_are_a_failure():
    before = {
        number: signal.getsignal(number) for number in uvicorn.supervisors.multiprocess.SIGNALS
    }
    try:
        with _listen("127.0.0.1", 0) as listening:
            assert _supervise(uvicorn.Config("no_such_module:app", workers=2), listening) == 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_bundle_that_was_changed_is_not_served(exported, capsys, tmp_path):
    copy = tmp_path / "bundle"
    shutil.copytree(exported.bundle, copy)
    file = copy / "tiny" / "heads.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert main(["serve", str(copy)]) == 2
    assert "SHA-256 of 'tiny/heads.onnx' is not the manifest's" in capsys.readouterr().err


def test_a_graph_that_cannot_be_loaded_is_told_before_anything_is_served(
    exported, capsys, tmp_path
):
    copy = tmp_path / "bundle"
    shutil.copytree(exported.bundle, copy)
    no_graph = b"no graph at all"
    (copy / "tiny" / "heads.onnx").write_bytes(no_graph)
    manifest = json.loads((copy / "manifest.json").read_text())
    heads = manifest["models"][0]["files"]["heads"]
    heads |= {"bytes": len(no_graph), "sha256": hashlib.sha256(no_graph).hexdigest()}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    # Several workers would else be started again and again.
    assert main(["serve", str(copy), "--workers", "2"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "'heads' of model 'tiny'" in line
    assert "cannot be loaded" in line


def test_an_answer_s_end_does_not_wait_for_an_acknowledgement():
    async def accepted():
        made = asyncio.get_running_loop().create_future()

        async def keep(reader, writer):
            made.set_result(
                writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            )
            writer.close()

        with _listen("127.0.0.1", 0) as listening:
            async with await asyncio.start_server(keep, sock=listening) as server:
                _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
                no_delay = await asyncio.wait_for(made, PATIENCE_S)
                writer.close()
                return no_delay

    assert asyncio.run(accepted())
