"""When items share a batch. Time is told only where nothing else can be."""

import asyncio
import threading

import pytest

from cofeat.cloud.batching import Batcher

FOREVER_S = 600.0


class Runs:
    """Doubles numbers; notes the batches, and waits where it is told to."""

    def __init__(self):
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()

    def __call__(self, key, items):
        self.batches.append((key, list(items)))
        self.begun.set()
        assert self.gate.wait(60)
        if "fault" in items:
            raise RuntimeError("fault")
        return [2 * item for item in items]


def with_batcher(work, **options):
    """Run work(batcher, runs) in an event loop."""

    async def main():
        runs = Runs()
        settings = {"max_batch": 4, "max_wait_s": FOREVER_S, **options}
        batcher = Batcher(runs, **settings)
        try:
            return await asyncio.wait_for(work(batcher, runs), 60)
        finally:
            runs.gate.set()
            await batcher.close()

    return asyncio.run(main())


def submit(batcher, key, *items):
    return [asyncio.ensure_future(batcher.submit(key, item)) for item in items]


def test_a_full_batch_is_run_at_once():
    async def work(batcher, runs):
        assert await asyncio.gather(*submit(batcher, "a", 1, 2, 3, 4)) == [2, 4, 6, 8]
        assert runs.batches == [("a", [1, 2, 3, 4])]

    with_batcher(work)


def test_a_lone_item_waits_no_longer_than_allowed():
    async def work(batcher, runs):
        assert await batcher.submit("a", 1) == 2

    with_batcher(work, max_wait_s=0.001)


def test_a_lone_item_does_not_wait_where_nothing_else_is_on_its_way():
    async def work(batcher, runs):
        assert await batcher.submit("a", 1) == 2

    with_batcher(work, expecting=lambda: False)


def test_items_of_two_keys_do_not_mix():
    async def work(batcher, runs):
        waiting = submit(batcher, "a", 1, 2) + submit(batcher, "b", 3, 4, 5, 6)
        waiting += submit(batcher, "a", 7, 8)
        assert await asyncio.gather(*waiting) == [2, 4, 6, 8, 10, 12, 14, 16]
        assert sorted(runs.batches) == [("a", [1, 2, 7, 8]), ("b", [3, 4, 5, 6])]

    with_batcher(work)


def test_what_comes_during_a_run_is_the_next_batch():
    async def work(batcher, runs):
        runs.gate.clear()
        first = submit(batcher, "a", 1)
        await asyncio.to_thread(runs.begun.wait, 60)
        more = submit(batcher, "a", 2, 3, 4, 5, 6)
        runs.gate.set()
        await asyncio.gather(*first, *more)
        assert [len(items) for _, items in runs.batches] == [1, 4, 1]

    with_batcher(work, expecting=lambda: False)


def test_who_no_longer_waits_is_not_run():
    async def work(batcher, runs):
        runs.gate.clear()
        first = submit(batcher, "a", 1)
        await asyncio.to_thread(runs.begun.wait, 60)
        gone, stays = submit(batcher, "a", 2, 3)
        await asyncio.sleep(0)
        gone.cancel()
        runs.gate.set()
        assert await asyncio.gather(*first, stays) == [2, 6]
        assert runs.batches == [("a", [1]), ("a", [3])]

    with_batcher(work, expecting=lambda: False)


def test_a_fault_is_told_to_all_of_its_batch_and_no_others():
    async def work(batcher, runs):
        ill = submit(batcher, "a", 1, "fault", 2, 3)
        well = submit(batcher, "b", 1, 2, 3, 4)
        results = await asyncio.gather(*ill, return_exceptions=True)
        assert [str(result) for result in results] == ["fault"] * 4
        assert await asyncio.gather(*well) == [2, 4, 6, 8]

    with_batcher(work)


def test_closing_lets_nobody_wait():
    async def work(batcher, runs):
        waiting = submit(batcher, "a", 1)
        await asyncio.sleep(0)
        await batcher.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        assert runs.batches == []

    with_batcher(work)


def test_batches_are_told():
    told = []

    async def work(batcher, runs):
        await asyncio.gather(*submit(batcher, "a", 1, 2, 3, 4))

    with_batcher(work, observe=told.append)
    (times,) = told
    assert times.items == 4
    assert times.waited_s >= 0
    assert times.ran_s >= 0
