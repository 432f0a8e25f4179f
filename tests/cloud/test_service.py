"""The stages without HTTP: which model, which batch, by when."""

import asyncio
import time
from dataclasses import replace

import numpy as np
import pytest

from cofeat.cloud.repository import Repository
from cofeat.cloud.service import Service, Settings
from cofeat.errors import (
    BitstreamError,
    BusyError,
    DeadlineError,
    InvalidInputError,
    UnknownModelError,
    WrongModelError,
)
from cofeat.feature.bitstream import pack, unpack
from cofeat.feature.entropy.fitting import fit_tables
from cofeat.feature.pipeline import compress, decompress
from cofeat.feature.quantizer import quantize
from cofeat.pictures import encode_picture
from cofeat.protocol.messages import InferRequest, RequestedOutput, array_tensor, bytes_tensor

ONE, TWO = b"11111111", b"22222222"


def with_service(work, *models, **settings):
    """Run work(service) in an event loop."""

    async def main():
        service = Service(Repository(models), Settings(**settings))
        await service.start()
        try:
            return await asyncio.wait_for(work(service), 60)
        finally:
            for model in models:
                model.gate.set()
            await service.close()

    return asyncio.run(main())


def request_of(*streams, kind="bitstream", outputs=(), **parameters):
    asked = tuple(RequestedOutput(name, {"format": form}) for name, form in outputs)
    return InferRequest((bytes_tensor(kind, *streams),), asked, "7", parameters)


def answer(service, request, *where):
    return service.infer(request, lambda response: response, *where)


def refused(error, match, request, *models, where=(), **settings):
    with pytest.raises(error, match=match):
        with_service(lambda service: answer(service, request, *where), *models, **settings)


def test_a_bitstream_becomes_all_outputs(kit):
    stream = kit.stream_of()
    response = with_service(lambda service: answer(service, request_of(stream)), kit.Model())
    assert (response.model_name, response.model_version, response.id) == ("street", "1", "7")
    segmentation, disparity, reconstruction = response.outputs
    np.testing.assert_array_equal(segmentation.array, kit.expected_of(stream, 0)[None])
    np.testing.assert_array_equal(disparity.array, kit.expected_of(stream, 1)[None])
    # 127.5 rounds to the even 128.
    np.testing.assert_array_equal(reconstruction.array, np.full((1, 10, 13, 3), 128, np.uint8))


def test_a_picture_goes_through_the_whole_network(kit):
    image = np.random.default_rng(0).integers(0, 19, (9, 11, 3), dtype=np.uint8)
    request = request_of(
        encode_picture(image, "png"), kind="image", outputs=[("segmentation", "raw")]
    )
    response = with_service(lambda service: answer(service, request), kit.Model())
    np.testing.assert_array_equal(response.outputs[0].array, image[None, ..., 0])


def test_several_bitstreams_in_one_request_are_one_batch(kit):
    model = kit.Model()
    streams = [kit.stream_of(seed=seed) for seed in range(3)]
    response = with_service(lambda service: answer(service, request_of(*streams)), model)
    assert response.outputs[0].shape == (3, 10, 13)
    for stream, ids in zip(streams, response.outputs[0].array, strict=True):
        np.testing.assert_array_equal(ids, kit.expected_of(stream, 0))
    assert model.batches == [3]


def test_pictures_run_one_after_the_other_where_they_are_too_many_pixels_together(kit):
    model = kit.Model()
    streams = [kit.stream_of(seed=seed) for seed in range(5)]
    # Features of 3x4 at stride 4 are 192 pixels: two of them are within 400.
    response = with_service(
        lambda service: answer(service, request_of(*streams)), model, max_pixels=400
    )
    assert model.batches == [2, 2, 1]
    for stream, ids in zip(streams, response.outputs[0].array, strict=True):
        np.testing.assert_array_equal(ids, kit.expected_of(stream, 0))


def test_a_request_s_own_format_is_that_of_all_outputs_where_none_is_named(kit):
    request = request_of(kit.stream_of(), format="png")
    response = with_service(lambda service: answer(service, request), kit.Model())
    assert [output.elements[0][:4] for output in response.outputs] == [b"\x89PNG"] * 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1])
def test_limits_that_are_none_are_refused(value):
    with pytest.raises(InvalidInputError, match="timeout_s of"):
        Settings(timeout_s=value)


def test_requests_of_many_clients_share_batches(kit):
    model = kit.Model()

    async def work(service):
        model.gate.clear()
        first = asyncio.ensure_future(answer(service, request_of(kit.stream_of())))
        await asyncio.to_thread(model.running.wait, 60)
        sizes = [(10, 13)] * 4 + [(20, 13)] * 2
        rest = [
            asyncio.ensure_future(answer(service, request_of(kit.stream_of(size, seed))))
            for seed, size in enumerate(sizes)
        ]
        while service._decoding or sum(map(len, _queues(service))) < len(rest):
            await asyncio.sleep(0.001)
        model.gate.set()
        return await asyncio.gather(first, *rest)

    responses = with_service(work, model)
    assert model.batches == [1, 4, 2]
    assert [response.outputs[0].shape for response in responses[1:]] == (
        [(1, 10, 13)] * 4 + [(1, 20, 13)] * 2
    )
    for seed, response in enumerate(responses[1:5]):
        expected = kit.expected_of(kit.stream_of(seed=seed), 0)
        np.testing.assert_array_equal(response.outputs[0].array[0], expected)


def _queues(service):
    (batcher,) = service._batchers.values()
    return batcher._queues.values()


def test_the_stream_chooses_among_versions_and_models(kit):
    models = [
        kit.Model("a", "1", ONE),
        kit.Model("a", "10", TWO),
        kit.Model("a", "9", b"99999999"),
        kit.Model("b", "1", b"33333333"),
    ]

    async def work(service):
        one, two, other = (kit.stream_of(model_id=id_) for id_ in (ONE, TWO, b"33333333"))
        anonymous = kit.stream_of(model_id=None)
        asked = [(one, "a"), (two, "a"), (anonymous, "a"), (anonymous, "a", "1"), (other,), (two,)]
        responses = [await answer(service, request_of(data), *where) for data, *where in asked]
        return [(response.model_name, response.model_version) for response in responses]

    assert with_service(work, *models) == [
        ("a", "1"),
        ("a", "10"),
        ("a", "10"),
        ("a", "1"),
        ("b", "1"),
        ("a", "10"),
    ]


def test_features_of_another_model_are_refused_with_what_there_is(kit):
    stream = kit.stream_of(model_id=b"9" * 8)
    with pytest.raises(WrongModelError, match="3939393939393939") as caught:
        with_service(lambda service: answer(service, request_of(stream)), kit.Model())
    assert caught.value.have == [
        {
            "name": "street",
            "version": "1",
            "model_id": "3031323334353637",
            "tables_id": "00000000",
        }
    ]


def test_features_that_need_other_tables_are_refused(kit):
    model = kit.Model()
    model.tables_id = b"good"
    stream = pack(replace(unpack(kit.stream_of()), tables_id=b"evil"))
    refused(WrongModelError, "tables 6576696c", request_of(stream), model)


def test_features_that_need_the_model_s_tables(kit):
    model = kit.Model()
    features = decompress(kit.stream_of()).features
    model.fitted = fit_tables([quantize(features)], generations=1)
    model.tables_id = model.fitted.id
    given = {"image_size": (10, 13), "model_id": model.model_id}
    stream = compress(features, "cofeat", tables=model.fitted, **given)
    without = compress(features, "cofeat", **given)
    assert unpack(stream).tables_id == model.fitted.id
    response = with_service(lambda service: answer(service, request_of(stream)), model)
    np.testing.assert_array_equal(response.outputs[0].array, kit.expected_of(without, 0)[None])


def test_another_version_is_unknown(kit):
    refused(
        UnknownModelError,
        "no such",
        request_of(kit.stream_of()),
        kit.Model(),
        where=("street", "2"),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "features"}, "one input of BYTES"),
        ({"outputs": [("depth", "raw")]}, "has segmentation, disparity, reconstruction"),
        ({"outputs": [("disparity", "raw"), ("disparity", "png")]}, "each output once"),
        ({"outputs": [("disparity", "exe")]}, "no format of outputs 'exe'"),
        ({"timeout": "soon"}, "whole number"),
        ({"timeout": -1}, "whole number"),
        ({"timeout": True}, "whole number"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(kit, change, message):
    refused(InvalidInputError, message, request_of(kit.stream_of(), **change), kit.Model())


def test_what_is_no_tensor_of_bytes_is_refused(kit):
    request = InferRequest((array_tensor("bitstream", np.zeros(1)),))
    refused(InvalidInputError, "one input of BYTES", request, kit.Model())


def test_too_many_in_one_request_are_refused(kit):
    request = request_of(*[kit.stream_of()] * 3)
    refused(InvalidInputError, "N from 1 to 2", request, kit.Model(), max_batch=2)


def test_pictures_of_two_sizes_come_as_files_or_not_at_all(kit):
    streams = kit.stream_of((10, 13)), kit.stream_of((12, 16))
    refused(InvalidInputError, "several sizes", request_of(*streams), kit.Model())
    request = request_of(*streams, outputs=[("disparity", "png")])
    response = with_service(lambda service: answer(service, request), kit.Model())
    assert response.outputs[0].shape == (2,)


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"", "too few"),
        (b"x" * 60, "no cofeat bitstream"),
        ((10, 300), "more than 2000 pixels"),
        ((10, 17), "2x3x4, and those of model 'street' for a picture of 17x10 are 2x3x5"),
    ],
)
def test_bytes_that_the_model_cannot_take_are_refused(kit, stream, message):
    if isinstance(stream, tuple):
        stream = pack(replace(unpack(kit.stream_of()), image_size=stream))
    refused(BitstreamError, message, request_of(stream), kit.Model(), max_pixels=2000)


def test_pictures_above_the_limit_are_refused(kit):
    picture = encode_picture(np.zeros((50, 50, 3), np.uint8), "png")
    request = request_of(picture, kind="image")
    refused(BitstreamError, "50x50 has more than 2000", request, kit.Model(), max_pixels=2000)


def test_a_model_without_a_half_says_so(kit):
    picture = encode_picture(np.zeros((5, 5, 3), np.uint8), "png")
    refused(
        InvalidInputError,
        "takes no pictures",
        request_of(picture, kind="image"),
        kit.Model(parts=("heads",)),
    )
    refused(
        InvalidInputError,
        "does not finish features",
        request_of(kit.stream_of()),
        kit.Model(parts=("whole",)),
    )


def test_features_far_from_the_model_s_are_the_client_s_fault(kit):
    class Overflowing(kit.Model):
        def predict_batch(self, features, tasks=None):
            outputs = super().predict_batch(features, tasks)
            outputs["disparity"][:] = np.nan
            return outputs

    refused(InvalidInputError, "not finite", request_of(kit.stream_of()), Overflowing())


def test_a_fault_of_the_model_is_none_of_the_request(kit):
    class Broken(kit.Model):
        def predict_batch(self, features, tasks=None):
            raise InvalidInputError("the folder /secret is gone")

    refused(RuntimeError, "failed", request_of(kit.stream_of()), Broken())


def test_a_deadline_that_passes_while_another_runs(kit):
    model = kit.Model()

    async def work(service):
        model.gate.clear()
        first = asyncio.ensure_future(answer(service, request_of(kit.stream_of())))
        await asyncio.to_thread(model.running.wait, 60)
        with pytest.raises(DeadlineError, match=r"within 0\.02 s"):
            await answer(service, request_of(kit.stream_of(), timeout=20_000))
        model.gate.set()
        await first

    with_service(work, model)
    assert model.batches == [1]  # what nobody waits for is not run


def test_the_server_s_own_deadline_holds_where_none_is_named(kit):
    model = kit.Model()
    model.gate.clear()

    async def work(service):
        for timeout in ({}, {"timeout": 0}, {"timeout": 10**12}, {"timeout": 10**400}):
            with pytest.raises(DeadlineError, match=r"within 0\.05 s"):
                await answer(service, request_of(kit.stream_of(), **timeout))

    with_service(work, model, timeout_s=0.05)


def test_places_are_bounded_and_come_free(kit):
    async def work(service):
        with service.admitted(), service.admitted():
            with pytest.raises(BusyError) as caught, service.admitted():
                pass
            assert 1 <= caught.value.retry_after_s <= 30
        with service.admitted():
            pass

    with_service(work, kit.Model(), max_requests=2)


def test_the_event_loop_goes_on_while_bytes_are_decoded(kit, monkeypatch):
    from cofeat.cloud import service as module

    seen = []

    def slow(*arguments):
        time.sleep(0.2)
        seen.append("decoded")
        raise BitstreamError("slow")

    monkeypatch.setattr(module, "decode", slow)

    async def work(service):
        asked = asyncio.ensure_future(answer(service, request_of(b"x")))
        while not seen:
            await asyncio.sleep(0.01)
            if not seen:
                ticks.append(1)
        with pytest.raises(BitstreamError):
            await asked

    ticks = []
    with_service(work, kit.Model())
    assert ticks


@pytest.mark.parametrize("value", [{"max_requests": 0}, {"max_wait_s": -1}, {"timeout_s": 0}])
def test_limits_that_let_nothing_through_are_refused(value):
    with pytest.raises(InvalidInputError, match="give more than 0"):
        Settings(**value)


def test_a_repository_has_models_and_no_two_alike(kit):
    with pytest.raises(InvalidInputError, match="no model to serve"):
        Repository([])
    with pytest.raises(InvalidInputError, match="two bundles have model 'street' version 1"):
        Repository([kit.Model(), kit.Model()])
    with pytest.raises(InvalidInputError, match="'street' has neither heads nor whole"):
        Repository([kit.Model(parts=("encoder_int8",))])


def test_an_anonymous_stream_needs_one_model(kit):
    refused(
        InvalidInputError,
        "say which of a, b",
        request_of(kit.stream_of(model_id=None)),
        kit.Model("a"),
        kit.Model("b"),
    )
