"""A request until it is answered: deadline, tries, and the link's coming back.

::

            ┌──── back-off, Retry-After ────┐
            ▼                               │ passing fault, time left
    up ── exchange ──► answered             ┴
     ▲        │
     │        └─ no time or tries left ──► down: every request is refused at once
     └────────── the server lives ◄── probes with back-off ──┘

Where the link is to be measured, its round trip is looked at from time to time, and a frame that
needs nothing sent has the last request sent once more in the background: or nobody would notice
that a link has become better.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from cofeat.edge.link import Backoff, Link
from cofeat.edge.wire import PASSING, Answer, Request, Tally, Wire
from cofeat.errors import BusyError, CofeatError, InvalidInputError, LinkError

# Between two looks at the round trip, and between two requests that only measure.
_LOOK_S = 5.0


@dataclass(frozen=True)
class Patience:
    """How long and how often the server is tried.

    Args:
        deadline_s: of a request, all of its tries and the waits between them included.
        tries: of a request.
        between: waits between its tries.
        probes: waits between probes of a server that is gone.
    """

    deadline_s: float = 2.0
    tries: int = 4
    between: Backoff = field(default_factory=lambda: Backoff(0.05, 2.0))
    probes: Backoff = field(default_factory=lambda: Backoff(0.25, 15.0))

    def __post_init__(self) -> None:
        if not 0 < self.deadline_s < float("inf"):
            raise InvalidInputError(f"a deadline of {self.deadline_s} s: give more than 0")
        if self.tries < 1:
            raise InvalidInputError(f"{self.tries} tries: give at least 1")


class Courier:
    """Delivers requests as patiently as it is told to. Used in one event loop.

    Args:
        wire: what carries one request.
        link: what is known of the link.
        patience: how long to try.
        measures: whether requests are sent for the link's sake alone.
    """

    def __init__(self, wire: Wire, link: Link, patience: Patience, measures: bool = False) -> None:
        self._wire = wire
        self._link = link
        self._patience = patience
        self._measures = measures
        self._probing: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looked_s = -math.inf
        self._answered_s = -math.inf
        self._under_way = 0
        self._last: Request | None = None
        self._first_look = asyncio.Lock()

    async def close(self) -> None:
        """Probe no longer, and close the connections."""
        for task in (self._probing, self._looking):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._wire.close()

    async def deliver(self, request: Request, tally: Tally) -> Answer:
        """Return the answer to a request.

        Args:
            request: what is asked.
            tally: counts what it costs.

        Raises:
            LinkError: there was none in time, or the link is down: then it is not tried at all.
            RefusedError: the server does not do it, now or later.
        """
        if not self._link.up:
            raise LinkError(f"the link is down: {self._link.reason}")
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self._patience.deadline_s
        last: CofeatError | None = None
        try:
            async with asyncio.timeout_at(end_s):
                await self._know_round_trip()
                for number in range(1, self._patience.tries + 1):
                    try:
                        answer = await self._exchange(request, end_s - loop.time(), tally)
                    except PASSING as error:
                        last = error
                    else:
                        self._last = request
                        self._look(self._ping, self._looked_s)
                        return answer
                    wait_s = self._patience.between.wait_s(number, _retry_after_s(last))
                    if number == self._patience.tries or loop.time() + wait_s >= end_s:
                        break
                    await asyncio.sleep(wait_s)
        except TimeoutError:
            self._link.unanswered(len(request.data), self._patience.deadline_s)
            reason = f"no answer of {self._wire.server} within {self._patience.deadline_s:g} s"
            self._lost(f"{reason}; before that, {last}" if last else reason, last)
        else:
            self._lost(str(last), last)
        raise LinkError(self._link.reason) from last

    def measure(self) -> None:
        """Send the last request once more in the background, if none was for some time."""
        request = self._last
        if self._link.up and request is not None:
            last_s = max(self._looked_s, self._answered_s)
            self._look(lambda: self._repeat(request), last_s)

    async def _exchange(self, request: Request, timeout_s: float, tally: Tally) -> Answer:
        """Do one exchange, and let the link learn from it."""
        before_bytes = tally.bytes_sent
        self._under_way += 1
        try:
            answer = await self._wire.exchange(request, timeout_s, tally)
        finally:
            self._under_way -= 1
        self._link.answered(tally.bytes_sent - before_bytes, answer)
        self._answered_s = asyncio.get_running_loop().time()
        return answer

    def _look(self, work: Callable[[], Coroutine[None, None, None]], last_s: float) -> None:
        """Do something in the background, if the last time is long past and nothing is done."""
        now_s = asyncio.get_running_loop().time()
        busy = self._looking is not None and not self._looking.done()
        if self._measures and not busy and now_s - last_s >= _LOOK_S:
            self._looked_s = now_s
            self._looking = asyncio.create_task(work())

    async def _know_round_trip(self) -> None:
        """Look at it once before anything else is on the link, if it is to be measured."""
        async with self._first_look:
            if self._measures and self._link.rtt_ms is None:
                await self._wire.lives()  # connects, which takes a round trip of its own
                await self._ping()
                self._looked_s = asyncio.get_running_loop().time()

    async def _ping(self) -> None:
        alone = self._under_way == 0
        ms = await self._wire.ping_ms()
        if ms is not None:
            self._link.pinged(ms, alone and self._under_way == 0)

    async def _repeat(self, request: Request) -> None:
        """Send a request whose answer nobody waits for."""
        await self._ping()
        deadline_s = self._patience.deadline_s
        try:
            async with asyncio.timeout(deadline_s):
                await self._exchange(request, deadline_s, Tally())
        except TimeoutError:
            self._link.unanswered(len(request.data), deadline_s)
        except LinkError as error:
            self._lost(str(error), error)
        except CofeatError:  # whoever sends a frame is told
            return

    def _lost(self, reason: str, error: CofeatError | None) -> None:
        """Take the link for down, and look from time to time whether it is back."""
        self._link.failed(reason)
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._probe(_retry_after_s(error)))

    async def _probe(self, retry_after_s: float | None) -> None:
        """Wait and ask until the server lives."""
        tries = self._link.failures
        while not self._link.up:
            await asyncio.sleep(self._patience.probes.wait_s(tries, retry_after_s))
            if await self._wire.lives():
                self._link.back()
            tries, retry_after_s = tries + 1, None


def _retry_after_s(error: CofeatError | None) -> float | None:
    return error.retry_after_s if isinstance(error, BusyError) else None
