"""Mode auto through a day of a link, on a virtual clock: plans change as they should, and rest."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

import httpx
import numpy as np
import pytest

from cofeat.bundle import open_bundle_model
from cofeat.cli.following import Following, link_model
from cofeat.edge import AsyncEdge, Device, Patience, Way
from cofeat.edge.link import Backoff, Link
from cofeat.planner.choose import Wish
from cofeat.planner.energy import Energy
from cofeat.planner.plan import EXCHANGE_MS, Planner
from cofeat.planner.profile import ModelProfile, Profile, StageTime
from cofeat.protocol.http import HEADER_LENGTH, decode_request, encode_response
from cofeat.protocol.messages import InferResponse, array_tensor

CLOUD_S = 0.01
FRAME_S = 0.5
TASKS = ("segmentation", "disparity", "reconstruction")
ALL = "+".join(TASKS)
# Mobile takes 300 ms. In split mode about 2 kB go out and 12 kB come back: 1 Mbit/s brings that
# in some 170 ms, 50 kbit/s in more than 2 s.
GOOD, CONGESTED = 1e6, 5e4


@dataclass
class Phase:
    """Until when the link has which rate; None: the server is gone."""

    until_s: float
    bits_per_s: float | None


class Road(httpx.AsyncBaseTransport):
    """A server behind a link whose rate follows a trace; bytes of one way leave in their turn."""

    def __init__(self, trace, rtt_s=0.02):
        self.trace = trace
        self.rtt_s = rtt_s
        self.answered = 0
        self._ways = asyncio.Lock(), asyncio.Lock()

    def rate(self):
        now_s = asyncio.get_running_loop().time()
        rate = next(phase.bits_per_s for phase in self.trace if now_s < phase.until_s)
        if rate is None:
            raise httpx.ConnectError("no route")
        return rate

    async def carry(self, way, size_bytes):
        async with self._ways[way]:
            for start in range(0, size_bytes, 512):
                await asyncio.sleep(8 * min(512, size_bytes - start) / self.rate())
        await asyncio.sleep(self.rtt_s / 2)

    async def handle_async_request(self, request):
        body = await request.aread()
        self.rate()
        if request.url.path == "/v2/health/ready":
            await asyncio.sleep(self.rtt_s)
            return httpx.Response(200)
        await self.carry(0, len(body))
        await asyncio.sleep(CLOUD_S)
        asked = decode_request(body, int(request.headers[HEADER_LENGTH]))
        outputs = {
            "segmentation": np.full((1, 30, 50), 7, np.uint8),
            "disparity": np.full((1, 30, 50), 2.5, np.float32),
            "reconstruction": np.full((1, 30, 50, 3), 9, np.uint8),
        }
        tensors = tuple(array_tensor(out.name, outputs[out.name]) for out in asked.outputs)
        told = {"decode_ms": 0.0, "run_ms": 1000 * CLOUD_S}
        content, length = encode_response(InferResponse("tiny", "1", tensors, "", told))
        self.answered += 1
        return httpx.Response(
            200, headers={HEADER_LENGTH: str(length)}, stream=_Coming(self, content)
        )


class _Coming(httpx.AsyncByteStream):
    def __init__(self, road, content):
        self._road, self._content = road, content

    async def __aiter__(self):
        await self._road.carry(1, len(self._content))
        yield self._content


def stage(name, how, ms, size_bytes=0.0):
    return StageTime(name, how, 1, 5, ms, ms, 0.0, size_bytes)


@pytest.fixture
def following_of(exported):
    """Called with nothing, returns a ``Following`` of the shared bundle by made profiles."""
    model = open_bundle_model(exported.bundle)

    def profile(*stages):
        one = ModelProfile(model.entry.name, model.entry.model_id, stages, {})
        return Profile(1, "0", "made", 1, 1, "50x30", 1, (one,))

    def make():
        device = profile(
            stage("read", "png", 0.0),
            stage("encode", "int8", 2.0),
            stage("compress", "zstd:1", 1.0, 1500.0),
            stage("whole", ALL, 300.0),
            *(stage("unanswer", f"raw:{task}", 0.0) for task in TASKS),
        )
        cloud = profile(
            stage("decompress", "zstd:1", 0.0),
            stage("heads", ALL, 1000 * CLOUD_S),
            *(stage("answer", f"raw:{task}", 0.0, 4000.0) for task in TASKS),
        )
        forms = dict.fromkeys(TASKS, "raw")
        planner = Planner([model.entry], device, cloud, Energy(), None, forms)
        halves = {}

        def device_of(name, precision):
            assert name == "tiny"
            return halves.setdefault(
                precision, Device(model, precision=precision, threads=1, answers="raw")
            )

        return Following(planner, Wish(), device_of, Way("split", device_of("tiny", "int8")))

    return make


def drive(kit, following, trace, images, at_once=False):
    """Run a frame each half second through a trace; returns (time, result) and the road.

    Args:
        at_once: as a stream, whose frames are under way together; the time is that of its result.
    """
    patience = Patience(10.0, 1, Backoff(0.1, 0.1), Backoff(0.5, 2.0, draw=lambda: 1.0))
    road = Road(trace)

    async def run():
        found = []
        loop = asyncio.get_running_loop()
        first = following._first.device
        async with AsyncEdge(
            first, "http://cloud", patience=patience, transport=road, choose=following
        ) as edge:
            results = edge.stream(itertools.cycle(images))
            while loop.time() < trace[-1].until_s - 15:  # so that the last frame ends within
                number, start_s = len(found), loop.time()
                picture = images[number % len(images)]
                result = await (anext(results) if at_once else edge.run(picture, f"{number:06d}"))
                found.append((start_s, result))
                await asyncio.sleep(max(0.0, start_s + FRAME_S - loop.time()))
            await results.close()
        return found

    return kit.virtually(run()), road


@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "at once"])
def test_a_day_of_the_link(kit, following_of, images, at_once):
    """Good, congested, gone, back: each plan in its time, none in between, no frame lost."""
    trace = [Phase(20, GOOD), Phase(45, CONGESTED), Phase(60, None), Phase(110, GOOD)]
    following = following_of()
    found, road = drive(kit, following, trace, images, at_once)
    assert len(found) > 120
    assert [result.name for _, result in found] == [f"{n:06d}" for n in range(len(found))]
    assert all(set(result.outputs) == set(TASKS) for _, result in found)
    runs = [(mode, list(group)) for mode, group in itertools.groupby(found, lambda f: f[1].mode)]
    assert [mode for mode, _ in runs] == ["split", "mobile", "split"]
    (_, good), (_, alone), (_, again) = runs
    # It takes three slow answers, of some 3 s each, to believe in the congestion ...
    assert 20 < alone[0][0] < 35
    assert good[-1][0] > 20
    # ... and two requests that only measure, 5 s apart, to believe in its end.
    assert 60 < again[0][0] < 80
    assert following.follower.changes == 2
    # More was answered than frames were sent: what measured the link.
    assert road.answered > len(good) + len(again)


def test_a_link_between_two_plans_changes_nothing(kit, following_of, images):
    """At 0.45 Mbit/s both take 300 ms, and the rate goes up and down by a fifth."""
    rng = np.random.default_rng(0)
    trace = [Phase(1.0 + n, 4.5e5 * rng.uniform(0.8, 1.2)) for n in range(90)]
    following = following_of()
    found, _ = drive(kit, following, trace, images)
    assert len(found) > 140
    assert following.follower.changes <= 1


def test_the_links_state_as_the_planner_takes_it():
    link = Link()
    link.pinged(50.0, alone=True)
    model = link_model(link, 2e6)
    assert (model.up_bits_per_s, model.down_bits_per_s, model.loss) == (2e6, 2e6, 0.0)
    assert model.rtt_ms == 50.0 - EXCHANGE_MS
    link.down_bits_per_s = 3e6
    assert link_model(link, 2e6).down_bits_per_s == 3e6
    link.pinged(1.0, alone=True)
    assert link_model(link, 2e6).rtt_ms == 0.0
