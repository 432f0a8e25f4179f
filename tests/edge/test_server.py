"""The edge against the real server, through a link that is slow, lossy, cut and mended."""

import asyncio
import time

import numpy as np
import pytest

from cofeat.edge import AsyncEdge, Device, Edge
from cofeat.errors import LinkError, UnauthorizedError, UnknownModelError, WrongModelError
from cofeat.feature.pipeline import compress, decompress


def test_all_modes_agree(device, server, images):
    with Edge(device, server.url, "split") as edge:
        split = edge.run(images[0])
    with Edge(Device(device.model._model, picture="png"), server.url, "cloud") as edge:
        cloud = edge.run(images[0])
    with Edge(device, server.url, "mobile") as edge:
        mobile = edge.run(images[0])
    assert [result.mode for result in (split, cloud, mobile)] == ["split", "cloud", "mobile"]
    # The picture came whole and went through the same graph, but for 1/256 px on the wire.
    for task, array in mobile.outputs.items():
        assert cloud.outputs[task].shape == split.outputs[task].shape == array.shape
        assert cloud.outputs[task].dtype == split.outputs[task].dtype == array.dtype
    np.testing.assert_array_equal(cloud.outputs["segmentation"], mobile.outputs["segmentation"])
    np.testing.assert_allclose(
        cloud.outputs["disparity"], mobile.outputs["disparity"], atol=1 / 256
    )
    # The split differs by the quantizer, and by that alone.
    model = device.model
    stream = compress(
        model.encode(images[0]), model.entry.codec, model.bits, model.per_channel, (30, 50)
    )
    expected = model.predict(decompress(stream).features, (30, 50))
    np.testing.assert_array_equal(split.outputs["segmentation"], expected["segmentation"])
    np.testing.assert_allclose(split.outputs["disparity"], expected["disparity"], atol=1 / 256)
    error = split.outputs["reconstruction"] / 255 - expected["reconstruction"]
    assert np.abs(error).max() <= 0.5 / 255 + 1e-4
    assert split.stages_ms["cloud"] > 0
    # None of this is said of a picture that is all the same.
    assert np.ptp(split.outputs["segmentation"]) > 0 < np.ptp(split.outputs["disparity"])


@pytest.mark.parametrize("answers", ["raw", "jpeg"])
def test_answers_come_in_every_form(device, server, images, answers):
    with Edge(device, server.url) as edge:
        png = edge.run(images[0])
    with Edge(Device(device.model._model, answers=answers), server.url) as edge:
        other = edge.run(images[0])
    np.testing.assert_array_equal(other.outputs["segmentation"], png.outputs["segmentation"])
    np.testing.assert_allclose(other.outputs["disparity"], png.outputs["disparity"], atol=1 / 256)
    picture, exact = other.outputs["reconstruction"], png.outputs["reconstruction"]
    if answers == "raw":
        np.testing.assert_array_equal(picture, exact)
    else:
        assert np.abs(picture.astype(float) - exact).mean() < 8


def test_asyncio_runs_many_at_once(device, server, images):
    async def work():
        async with AsyncEdge(device, server.url) as edge:
            return await asyncio.gather(*(edge.run(image) for image in images))

    results = asyncio.run(work())
    with Edge(device, server.url) as edge:
        for result, alone in zip(results, edge.stream(images), strict=True):
            np.testing.assert_array_equal(
                result.outputs["segmentation"], alone.outputs["segmentation"]
            )


def test_a_slow_link_takes_at_least_its_time(device, server, images, kit, Emulator):
    with (
        Emulator(server.address, bits_per_s=200_000, delay_s=0.02) as link,
        Edge(device, link.url, patience=kit.patient(tries=1)) as edge,
    ):
        result = edge.run(images[0])
        # The bits' way there, and the delay both ways; a loaded machine is slower still.
        assert result.stages_ms["send"] >= 1000 * (8 * result.bytes_sent / 200_000 + 0.04) * 0.95
        assert result.stages_ms["receive"] >= 0
        assert 0 < edge.link.bits_per_s < 200_000


def test_a_lossy_link_delays_and_loses_nothing(device, server, images, kit, Emulator):
    with (
        Emulator(server.address, loss=0.3, seed=1) as link,
        Edge(device, link.url, patience=kit.patient()) as edge,
    ):
        results = list(edge.stream(images))
    assert [result.mode for result in results] == ["split"] * len(images)


def test_a_link_that_is_cut_and_mended(device, server, images, kit, Emulator):
    with (
        Emulator(server.address) as link,
        Edge(device, link.url, "split", patience=kit.patient(tries=2)) as edge,
    ):
        before = edge.run(images[0])
        link.cut()
        cut = edge.run(images[0])
        link.mend()
        end_s = time.monotonic() + kit.patience_s
        while (after := edge.run(images[0])).mode != "split":
            assert time.monotonic() < end_s
    assert [result.mode for result in (before, cut, after)] == ["split", "mobile", "split"]
    assert cut.attempts == 2
    assert cut.reason
    np.testing.assert_array_equal(before.outputs["disparity"], after.outputs["disparity"])


def test_a_deadline_on_a_link_that_is_too_slow(no_whole, server, images, kit, Emulator):
    patience = kit.patient(deadline_s=0.2)
    with (
        Emulator(server.address, bits_per_s=1000) as link,
        Edge(no_whole, link.url, patience=patience) as edge,
        pytest.raises(LinkError, match=r"within 0\.2 s"),
    ):
        edge.run(images[0])


def test_a_model_that_the_server_does_not_have(device, server, images, monkeypatch):
    with Edge(device, server.url) as edge:
        monkeypatch.setattr(device.model, "model_id", b"another1")
        with pytest.raises(WrongModelError) as caught:
            edge.run(images[0])
        monkeypatch.undo()
        text = str(caught.value)
        assert b"another1".hex() in text
        assert f"it has model 'tiny' version 1 ({device.model.model_id.hex()}" in text
        assert "\n" not in text
        monkeypatch.setattr(device.model, "name", "unknown")
        with pytest.raises(UnknownModelError, match="it has model 'tiny'"):
            edge.run(images[0])


def test_a_token(device, guarded_server, images):
    with Edge(device, guarded_server.url) as edge, pytest.raises(UnauthorizedError, match="token"):
        edge.run(images[0])
    with Edge(device, guarded_server.url, token="a-token-of-the-tests") as edge:
        assert edge.run(images[0]).mode == "split"
