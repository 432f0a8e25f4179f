"""Stages that work at once, each on another item, in order.

::

    source ─► [ stage ]─► [ stage ]─► [ stage ]─► who asks for results
               item n+2     item n+1    items n, n-1 (width 2)

A stage takes an item when it has a place, so what is under way is bounded by the
widths, and the throughput is that of the slowest stage.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Stage:
    """One stage.

    Args:
        work: called with an item, gives the next stage's.
        width: items that are worked on, or wait to be taken, at once.
    """

    work: Callable[[Any], Awaitable[Any]]
    width: int = 1


class Pipeline(Generic[T]):
    """The results of the last stage, an async iterator in the order of the source.

    What the source or a stage raises is raised when its turn comes, and ends it.

    Args:
        source: gives the next item, or raises StopAsyncIteration; called by one at a time.
        stages: in order, at least one.
    """

    def __init__(self, source: Callable[[], Awaitable[Any]], stages: Sequence[Stage]) -> None:
        self._pumps: list[_Pump] = []
        take = source
        for stage in stages:
            self._pumps.append(_Pump(take, stage))
            take = self._pumps[-1].take

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        """Return the next result."""
        result: T = await self._pumps[-1].take()
        return result

    async def close(self) -> None:
        """Give up what is under way."""
        for pump in self._pumps:
            await pump.close()


class _Pump:
    """Draws items through one stage, beginning when it is first asked for one."""

    def __init__(self, source: Callable[[], Awaitable[Any]], stage: Stage) -> None:
        self._source = source
        self._work = stage.work
        self._places = asyncio.Semaphore(stage.width)
        self._under_way: asyncio.Queue[asyncio.Task[Any]] = asyncio.Queue()
        self._first: asyncio.Task[Any] | None = None
        self._drawing: asyncio.Task[None] | None = None
        self._works: set[asyncio.Task[Any]] = set()

    async def take(self) -> Any:
        """Return the next item that is done; StopAsyncIteration after the last one."""
        if self._drawing is None:
            self._drawing = asyncio.create_task(self._draw())
        if self._first is None:
            self._first = await self._under_way.get()
        work = self._first
        await asyncio.wait([work])  # who is cancelled here finds the item when asking again
        item = work.result()  # and whoever asks after an error is told the same
        self._first = None
        self._works.discard(work)
        self._places.release()
        return item

    async def close(self) -> None:
        tasks = [*self._works, *([self._drawing] if self._drawing is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _draw(self) -> None:
        """Begin work on one item after another until the source ends or fails."""
        more = True
        while more:
            await self._places.acquire()
            try:
                item = await self._source()
            except Exception as error:
                work, more = asyncio.ensure_future(_raise(error)), False
            else:
                work = asyncio.ensure_future(self._work(item))
            self._works.add(work)
            self._under_way.put_nowait(work)


async def _raise(error: Exception) -> Any:
    raise error
