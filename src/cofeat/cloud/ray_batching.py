"""Ray's own batching (``ray.serve.batch``) in the place of ``batching``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cofeat.cloud.batching import BatchTimes

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class _Entry(Generic[Key, Item]):
    key: Key
    item: Item
    since_s: float


@dataclass(frozen=True, eq=False)
class _Fault:
    error: Exception


class RayBatcher(Generic[Key, Item, Result]):
    """Runs items in Ray's batches. Made and used in one event loop.

    Ray gathers up to ``max_batch`` items of any keys within ``max_wait_s`` of the first,
    so that a lone client waits that long. Of a batch the items of one key run together.

    Args:
        run: (key, items) -> as many results; called in a thread.
        max_batch: most items of a batch.
        max_wait_s: that Ray waits for a batch to become full.
        expecting: is not asked; Ray does not look ahead.
        observe: told of every run.
    """

    def __init__(
        self,
        run: Callable[[Key, list[Item]], Sequence[Result]],
        max_batch: int,
        max_wait_s: float,
        expecting: Callable[[], bool] = lambda: True,  # noqa: ARG002  # the place asks for it
        observe: Callable[[BatchTimes], None] = lambda _: None,
    ) -> None:
        from ray import serve

        self._run = run
        self._observe = observe
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="run")

        async def batched(entries: list[_Entry[Key, Item]]) -> list[Any]:
            return await self._run_entries(entries)

        gather: Any = serve.batch(max_batch_size=max_batch, batch_wait_timeout_s=max_wait_s)
        self._batched: Callable[[_Entry[Key, Item]], Any] = gather(batched)

    async def submit(self, key: Key, item: Item) -> Result:
        """Return the result of an item."""
        outcome = await self._batched(_Entry(key, item, time.monotonic()))
        if isinstance(outcome, _Fault):
            raise outcome.error
        result: Result = outcome
        return result

    async def close(self) -> None:
        """Stop."""
        self._thread.shutdown()

    async def _run_entries(self, entries: list[_Entry[Key, Item]]) -> list[Any]:
        """Return a result or a fault for each entry; a fault is that of its key alone."""
        outcomes: dict[int, Any] = {}
        groups: dict[Key, list[int]] = {}
        for index, entry in enumerate(entries):
            groups.setdefault(entry.key, []).append(index)
        loop = asyncio.get_running_loop()
        for key, indices in groups.items():
            started_s = time.monotonic()
            items = [entries[index].item for index in indices]
            try:
                results: Sequence[Any] = await loop.run_in_executor(
                    self._thread, self._run, key, items
                )
            except Exception as error:  # whatever it is, it is the answer of those who wait
                results = [_Fault(error)] * len(indices)
            else:
                waited_s = started_s - entries[indices[0]].since_s
                self._observe(BatchTimes(len(indices), waited_s, time.monotonic() - started_s))
            outcomes.update(zip(indices, results, strict=True))
        return [outcomes[index] for index in range(len(entries))]
