"""A link that one can make slow, late, lossy and dead: a TCP proxy in a thread.

::

    client ──► emulator ── rate, delay, loss ──► server
           ◄── rate, delay, loss ── emulator ◄──

All connections of one direction share its rate, as on a radio link. A proxy cannot
lose a segment of TCP; it does what the loss of one does to whoever waits: that
segment and all behind it come a retransmission later. The tests and the benchmarks
use it::

    with Emulator(("127.0.0.1", 8000), bits_per_s=2e6, delay_s=0.02) as link:
        Edge("BUNDLE", link.url)
"""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from types import TracebackType
from typing import Self

# Of TCP over Ethernet; also what is read at once, so that a slow link is felt by the sender.
_SEGMENT_BYTES = 1460
# Segments on the link or before it, in one direction of one connection.
_WINDOW = 32
# Linux' shortest retransmission time-out.
_RETRANSMIT_S = 0.2


class Emulator:
    """The proxy; it listens on a free port of the loopback.

    Args:
        target: (host, port) of the server.
        bits_per_s: each way; None for as fast as it goes.
        delay_s: each way.
        loss: share of the segments that come a retransmission later.
        seed: of which those are.
    """

    def __init__(
        self,
        target: tuple[str, int],
        bits_per_s: float | None = None,
        delay_s: float = 0.0,
        loss: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.bits_per_s = bits_per_s
        self.delay_s = delay_s
        self.loss = loss
        self.connections = 0
        self._target = target
        self._random = random.Random(seed)
        # When each direction has sent what it was given, on the loop's clock.
        self._free_s = [0.0, 0.0]
        self._alive = True
        self._open: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def url(self) -> str:
        """What the client is given instead of the server's URL."""
        return f"http://127.0.0.1:{self.port}"

    def listen(self) -> socket.socket:
        """Return the socket that clients come to."""
        return socket.create_server(("127.0.0.1", 0))

    async def reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the server."""
        return await asyncio.open_connection(*self._target)

    def cut(self) -> None:
        """Break every connection, and accept none until ``mend``."""
        self._call(False)

    def mend(self) -> None:
        """Let connections through again."""
        self._call(True)

    def _call(self, alive: bool) -> None:
        done = threading.Event()

        def change() -> None:
            self._alive = alive
            for task in () if alive else self._open:
                task.cancel()
            done.set()

        self._loop.call_soon_threadsafe(change)
        done.wait()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._accept, sock=self.listen())
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.connections += 1
        far_writer = None
        try:
            if self._alive:
                far_reader, far_writer = await self.reach()
                for end in (writer, far_writer):
                    # asyncio does it for sockets that name their protocol; without, a last small
                    # segment would wait 40 ms for an acknowledgement that no real link delays.
                    ours = end.get_extra_info("socket")
                    ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await asyncio.gather(
                    self._carry(0, reader, far_writer), self._carry(1, far_reader, writer)
                )
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            for end in (writer, far_writer):
                if end is not None:
                    end.transport.abort()

    async def _carry(
        self, way: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry one direction of one connection until it ends."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_WINDOW)

        async def deliver() -> None:
            while True:
                due_s, segment = await queue.get()
                await asyncio.sleep(due_s - self._loop.time())
                if not segment:
                    writer.write_eof()
                    return
                writer.write(segment)
                await writer.drain()

        async def collect() -> None:
            segment = b"-"
            while segment:
                segment = await reader.read(_SEGMENT_BYTES)
                due_s = self._due_s(way, len(segment))
                await queue.put((due_s, segment))

        await asyncio.gather(deliver(), collect())

    def _due_s(self, way: int, size_bytes: int) -> float:
        """Return when a segment is on the other side, and hold the link until it is sent."""
        rate = self.bits_per_s
        start_s = max(self._loop.time(), self._free_s[way])
        self._free_s[way] = start_s + (8 * size_bytes / rate if rate else 0.0)
        lost = size_bytes > 0 and self._random.random() < self.loss
        late_s = max(_RETRANSMIT_S, 2 * self.delay_s) if lost else 0.0
        return self._free_s[way] + self.delay_s + late_s
