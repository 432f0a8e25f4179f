"""Stages of known length on a virtual clock: the throughput is that of the slowest."""

import asyncio

import pytest

from cofeat.edge.pipeline import Pipeline, Stage


def source_of(items):
    left = iter(items)

    async def take():
        for item in left:
            return item
        raise StopAsyncIteration

    return take


def lasting(seconds, log=None, name=""):
    async def work(item):
        loop = asyncio.get_running_loop()
        if log is not None:
            log.append((name, item, loop.time()))
        await asyncio.sleep(seconds)
        return item

    return work


async def collect(pipeline):
    times, items = [], []
    async for item in pipeline:
        items.append(item)
        times.append(asyncio.get_running_loop().time())
    await pipeline.close()
    return items, times


@pytest.mark.parametrize("slowest", range(4))
def test_throughput_is_that_of_the_slowest_stage(kit, slowest):
    lengths_s = [0.2, 0.1, 0.3, 0.2]
    lengths_s[slowest] = 1.0
    pipeline = Pipeline(source_of(range(20)), [Stage(lasting(s)) for s in lengths_s])

    async def run():
        return await collect(pipeline)

    items, times = kit.virtually(run())
    assert items == list(range(20))
    # The first item takes the sum of all stages, each other one the slowest stage's.
    assert times == pytest.approx([sum(lengths_s) + n for n in range(20)])


def test_on_the_wire_two_at_once_is_twice_as_fast(kit):
    async def run():
        stages = [Stage(lasting(0.1)), Stage(lasting(1.0), width=2)]
        return await collect(Pipeline(source_of(range(8)), stages))

    items, times = kit.virtually(run())
    assert items == list(range(8))
    assert times[-1] == pytest.approx(4.2, abs=0.01)  # and not 8.1


def test_while_one_is_on_the_wire_the_next_is_encoded(kit):
    log = []

    async def run():
        stages = [Stage(lasting(1.0, log, "encode")), Stage(lasting(1.0, log, "wire"))]
        return await collect(Pipeline(source_of("abc"), stages))

    kit.virtually(run())
    begun = {(name, item): time for name, item, time in log}
    assert begun["wire", "a"] == begun["encode", "b"] == 1.0
    assert begun["wire", "b"] == begun["encode", "c"] == 2.0


def test_order_is_kept_where_later_items_are_faster(kit):
    async def work(item):
        await asyncio.sleep(1.0 / (1 + item))
        return item

    async def run():
        return await collect(Pipeline(source_of(range(6)), [Stage(work, width=4)]))

    assert kit.virtually(run())[0] == list(range(6))


def test_what_is_under_way_is_bounded(kit):
    drawn = []

    async def take():
        drawn.append(len(drawn))
        return drawn[-1]

    async def run():
        pipeline = Pipeline(take, [Stage(lasting(0.1)), Stage(lasting(0.1), width=2)])
        first = await anext(pipeline)
        await asyncio.sleep(100)  # nobody asks, however long
        await pipeline.close()
        return first

    assert kit.virtually(run()) == 0
    # The one that was taken, two on the wire, one encoded.
    assert len(drawn) == 4


def test_an_error_comes_in_its_turn_and_again(kit):
    async def work(item):
        if item == 2:
            raise ValueError("two")
        return item

    async def run():
        pipeline = Pipeline(source_of(range(5)), [Stage(work), Stage(lasting(0.1), width=2)])
        got = [await anext(pipeline), await anext(pipeline)]
        for _ in range(2):
            with pytest.raises(ValueError, match="two"):
                await anext(pipeline)
        await pipeline.close()
        return got

    assert kit.virtually(run()) == [0, 1]


def test_who_is_cancelled_loses_no_item(kit):
    async def run():
        pipeline = Pipeline(source_of(range(3)), [Stage(lasting(1.0))])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(pipeline)
        return await collect(pipeline)

    assert kit.virtually(run())[0] == [0, 1, 2]
