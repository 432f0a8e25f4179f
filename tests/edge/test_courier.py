"""Deadlines, tries and waits on a virtual clock, against a server in memory."""

import asyncio

import httpx
import pytest

from cofeat.edge.courier import Courier, Patience
from cofeat.edge.link import Backoff, Link
from cofeat.edge.wire import Answer, Request, Tally, Wire
from cofeat.errors import (
    InvalidInputError,
    LinkError,
    RefusedError,
    TooLargeError,
    UnauthorizedError,
    UnknownModelError,
    WrongModelError,
)

REQUEST = Request("tiny", "bitstream", b"features", (30, 50), ("segmentation",), "raw")
# Every wait is its longest: 1, 2, 4, ... s.
PATIENCE = Patience(
    100.0, 4, Backoff(1.0, 60.0, draw=lambda: 1.0), Backoff(1.0, 8.0, draw=lambda: 1.0)
)


def deliver(kit, transport, patience=PATIENCE, then=None):
    """Deliver one request; returns answer or error, tally, link, and the seconds that it took."""

    async def run():
        link, tally = Link(), Tally()
        courier = Courier(Wire("http://cloud", transport=transport), link, patience)
        clock = asyncio.get_running_loop().time
        try:
            outcome = await courier.deliver(REQUEST, tally)
        except (LinkError, RefusedError) as error:
            outcome = error
        took_s = clock()
        if then is not None:
            await then(courier, link)
        await courier.close()
        return outcome, tally, link, took_s

    return kit.virtually(run())


def test_an_answer_and_what_it_cost(kit):
    transport = kit.Scripted()
    answer, tally, link, took_s = deliver(kit, transport)
    assert list(answer.outputs) == ["segmentation"]
    assert (answer.outputs["segmentation"] == 7).all()
    assert answer.cloud_ms <= 3.0  # what the server says, where it fits into the wait
    assert tally.attempts == 1
    assert tally.bytes_sent > len(REQUEST.data)
    assert link.up
    assert took_s == 0
    (asked,) = transport.seen
    assert asked.inputs[0].elements == (b"features",)
    assert [output.name for output in asked.outputs] == ["segmentation"]
    assert asked.parameters["timeout"] == 100_000_000


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("no route"),
        httpx.ReadError(""),
        httpx.RemoteProtocolError("cut"),
        302,
        500,
        503,
        408,
        b"",
        b"no JSON",
        b'{"model_name": "tiny", "outputs": []}',
        b'{"model_name": "tiny", "outputs": [{"name": "disparity", "datatype": "UINT8", '
        b'"shape": [1], "data": [1]}]}',
        b'{"model_name": "tiny", "outputs": [{"name": "segmentation", "datatype": "UINT8", '
        b'"shape": [1, 1, 2], "data": [1, 2]}]}',
        b'{"model_name": "tiny", "outputs": [{"name": "segmentation", "datatype": "BYTES", '
        b'"shape": [1], "data": ["no picture"]}]}',
        b'{"model_name": "tiny", "outputs": [{"name": "segmentation", "datatype": "UINT8", '
        b'"shape": [2, 1, 1], "data": [1, 2]}]}',
        bytes(70 * 2**20),
    ],
    ids=lambda fault: repr(fault)[-60:],
)
def test_a_passing_fault_is_tried_again_with_growing_waits(kit, fault):
    transport = kit.Scripted(fault, fault, fault)
    answer, tally, link, _ = deliver(kit, transport)
    assert list(answer.outputs) == ["segmentation"]
    assert transport.times_s == [0, 1, 3, 7]
    assert tally.attempts == 4
    assert link.up


def test_no_more_than_the_tries(kit):
    transport = kit.Scripted(*[httpx.ConnectError("no route")] * 9)
    error, tally, link, took_s = deliver(kit, transport)
    assert isinstance(error, LinkError)
    assert "no route" in str(error)
    assert (tally.attempts, took_s) == (4, 7)
    assert not link.up


def test_retry_after_is_honoured(kit):
    transport = kit.Scripted((429, {"Retry-After": "5"}), (503, {"Retry-After": "20"}))
    deliver(kit, transport)
    assert transport.times_s == [0, 5, 25]


def test_a_retry_after_beyond_the_deadline_is_not_waited_for(kit):
    transport = kit.Scripted((429, {"Retry-After": "50"}))
    patience = Patience(10.0, 4, PATIENCE.between, PATIENCE.probes)
    back_s = []

    async def then(courier, link):
        while not link.up:
            await asyncio.sleep(0.5)
        back_s.append(asyncio.get_running_loop().time())

    error, tally, _, took_s = deliver(kit, transport, patience, then)
    assert isinstance(error, LinkError)
    assert (tally.attempts, took_s) == (1, 0)
    assert back_s == [50]  # nor is the server asked earlier


@pytest.mark.parametrize("text", ["soon", "-1", "Tue, 99 Nov 2026 20:00:00 GMT", ""])
def test_a_strange_retry_after_is_none(kit, text):
    transport = kit.Scripted((429, {"Retry-After": text}))
    deliver(kit, transport)
    assert transport.times_s == [0, 1]


def test_a_retry_after_may_be_a_date(kit):
    transport = kit.Scripted((429, {"Retry-After": "Tue, 01 Jan 2030 00:00:00 GMT"}))
    patience = Patience(10.0, 4, PATIENCE.between, PATIENCE.probes)
    error, _, _, took_s = deliver(kit, transport, patience)
    assert isinstance(error, LinkError)  # years away
    assert took_s == 0


def test_the_deadline_bounds_all_tries_and_waits(kit):
    transport = kit.Scripted(500, 1000.0)
    error, tally, _, took_s = deliver(kit, transport)
    assert isinstance(error, LinkError)
    assert "within 100 s" in str(error)
    assert "status 500" in str(error)
    assert (tally.attempts, took_s) == (2, 100)
    # What the server is told is what is left.
    assert [asked.parameters["timeout"] for asked in transport.seen] == [100e6, 99e6]


def test_a_link_that_is_down_refuses_at_once_until_the_server_lives(kit):
    transport = kit.Scripted(*[httpx.ConnectError("no route")] * 4, alive=False)

    async def then(courier, link):
        clock = asyncio.get_running_loop().time
        before_s, seen = clock(), len(transport.seen)
        with pytest.raises(LinkError, match=r"the link is down: .*no route"):
            await courier.deliver(REQUEST, Tally())
        assert (clock(), len(transport.seen)) == (before_s, seen)
        await asyncio.sleep(100)
        # Probed after 1, 3, 7, and then every 8 s.
        assert transport.probes == 3 + (100 - 7) // 8
        assert not link.up
        transport.alive = True
        await asyncio.sleep(10)
        assert link.up
        await courier.deliver(REQUEST, Tally())
        assert link.failures == 0

    deliver(kit, transport, then=then)


def test_a_server_that_lives_but_answers_nothing_is_tried_ever_more_seldom(kit):
    transport = kit.Scripted(*[500] * 100)
    times_s = []

    async def then(courier, link):
        for _ in range(4):
            while not link.up:
                await asyncio.sleep(0.25)
            times_s.append(asyncio.get_running_loop().time())
            with pytest.raises(LinkError):
                await courier.deliver(REQUEST, Tally())

    deliver(kit, transport, Patience(100.0, 1, PATIENCE.between, PATIENCE.probes), then)
    assert times_s == [1, 3, 7, 15]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RefusedError),
        (401, UnauthorizedError),
        (404, UnknownModelError),
        (409, WrongModelError),
        (413, TooLargeError),
    ],
)
def test_a_refusal_that_stays_is_not_tried_again(kit, status, error):
    outcome, tally, link, took_s = deliver(kit, kit.Scripted(status))
    assert type(outcome) is error
    assert "as the script says" in str(outcome)
    assert (tally.attempts, took_s) == (1, 0)
    assert link.up


def test_409_says_in_one_line_what_the_server_has(kit):
    have = [{"name": "street", "version": "2", "model_id": "ab" * 8, "tables_id": "00000000"}]
    told = {"error": "the features are\nfor model 01", "have": have}
    error, *_ = deliver(kit, kit.Scripted(told))
    assert str(error) == (
        "http://cloud refuses: the features are for model 01; it has model 'street' version 2 "
        "(abababababababab, tables 00000000)"
    )
    assert list(error.have) == have


@pytest.mark.parametrize("have", [None, 3, "x", [3], [{"name": "\x1b[31m\n"}], [[]] * 99])
def test_whatever_a_refusal_says_is_one_printable_line(kit, have):
    error, *_ = deliver(kit, kit.Scripted({"error": ["x"], "have": have}))
    assert isinstance(error, WrongModelError)
    assert str(error).isprintable()


@pytest.mark.parametrize("server", ["host:8000", "ftp://host", "http://", "", "http://[::1"])
def test_a_server_is_an_url(server):
    with pytest.raises(InvalidInputError, match="such as http://host:8000"):
        Wire(server)


def test_waits_grow_by_two_with_jitter_up_to_a_bound():
    drawn = iter([0.0, 1.0, 0.5, 0.0])
    backoff = Backoff(1.0, 5.0, draw=lambda: next(drawn))
    assert [backoff.wait_s(tries) for tries in (1, 2, 3, 1000)] == [0.5, 2.0, 3.0, 2.5]
    with pytest.raises(InvalidInputError, match="above 0"):
        Backoff(0.0, 1.0)


def answer(began_s, begun_s, cloud_ms=0.0, encode_ms=0.0, received=0, ended_s=None):
    send_ms = 1000 * (begun_s - began_s) - cloud_ms
    ended_s = begun_s if ended_s is None else ended_s
    return Answer({}, received, send_ms, cloud_ms, 0.0, encode_ms, began_s, begun_s, ended_s)


def test_the_rate_of_the_link_is_a_mean_of_what_was_sent():
    link = Link()
    link.answered(1000, answer(0.0, 0.008))
    assert link.bits_per_s == pytest.approx(1e6)
    link.answered(1000, answer(1.0, 1.004))
    # A factor of 2, of whose logarithm three tenths count.
    assert link.bits_per_s == pytest.approx(2**0.3 * 1e6)
    link.answered(1000, answer(2.0, 2.0))  # faster than clocks tell
    assert link.bits_per_s < 1e9


def test_the_rate_leaves_out_round_trip_and_cloud():
    link = Link()
    link.pinged(40.0, alone=True)
    # 100 ms, of which 40 are the round trip's, 25 the network's and 15 the answer's coding.
    link.answered(2500, answer(0.0, 0.1, cloud_ms=25.0, encode_ms=15.0))
    assert link.bits_per_s == pytest.approx(1e6)
    assert link.down_bits_per_s is None
    # 10,000 bytes in 20 ms.
    link.answered(2500, answer(1.0, 1.06, received=10_000, ended_s=1.08))
    assert link.down_bits_per_s == pytest.approx(4e6)


def test_bytes_wait_for_those_of_the_request_before():
    link = Link()
    link.pinged(10.0, alone=True)
    # Both begin at once; each takes 20 ms of the link.
    link.answered(2500, answer(0.0, 0.03))
    link.answered(2500, answer(0.0, 0.05))
    assert link.bits_per_s == pytest.approx(1e6)


def test_an_answer_that_waited_for_another_does_not_slow_the_way_out():
    link = Link()
    link.pinged(10.0, alone=True)
    link.answered(2500, answer(0.0, 0.03, received=100_000, ended_s=0.5))
    assert link.bits_per_s == pytest.approx(1e6)
    # Sent meanwhile; its answer came when the long one was there.
    link.answered(2500, answer(0.03, 0.5, received=100_000, ended_s=0.9))
    assert link.bits_per_s == pytest.approx(1e6)
    # Alone again: 2,500 bytes in 190 ms.
    link.answered(2500, answer(2.0, 2.2))
    assert link.bits_per_s < 0.7e6


def test_the_round_trip_is_the_least_that_is_known():
    link = Link()
    link.pinged(40.0, alone=False)
    link.pinged(90.0, alone=False)  # something else was on the link
    assert link.rtt_ms == 40.0
    link.pinged(80.0, alone=True)
    assert link.rtt_ms == pytest.approx(40 * 2**0.3)
    link.pinged(30.0, alone=False)
    assert link.rtt_ms == 30.0
    link.answered(10, answer(0.0, 0.025, cloud_ms=5.0))
    assert link.rtt_ms == 20.0
    # A server that says it took longer than one waited, or a clock that stands: never zero.
    link.answered(10, answer(1.0, 1.01, encode_ms=20.0))
    assert link.rtt_ms > 0
    link.pinged(0.0, alone=True)
    assert link.rtt_ms > 0


def test_no_answer_bounds_the_rate():
    link = Link()
    link.unanswered(2500, 2.0)
    assert link.bits_per_s == pytest.approx(1e4)
    link.unanswered(2500, 1.0)
    assert link.bits_per_s == pytest.approx(1e4)


@pytest.mark.parametrize("token", ["two words", "line\nline", "é" * 20, ""])
def test_a_token_that_cannot_be_is_refused_and_not_told(token):
    with pytest.raises(InvalidInputError, match="token") as caught:
        Wire("http://cloud", token)
    assert not token or token not in str(caught.value)


def measuring(kit, transport, work):
    """Run a coroutine function of (courier, link) with a courier that measures."""

    async def run():
        link = Link()
        wire = Wire("http://cloud", transport=transport)
        courier = Courier(wire, link, PATIENCE, measures=True)
        try:
            return await work(courier, link)
        finally:
            await courier.close()

    return kit.virtually(run())


def test_the_round_trip_is_known_before_anything_is_sent(kit):
    transport = kit.Scripted()

    async def work(courier, link):
        await asyncio.gather(*(courier.deliver(REQUEST, Tally()) for _ in range(3)))
        assert link.rtt_ms == pytest.approx(0.0, abs=0.01)
        assert transport.probes == 2  # one connects, one measures, whoever comes first
        await asyncio.sleep(6.0)
        await courier.deliver(REQUEST, Tally())
        await asyncio.sleep(0.0)
        assert transport.probes == 3  # and again after 5 s

    measuring(kit, transport, work)


def test_without_measuring_nothing_is_asked_for_the_links_sake(kit):
    transport = kit.Scripted()

    async def then(courier, link):
        courier.measure()
        await asyncio.sleep(60.0)

    deliver(kit, transport, then=then)
    assert (transport.probes, len(transport.seen)) == (0, 1)


def test_the_last_request_is_repeated_now_and_then(kit):
    transport = kit.Scripted(0.0, 0.5)

    async def work(courier, link):
        courier.measure()  # nothing was sent yet
        await asyncio.sleep(1.0)
        assert transport.seen == []
        await courier.deliver(REQUEST, Tally())
        for _ in range(120):  # 12 s of frames that need nothing sent
            courier.measure()
            await asyncio.sleep(0.1)
        return link.bits_per_s

    rate = measuring(kit, transport, work)
    assert len(transport.seen) == 3
    assert transport.times_s[1] - transport.times_s[0] == pytest.approx(5.0, abs=0.2)
    assert transport.seen[1].inputs[0].elements == (b"features",)
    assert rate is not None


@pytest.mark.parametrize("gone", [True, False])
def test_a_repeated_request_tells_of_a_link_that_is_gone_or_slow(kit, gone):
    second = httpx.ConnectError("no route") if gone else 1000.0
    transport = kit.Scripted(0.0, second, alive=True)

    async def work(courier, link):
        await courier.deliver(REQUEST, Tally())
        before = link.bits_per_s
        await asyncio.sleep(6.0)
        transport.alive = not gone
        courier.measure()
        await asyncio.sleep(105.0)  # beyond the deadline
        return before, link

    before, link = measuring(kit, transport, work)
    if gone:
        assert not link.up
        assert "no route" in link.reason
    else:
        assert link.up
        assert link.bits_per_s < before / 1000
