"""Requests of many clients to batches, with a bound on waiting; no model and no HTTP.

Items of one key (shape and tasks) may share a batch. A batch is run

- when it is full, or
- when its oldest item has waited ``max_wait_s``, or
- when no further item is on its way: a lone client never waits.

One batch runs at a time, in a thread of its own, and what comes meanwhile is the
next. The oldest item goes first.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class BatchTimes:
    """What became of a batch.

    Args:
        items: how many.
        waited_s: how long its oldest item waited.
        ran_s: how long it ran.
    """

    items: int
    waited_s: float
    ran_s: float


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[Item, Result]):
    item: Item
    future: asyncio.Future[Result]
    since_s: float


class Batcher(Generic[Key, Item, Result]):
    """Runs items in batches. Made and used in one event loop.

    Args:
        run: (key, items) -> as many results; called in a thread.
        max_batch: most items of a batch.
        max_wait_s: longest that an item waits for others while nothing runs.
        expecting: whether further items are on their way.
        observe: told of every batch.
    """

    def __init__(
        self,
        run: Callable[[Key, list[Item]], Sequence[Result]],
        max_batch: int,
        max_wait_s: float,
        expecting: Callable[[], bool] = lambda: True,
        observe: Callable[[BatchTimes], None] = lambda _: None,
    ) -> None:
        self._run = run
        self._max_batch = max_batch
        self._max_wait_s = max_wait_s
        self._expecting = expecting
        self._observe = observe
        self._queues: dict[Key, deque[_Waiting[Item, Result]]] = {}
        self._changed = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="run")
        self._task = asyncio.create_task(self._loop())

    async def submit(self, key: Key, item: Item) -> Result:
        """Return the result of an item; where the caller is cancelled in time, it is not run."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(key, deque()).append(_Waiting(item, future, time.monotonic()))
        self._changed.set()
        return await future

    async def close(self) -> None:
        """Stop; what still waits is cancelled."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for queue in self._queues.values():
            for waiting in queue:
                waiting.future.cancel()
        self._thread.shutdown()

    async def _loop(self) -> None:
        while True:
            key = await self._next_key()
            batch = self._take(key)
            if batch:
                await self._run_batch(key, batch)

    async def _next_key(self) -> Key:
        """Wait until a batch is to be run."""
        while True:
            self._changed.clear()
            now = time.monotonic()
            hurry = not self._expecting()
            oldest = sorted(self._queues.items(), key=lambda entry: entry[1][0].since_s)
            for key, queue in oldest:
                waited_s = now - queue[0].since_s
                if hurry or len(queue) >= self._max_batch or waited_s >= self._max_wait_s:
                    return key
            patience_s = oldest[0][1][0].since_s + self._max_wait_s - now if oldest else None
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await self._changed.wait()

    def _take(self, key: Key) -> list[_Waiting[Item, Result]]:
        """Take the oldest items of a key that somebody still waits for."""
        queue = self._queues[key]
        batch: list[_Waiting[Item, Result]] = []
        while queue and len(batch) < self._max_batch:
            waiting = queue.popleft()
            if not waiting.future.done():
                batch.append(waiting)
        if not queue:
            del self._queues[key]
        return batch

    async def _run_batch(self, key: Key, batch: list[_Waiting[Item, Result]]) -> None:
        started_s = time.monotonic()
        items = [waiting.item for waiting in batch]
        try:
            results = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._run, key, items
            )
        except asyncio.CancelledError:
            for waiting in batch:
                waiting.future.cancel()
            raise
        except Exception as error:  # whatever it is, it is the answer of those who wait
            for waiting in batch:
                if not waiting.future.done():
                    waiting.future.set_exception(error)
            return
        self._observe(
            BatchTimes(len(batch), started_s - batch[0].since_s, time.monotonic() - started_s)
        )
        for waiting, result in zip(batch, results, strict=True):
            if not waiting.future.done():
                waiting.future.set_result(result)
