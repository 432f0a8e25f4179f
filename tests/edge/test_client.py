"""What becomes of frames, with a real network here and a server in memory that misbehaves."""

import asyncio

import httpx
import numpy as np
import pytest

from cofeat.edge import AsyncEdge, Device, Edge, Outbox
from cofeat.edge.frame import Frame
from cofeat.errors import (
    BudgetError,
    InvalidInputError,
    LinkError,
    QueueFullError,
    RefusedError,
    WrongModelError,
)
from cofeat.feature.bitstream import unpack
from cofeat.feature.budget import Budget
from cofeat.pictures import decode_picture

GONE = httpx.ConnectError("no route")


@pytest.fixture
def edge_of(kit):
    """Called with a device, a script and options, returns an AsyncEdge and its transport."""

    def make(device, *script, alive=False, tries=1, **options):
        transport = kit.Scripted(*script, alive=alive)
        patience = kit.patient(tries=tries)
        edge = AsyncEdge(device, "http://cloud", patience=patience, transport=transport, **options)
        return edge, transport

    return make


def results_of(edge, pictures):
    """Stream pictures and return the results."""

    async def run():
        async with edge:
            return [result async for result in edge.stream(pictures)]

    return asyncio.run(run())


def run(edge, *pictures):
    """Run pictures one by one and return the results."""

    async def work():
        async with edge:
            return [await edge.run(picture) for picture in pictures]

    return asyncio.run(work())


def test_split_sends_the_features_of_the_picture(edge_of, device, images):
    edge, transport = edge_of(device)
    (result,) = run(edge, images[0])
    assert (result.mode, result.reason, result.late) == ("split", "", False)
    (sent,) = transport.seen[0].inputs
    assert sent.name == "bitstream"
    stream = unpack(sent.elements[0])
    assert stream.model_id == device.model.model_id
    assert stream.image_size == (30, 50)
    assert result.payload_bytes == len(sent.elements[0]) < result.bytes_sent
    assert result.codec == device.model.entry.codec
    assert list(result.stages_ms) == ["read", "encode", "compress", "send", "cloud", "receive"]
    assert result.total_ms == pytest.approx(sum(result.stages_ms.values()))
    assert (result.outputs["segmentation"] == 7).all()
    assert result.image is images[0]


def test_cloud_sends_the_picture(edge_of, device, images):
    edge, transport = edge_of(Device(device.model._model, picture="png"), mode="cloud")
    (result,) = run(edge, images[0])
    assert (result.mode, result.codec) == ("cloud", "png:9")
    (sent,) = transport.seen[0].inputs
    assert sent.name == "image"
    np.testing.assert_array_equal(decode_picture(sent.elements[0]), images[0])


def test_mobile_sends_nothing(edge_of, device, images):
    edge, transport = edge_of(device, mode="mobile")
    (result,) = run(edge, images[0])
    assert (result.mode, result.reason, result.bytes_sent, result.attempts) == ("mobile", "", 0, 0)
    assert transport.seen == []
    expected = device.model.predict_images(images[0][None])
    for task in ("segmentation", "disparity"):
        np.testing.assert_array_equal(result.outputs[task], expected[task][0])


def test_auto_asks_for_the_mode_of_each_frame(edge_of, device, images):
    modes = iter(["split", "cloud", "mobile"])
    seen = []

    def choose(link):
        seen.append(link.bits_per_s)
        return next(modes)

    edge, _ = edge_of(device, choose=choose)
    results = run(edge, *images[:3])
    assert [result.mode for result in results] == ["split", "cloud", "mobile"]
    assert seen[0] is None
    assert seen[1] > 0


def test_only_the_tasks_that_are_asked_for(edge_of, device, images):
    edge, transport = edge_of(Device(device.model._model, tasks=("disparity",)))
    (result,) = run(edge, images[0])
    assert list(result.outputs) == ["disparity"]
    assert [output.name for output in transport.seen[0].outputs] == ["disparity"]


def test_a_budget_is_kept(edge_of, device, images):
    budget = Budget(max_bytes=400)
    edge, transport = edge_of(Device(device.model._model, codec="jpeg", budget=budget))
    (result,) = run(edge, images[0])
    assert result.payload_bytes <= 400
    assert result.codec.startswith("jpeg:")
    edge, transport = edge_of(Device(device.model._model, budget=Budget(max_bytes=10)))
    with pytest.raises(BudgetError, match="10 bytes"):
        run(edge, images[0])
    assert transport.seen == []


def test_without_an_answer_the_whole_network_runs_here(edge_of, device, images):
    edge, _ = edge_of(device, GONE, GONE, tries=2)
    (result,) = run(edge, images[0])
    assert result.mode == "mobile"
    assert "no route" in result.reason
    assert result.attempts == 2
    assert result.bytes_sent > 2 * result.payload_bytes > 0
    expected = device.model.predict_images(images[0][None])
    np.testing.assert_array_equal(result.outputs["disparity"], expected["disparity"][0])


def test_while_the_link_is_down_nothing_is_encoded_to_be_sent(edge_of, device, images):
    edge, transport = edge_of(device, GONE)
    first, second = run(edge, images[0], images[1])
    assert (first.mode, second.mode) == ("mobile", "mobile")
    assert second.reason.startswith("the link is down: ")
    assert second.payload_bytes == second.attempts == 0
    assert len(transport.seen) == 1


def test_coming_back_is_automatic(edge_of, device, images, kit):
    edge, transport = edge_of(device, GONE)

    async def work():
        async with edge, asyncio.timeout(kit.patience_s):
            modes = [(await edge.run(images[0])).mode]
            transport.alive = True
            while not edge.link.up:
                await asyncio.sleep(0.001)
            return [*modes, (await edge.run(images[1])).mode]

    assert asyncio.run(work()) == ["mobile", "split"]


def test_without_a_fallback_it_is_an_error(edge_of, no_whole, images):
    edge, _ = edge_of(no_whole, GONE)
    with pytest.raises(LinkError, match="no route"):
        run(edge, images[0])


def test_a_queue_keeps_frames_until_the_link_is_back(edge_of, no_whole, images, tmp_path, kit):
    queue = Outbox(tmp_path)
    edge, transport = edge_of(no_whole, GONE, queue=queue)

    async def work():
        async with edge, asyncio.timeout(kit.patience_s):
            names = ("a", "b", "c")
            queued = [await edge.run(images[n], name) for n, name in enumerate(names)]
            assert await edge.send_queued() is None  # the link is down
            waiting = edge.waiting
            transport.alive = True
            while not edge.link.up:
                await asyncio.sleep(0.001)
            late = []
            while (result := await edge.send_queued()) is not None:
                late.append(result)
            return queued, waiting, late

    queued, waiting, late = asyncio.run(work())
    assert [(result.mode, result.outputs) for result in queued] == [("queued", {})] * 3
    assert "no route" in queued[0].reason
    assert waiting == 3
    assert [(result.name, result.mode, result.late) for result in late] == [
        (name, "split", True) for name in "abc"
    ]
    assert all((result.outputs["segmentation"] == 7).all() for result in late)
    # The same bytes, in the order in which they came.
    sent = [asked.inputs[0].elements[0] for asked in transport.seen]
    assert [len(data) for data in sent[1:]] == [result.payload_bytes for result in queued]
    assert sent[1] == sent[0]
    assert len(queue) == 0
    assert list(tmp_path.glob("*.frame")) == []


def test_a_queue_outlives_the_process(edge_of, no_whole, images, tmp_path):
    edge, _ = edge_of(no_whole, GONE, queue=Outbox(tmp_path))
    assert run(edge, images[0])[0].mode == "queued"
    edge, _ = edge_of(no_whole, queue=Outbox(tmp_path))
    fresh, late = results_of(edge, images[1:2])
    assert (fresh.name, fresh.mode, fresh.late) == ("000000", "split", False)
    assert (late.name, late.mode, late.late) == ("image", "split", True)


def test_a_portal_s_redirect_takes_nothing_from_the_queue(edge_of, no_whole, images, tmp_path):
    edge, _ = edge_of(no_whole, GONE, queue=Outbox(tmp_path))
    run(edge, images[0])
    edge, _ = edge_of(no_whole, *[302] * 9, queue=Outbox(tmp_path))
    (fresh,) = results_of(edge, images[1:2])
    assert fresh.mode == "queued"
    assert "answered with status 302" in fresh.reason
    assert len(list(tmp_path.glob("*.frame"))) == 2


def test_a_full_queue_refuses_or_drops_and_says_so(edge_of, no_whole, images, tmp_path):
    edge, _ = edge_of(no_whole, GONE, queue=Outbox(tmp_path / "a", 1))
    with pytest.raises(QueueFullError, match="no room"):
        run(edge, images[0])
    probe = edge_of(no_whole, GONE, queue=Outbox(tmp_path / "b"))[0]
    run(probe, images[0])
    (file,) = (tmp_path / "b").glob("*.frame")
    room = int(2.5 * file.stat().st_size)
    # One at a time: of two in flight either may come to the queue first.
    edge, _ = edge_of(no_whole, GONE, queue=Outbox(tmp_path / "c", room), in_flight=1)
    modes = [result.mode for result in results_of(edge, images[:4])]
    assert modes == ["queued", "queued", "lost", "lost"]
    dropping = Outbox(tmp_path / "d", room, "drop-oldest")
    edge, _ = edge_of(no_whole, GONE, queue=dropping, in_flight=1)
    results = results_of(edge, images[:4])
    assert [result.mode for result in results if not result.late] == ["queued"] * 4
    lost = [result for result in results if result.late]
    assert [(result.name, result.mode) for result in lost] == [
        ("000000", "lost"),
        ("000001", "lost"),
    ]
    assert "dropped from the queue for '000002'" in lost[0].reason


def test_frames_of_another_model_in_the_queue_are_lost_and_told(
    edge_of, no_whole, device, images, tmp_path, monkeypatch
):
    edge, _ = edge_of(no_whole, GONE, queue=Outbox(tmp_path))
    run(edge, images[0])
    edge, _ = edge_of(device, 0.0, 409, queue=Outbox(tmp_path))
    monkeypatch.setattr(device.model, "model_id", b"another1")
    fresh, late = results_of(edge, images[1:2])
    assert fresh.mode == "split"
    assert (late.name, late.mode) == ("image", "lost")
    assert "refuses" in late.reason


def test_frames_of_this_model_stay_queued_where_the_server_lacks_it(
    edge_of, no_whole, images, tmp_path
):
    run(edge_of(no_whole, GONE, queue=Outbox(tmp_path))[0], images[0])
    queue = Outbox(tmp_path)
    edge, _ = edge_of(no_whole, 409, queue=queue)

    async def work():
        async with edge:
            with pytest.raises(WrongModelError):
                await edge.send_queued()

    asyncio.run(work())
    assert len(queue) == 1


def test_a_damaged_file_in_the_queue_is_lost_and_told(edge_of, no_whole, images, tmp_path):
    edge, _ = edge_of(no_whole, GONE, queue=Outbox(tmp_path))
    run(edge, images[0], images[1])
    first = min(tmp_path.glob("*.frame"))
    first.write_bytes(first.read_bytes()[:100])
    edge, _ = edge_of(no_whole, queue=Outbox(tmp_path))
    fresh, damaged, whole = results_of(edge, images[2:3])
    assert fresh.mode == whole.mode == "split"
    assert (damaged.mode, damaged.late) == ("lost", True)
    assert "is damaged" in damaged.reason


def test_a_stream_keeps_order_and_goes_on_after_a_bad_frame(edge_of, device, images, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    pictures = [images[0], broken, images[1], Frame("named", lambda: images[2])]
    edge, _ = edge_of(device)
    results = results_of(edge, pictures)
    assert [result.name for result in results] == ["000000", "000001", "000002", "named"]
    assert [result.mode for result in results] == ["split", "lost", "split", "split"]
    assert "broken.png" in results[1].reason


def test_a_stream_whose_frames_the_server_refuses_goes_on(edge_of, device, images):
    edge, _ = edge_of(device, 0.0, 400, in_flight=1)
    assert [result.mode for result in results_of(edge, images[:3])] == ["split", "lost", "split"]
    edge, _ = edge_of(device, 400)
    with pytest.raises(RefusedError, match="as the script says"):
        run(edge, images[0])


@pytest.mark.parametrize("status", [401, 404, 409])
def test_a_fault_of_the_set_up_ends_a_stream(edge_of, device, images, status):
    edge, _ = edge_of(device, status)
    with pytest.raises(RefusedError, match="refuses"):
        results_of(edge, images)


def test_a_source_that_fails_gives_what_came_before(edge_of, device, images):
    def source():
        yield images[0]
        raise InvalidInputError("the video is damaged")

    edge, _ = edge_of(device)
    got = []

    async def work():
        async with edge:
            async for result in edge.stream(source()):
                got.append(result.mode)  # noqa: PERF401  # those before the error count

    with pytest.raises(InvalidInputError, match="the video is damaged"):
        asyncio.run(work())
    assert got == ["split"]


def test_the_blocking_edge_does_the_same(kit, device, images):
    transport = kit.Scripted()
    with Edge(device, "http://cloud", patience=kit.patient(), transport=transport) as edge:
        assert edge.run(images[0]).mode == "split"
        assert [result.name for result in edge.stream(images[:3])] == ["000000", "000001", "000002"]
        for result in edge.stream(images):
            assert result.mode == "split"
            break  # what is under way is given up
        assert edge.run(images[0], "last").name == "last"
        assert edge.send_queued() is None
        assert (edge.waiting, edge.link.up) == (0, True)
    with pytest.raises(InvalidInputError, match="is not open"):
        edge.run(images[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "clout"}, "mode 'clout'"),
        ({"mode": "mobile"}, "lacks the graph"),
        ({"fallback": "mobile"}, "needs a bundle with the whole network"),
        ({"fallback": "queue"}, "needs a queue"),
        ({"fallback": "hope"}, "fallback 'hope'"),
        ({"in_flight": 0}, "at least 1"),
    ],
)
def test_options_that_cannot_be(edge_of, no_whole, options, message):
    with pytest.raises(InvalidInputError, match=message):
        edge_of(no_whole, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ("segmentatoin",)}, "segmentation"),
        ({"tasks": ()}, "no task"),
        ({"codec": "zip"}, "zip"),
        ({"picture": "gif"}, "gif"),
        ({"answers": "xml"}, "xml"),
        ({"precision": "fp8"}, "fp8"),
    ],
)
def test_devices_that_cannot_be(device, options, message):
    with pytest.raises(InvalidInputError, match=message):
        Device(device.model._model, **options)
