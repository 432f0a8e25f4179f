"""Clients that send or read too slowly, or headers without end, are cut off.

uvicorn bounds only the time between requests. Here a request must have come whole,
and what was written must be read, within a time of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# A picture of 1 MB at 0.5 Mbit/s takes 16 s.
RECEIVE_S = 30.0
SEND_S = 60.0
# What most servers allow at most.
MAX_HEAD_BYTES = 64 * 1024


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds on receiving a request and on sending an answer."""

    receive_s = RECEIVE_S
    send_s = SEND_S

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._receiving = _Bound(self.loop, self._cut)
        self._sending = _Bound(self.loop, self._cut)
        self._in_head = True
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._receiving.set(self.receive_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._receiving.clear()
        self._sending.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come; of a head, no more than is allowed."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._cut()

    def on_message_begin(self) -> None:
        """Wait for the rest of a request."""
        self._receiving.set(self.receive_s)
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Have the head of a request."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Have all of a request."""
        self._receiving.clear()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        self._sending.set(self.send_s)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Have written again."""
        self._sending.clear()
        super().resume_writing()

    def _cut(self) -> None:
        self.transport.abort()


class _Bound:
    """A timer that can be set again."""

    def __init__(self, loop: asyncio.AbstractEventLoop, then: Callable[[], None]) -> None:
        self._loop = loop
        self._then = then
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        self.clear()
        self._timer = self._loop.call_later(seconds, self._then)

    def clear(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
