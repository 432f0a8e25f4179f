"""The emulator's link as the kernel makes it: two network namespaces, a veth pair, tc.

::

    client ──► near ──► namespace A ══ veth: rate, delay, loss ══ namespace B ──► far ──► server
      (this namespace)                (real TCP over real packets)            (this namespace)

Same use as ``Emulator``, which stands in where namespaces cannot be made (``reason_against``):
the two ends of it carry bytes between this namespace and the two others. A packet that is lost
here is lost, and TCP sends it again; a cut link says nothing to whoever sends over it.

What is made goes with the two processes that hold the namespaces, and those with this one.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from emulator import Emulator

_NEAR, _FAR = "10.203.0.1", "10.203.0.2"
_LINK = "wire"
_CLONE_NEWNET = 0x40000000
# What TCP may have under way before it is told to wait, as the emulator's window.
_SEND_BUFFER_BYTES = 32 * 1460
# What waits for a slow link; more is lost.
_QUEUE_PACKETS = 1000
_QUEUE_BYTES = 1514 * _QUEUE_PACKETS
# Two full packets at once: little beside what any test or picture sends.
_BURST_BYTES = 2 * 1514
_PATIENCE_S = 20


def reason_against(delay_s: float = 0.0, loss: float = 0.0) -> str:
    """Return why such a link cannot be made here; empty where it can.

    Args:
        delay_s: for which, as for loss, the kernel needs netem, which some leave out.
        loss: see above.
    """
    if sys.platform != "linux":
        return "network namespaces are Linux'"
    missing = [name for name in ("ip", "tc", "unshare", "nsenter") if shutil.which(name) is None]
    if missing:
        return f"there is no {', '.join(missing)} (Debian: iproute2, util-linux)"
    try:
        with Namespaces(("127.0.0.1", 1), 1e6, delay_s, loss):
            return ""
    except (OSError, subprocess.SubprocessError) as error:
        told = getattr(error, "stderr", None) or str(error)
        return f"network namespaces cannot be made: {' '.join(told.split())}"


class Namespaces:
    """The link.

    Args:
        target: (host, port) of the server.
        bits_per_s: each way; None for as fast as it goes.
        delay_s: each way.
        loss: share of the packets that are lost, each way.

    Raises:
        OSError: namespaces cannot be made.
        subprocess.SubprocessError: neither.
    """

    def __init__(
        self,
        target: tuple[str, int],
        bits_per_s: float | None = None,
        delay_s: float = 0.0,
        loss: float = 0.0,
    ) -> None:
        self._target = target
        self._shape = _shape(bits_per_s, delay_s, loss)
        self._stack = ExitStack()
        self._holders: list[int] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            near, far = self._holders = [_hold(stack) for _ in range(2)]
            peer = ["peer", "name", _LINK, "netns", str(far)]
            _inside(near, "ip", "link", "add", "name", _LINK, "type", "veth", *peer)
            for holder, address in ((near, _NEAR), (far, _FAR)):
                _inside(holder, "ip", "address", "add", f"{address}/30", "dev", _LINK)
                _inside(holder, "ip", "link", "set", _LINK, "up")
                if self._shape:
                    _inside(holder, "tc", "qdisc", "add", "dev", _LINK, "root", *self._shape)
            outer = stack.enter_context(_Far(self._target, far))
            self._near = stack.enter_context(_Near((_FAR, outer.port), near))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """What the client is given instead of the server's URL."""
        return self._near.url

    @property
    def connections(self) -> int:
        """How many the client has made."""
        return self._near.connections

    def cut(self) -> None:
        """Let no packet through until ``mend``; who sends hears nothing of it for seconds."""
        _inside(self._holders[1], "ip", "link", "set", _LINK, "down")

    def mend(self) -> None:
        """Let packets through again."""
        _inside(self._holders[1], "ip", "link", "set", _LINK, "up")


class _Near(Emulator):
    """From this namespace into the first; slows nothing itself."""

    def __init__(self, target: tuple[str, int], holder: int) -> None:
        super().__init__(target)
        self._holder = holder

    async def reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect over the link."""
        ours = _socket_in(self._holder)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        ours.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(ours, self._target)
        except BaseException:
            ours.close()
            raise
        return await asyncio.open_connection(sock=ours)


class _Far(Emulator):
    """From the second namespace to the server in this one."""

    def __init__(self, target: tuple[str, int], holder: int) -> None:
        super().__init__(target)
        self._holder = holder

    def listen(self) -> socket.socket:
        """Listen at the link's end."""
        ours = _socket_in(self._holder)
        # What is accepted inherits it.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        ours.bind((_FAR, 0))
        ours.listen()
        return ours


def _shape(bits_per_s: float | None, delay_s: float, loss: float) -> list[str]:
    """Return what tc is to do with packets; nothing where they go as they come."""
    rate = [] if bits_per_s is None else ["rate", f"{bits_per_s:.0f}bit"]
    if delay_s or loss:
        spoiled = ["delay", f"{1e6 * delay_s:.0f}us", "loss", f"{100 * loss:g}%"]
        return ["netem", "limit", str(_QUEUE_PACKETS), *spoiled, *rate]
    return rate and ["tbf", *rate, "burst", str(_BURST_BYTES), "limit", str(_QUEUE_BYTES)]


def _hold(stack: ExitStack) -> int:
    """Start a process that holds a new namespace until its input ends; return its id."""
    holder = stack.enter_context(
        subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    )
    assert holder.stdin is not None
    assert holder.stderr is not None
    ours, its = Path("/proc/self/ns/net"), Path(f"/proc/{holder.pid}/ns/net")
    end_s = time.monotonic() + _PATIENCE_S
    while holder.poll() is None and its.readlink() == ours.readlink():
        if time.monotonic() > end_s:
            raise TimeoutError("unshare did not make a namespace")
        time.sleep(0.005)
    if holder.poll() is not None:
        raise PermissionError(holder.stderr.read().decode())
    return holder.pid


def _inside(holder: int, *command: str) -> None:
    """Run a command in a namespace."""
    subprocess.run(
        ["nsenter", f"--net=/proc/{holder}/ns/net", *command],
        check=True,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
    )


def _socket_in(holder: int) -> socket.socket:
    """Return a TCP socket of a namespace, in which it stays."""
    made: list[socket.socket | OSError] = []

    def make() -> None:
        try:
            with Path(f"/proc/{holder}/ns/net").open() as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET):
                    number = ctypes.get_errno()
                    raise OSError(number, os.strerror(number))
            made.append(socket.socket())
        except OSError as error:
            made.append(error)

    # A thread has a namespace of its own, and this one ends at once.
    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    (outcome,) = made
    if isinstance(outcome, OSError):
        raise outcome
    return outcome
