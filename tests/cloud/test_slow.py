"""Clients that are too slow are cut off, and others are not."""

import contextlib
import socket
import time

import httpx
import pytest

from cofeat.cloud.slow import GuardedProtocol
from cofeat.protocol.http import encode_request
from cofeat.protocol.messages import InferRequest, bytes_tensor


class Impatient(GuardedProtocol):
    receive_s = 0.3
    send_s = 0.3


HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"


@pytest.mark.parametrize("start", [b"", b"POST /pre", HEAD, HEAD + b"x" * 50], ids=len)
def test_who_does_not_finish_a_request_is_cut(kit, start):
    with kit.serving(kit.Model(), protocol=Impatient) as server:
        with socket.create_connection(server.address, timeout=kit.patience_s) as client:
            client.sendall(start)
            assert is_cut(client)
        assert httpx.get(f"{server.url}/v2/health/live", timeout=60).status_code == 200


def test_who_does_not_finish_a_second_request_is_cut(kit):
    with (
        kit.serving(kit.Model(), protocol=Impatient) as server,
        socket.create_connection(server.address, timeout=kit.patience_s) as client,
    ):
        client.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        client.sendall(b"GET /v2")
        assert is_cut(client)


class Patient(GuardedProtocol):
    receive_s = 10_000


def test_heads_without_end_are_cut(kit):
    with (
        kit.serving(kit.Model(), protocol=Patient) as server,
        socket.create_connection(server.address, timeout=kit.patience_s) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nX: ")
        with contextlib.suppress(ConnectionError):
            while True:
                client.sendall(b"x" * 10_000)
        assert is_cut(client)


def test_who_does_not_read_is_cut(kit):
    with (
        kit.serving(kit.Model(), protocol=Impatient) as server,
        socket.socket() as client,
    ):
        client.settimeout(kit.patience_s)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(server.address)
        stream = kit.stream_of((1000, 2000))
        client.sendall(b"POST /v2/models/street/infer HTTP/1.1\r\nHost: x\r\n" + body_of(stream))
        # The server is done when it waits for nobody any more.
        wait_until(lambda: not server.server.server_state.connections, kit.patience_s)


def body_of(stream):
    body, length = encode_request(InferRequest((bytes_tensor("bitstream", stream),)))
    head = f"Content-Length: {len(body)}\r\nInference-Header-Content-Length: {length}\r\n\r\n"
    return head.encode() + body


def is_cut(client):
    with contextlib.suppress(ConnectionResetError):
        return client.recv(4096) == b""
    return True


def wait_until(holds, patience_s):
    end_s = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.01)
