"""The link of network namespaces, where they can be made: the kernel's TCP over a shaped wire."""

import os
import socket
import threading
import time

import numpy as np
import pytest

from cofeat.edge import Edge

PATIENCE_S = 60


@pytest.fixture(scope="module")
def Namespaces(benchmark_module):
    return made(benchmark_module("namespaces"))


@pytest.fixture(scope="module")
def SpoiledNamespaces(benchmark_module):
    """The same, where the kernel delays and loses packets too."""
    return made(benchmark_module("namespaces"), delay_s=0.001, loss=0.01)


def made(module, **shape):
    reason = module.reason_against(**shape)
    if reason:
        pytest.skip(reason)
    return module.Namespaces


class Echo:
    """Sends back what comes, once per connection and when it has ended."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = self.listening.getsockname()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while True:
            connection, _ = self.listening.accept()
            with connection, connection.makefile("rb") as file:
                data = file.read()
                if data == b"end":
                    return
                connection.sendall(data)

    def end(self):
        with socket.create_connection(self.address) as connection:
            connection.sendall(b"end")
        self._thread.join(PATIENCE_S)
        self.listening.close()


@pytest.fixture
def echo():
    echo = Echo()
    yield echo
    echo.end()


def there_and_back(link, data):
    """Return what comes back, and the seconds that it took."""
    address = ("127.0.0.1", int(link.url.rpartition(":")[2]))
    with socket.create_connection(address, PATIENCE_S) as connection:
        started_s = time.monotonic()
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as file:
            back = file.read()
        return back, time.monotonic() - started_s


def test_the_rate_is_the_least_that_it_takes(Namespaces, echo):
    data = os.urandom(20_000)
    with Namespaces(echo.address, bits_per_s=400_000) as link:
        back, seconds = there_and_back(link, data)
    assert back == data
    # Its bits there and back, but for the packets that a bucket lets go at once.
    assert seconds >= 2 * 8 * (len(data) - 4 * 1514) / 400_000
    assert link.connections == 1


def test_the_delay_is_the_least_that_it_takes(SpoiledNamespaces, echo):
    with SpoiledNamespaces(echo.address, delay_s=0.05) as link:
        back, seconds = there_and_back(link, b"data")
    assert back == b"data"
    assert seconds >= 4 * 0.05 * 0.95  # TCP's handshake, then there and back


def test_what_is_lost_is_sent_again(SpoiledNamespaces, echo):
    data = os.urandom(100_000)
    with SpoiledNamespaces(echo.address, loss=0.05) as link:
        assert there_and_back(link, data)[0] == data


def test_a_cut_link_says_nothing_until_it_is_mended(Namespaces, echo):
    with Namespaces(echo.address) as link:
        link.cut()
        address = ("127.0.0.1", int(link.url.rpartition(":")[2]))
        with socket.create_connection(address, PATIENCE_S) as connection:
            connection.sendall(b"data")
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(0.3)
            with pytest.raises(TimeoutError):
                connection.recv(10)
            link.mend()
            connection.settimeout(PATIENCE_S)
            assert connection.recv(10) == b"data"


def test_nothing_of_it_stays(Namespaces, echo):
    with Namespaces(echo.address) as link:
        holders = list(link._holders)
        assert all(os.path.exists(f"/proc/{holder}") for holder in holders)  # noqa: PTH110
    assert not any(os.path.exists(f"/proc/{holder}") for holder in holders)  # noqa: PTH110


def test_a_device_over_the_kernel_s_link(device, server, images, kit, Namespaces):
    with (
        Namespaces(server.address, bits_per_s=2e5) as link,
        Edge(device, link.url, "split", patience=kit.patient(deadline_s=60.0)) as edge,
    ):
        over_the_link = edge.run(images[0])
    with Edge(device, server.url, "split", patience=kit.patient()) as edge:
        direct = edge.run(images[0])
    assert (over_the_link.mode, direct.mode) == ("split", "split")
    bits = 8 * (over_the_link.bytes_sent - 4 * 1514)
    assert over_the_link.stages_ms["send"] >= 1000 * bits / 2e5
    np.testing.assert_array_equal(
        over_the_link.outputs["segmentation"], direct.outputs["segmentation"]
    )
