"""NVIDIA's own client, which we did not write, over HTTP and gRPC."""

import io

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from PIL import Image
from tritonclient.utils import InferenceServerException

from cofeat.cloud.tokens import Tokens
from cofeat.pictures import encode_picture
from cofeat.tasks.disparity import from_png16

CLIENTS = {"http": tritonclient.http, "grpc": tritonclient.grpc}
TOKEN = "a-token-of-some-length"


def client_of(kind, server):
    if kind == "grpc" and server.grpc is None:
        pytest.skip("the engine ray has no gRPC")
    url = server.url.removeprefix("http://") if kind == "http" else server.grpc
    return CLIENTS[kind].InferenceServerClient(url)


@pytest.fixture(params=list(CLIENTS), scope="module")
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def client(kind, server):
    with client_of(kind, server) as client:
        yield client


def infer(kind, client, *elements, name="bitstream", formats=None, model="street", **options):
    module = CLIENTS[kind]
    tensor = module.InferInput(name, [len(elements)], "BYTES")
    tensor.set_data_from_numpy(np.array(elements, dtype=np.object_))
    outputs = [module.InferRequestedOutput(task) for task in formats or ()]
    for output in outputs:
        if kind == "http":
            output._parameters["format"] = formats[output.name()]
        else:
            output._output.parameters["format"].string_param = formats[output.name()]
    return client.infer(model, [tensor], outputs=outputs or None, **options)


def plain(metadata):
    """Metadata of gRPC as HTTP gives it."""
    if isinstance(metadata, dict):
        return metadata
    return {
        "name": metadata.name,
        "versions": list(metadata.versions),
        "platform": metadata.platform,
        **{
            key: [
                {"name": one.name, "datatype": one.datatype, "shape": list(one.shape)}
                for one in getattr(metadata, key)
            ]
            for key in ("inputs", "outputs")
        },
    }


def test_health(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("street")
    assert client.is_model_ready("street", "1")
    assert not client.is_model_ready("street", "2")


def test_metadata(client, kind):
    server = client.get_server_metadata()
    name = server["name"] if kind == "http" else server.name
    assert name == "cofeat"
    told = plain(client.get_model_metadata("street"))
    assert told["inputs"][0] == {"name": "bitstream", "datatype": "BYTES", "shape": [-1]}
    assert [output["name"] for output in told["outputs"]] == [
        "segmentation",
        "disparity",
        "reconstruction",
    ]


def test_a_bitstream(client, kind, kit):
    stream = kit.stream_of()
    result = infer(kind, client, stream, request_id="7")
    np.testing.assert_array_equal(result.as_numpy("segmentation")[0], kit.expected_of(stream, 0))
    np.testing.assert_array_equal(result.as_numpy("disparity")[0], kit.expected_of(stream, 1))
    assert result.as_numpy("reconstruction").shape == (1, 10, 13, 3)
    response = result.get_response()
    assert (response["id"] if kind == "http" else response.id) == "7"


def test_several_bitstreams(client, kind, kit):
    streams = [kit.stream_of(seed=seed) for seed in range(3)]
    result = infer(kind, client, *streams, model_version="1")
    for stream, ids in zip(streams, result.as_numpy("segmentation"), strict=True):
        np.testing.assert_array_equal(ids, kit.expected_of(stream, 0))


def test_a_picture(client, kind):
    image = np.random.default_rng(0).integers(0, 19, (9, 11, 3), dtype=np.uint8)
    result = infer(kind, client, encode_picture(image, "png"), name="image")
    np.testing.assert_array_equal(result.as_numpy("segmentation")[0], image[..., 0])


def test_outputs_as_files_of_pictures(client, kind, kit):
    stream = kit.stream_of()
    formats = {"segmentation": "png", "disparity": "png", "reconstruction": "jpeg"}
    result = infer(kind, client, stream, formats=formats)
    pictures = {task: Image.open(io.BytesIO(result.as_numpy(task)[0])) for task in formats}
    np.testing.assert_array_equal(pictures["segmentation"], kit.expected_of(stream, 0))
    disparity = from_png16(np.array(pictures["disparity"]).astype(np.uint16))
    np.testing.assert_allclose(disparity, kit.expected_of(stream, 1), atol=1 / 512 + 1e-6)
    assert (pictures["reconstruction"].format, pictures["reconstruction"].size) == (
        "JPEG",
        (13, 10),
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model": "none"}, ("404", "StatusCode.NOT_FOUND")),
        ({"name": "features"}, ("400", "StatusCode.INVALID_ARGUMENT")),
        ({"formats": {"depth": "raw"}}, ("400", "StatusCode.INVALID_ARGUMENT")),
    ],
)
def test_refusals(client, kind, kit, change, status):
    with pytest.raises(InferenceServerException) as caught:
        infer(kind, client, kit.stream_of(), **change)
    assert caught.value.status() == status[kind == "grpc"]


def test_bad_bytes_are_refused_with_a_reason(client, kind):
    with pytest.raises(InferenceServerException, match="too few for a bitstream"):
        infer(kind, client, b"nonsense")


def test_another_model_s_features_are_refused(client, kind, kit):
    with pytest.raises(InferenceServerException, match="which the server does not have") as caught:
        infer(kind, client, kit.stream_of(model_id=b"9" * 8))
    assert caught.value.status() == ("409" if kind == "http" else "StatusCode.FAILED_PRECONDITION")


def test_a_deadline(kind, kit):
    model = kit.Model()
    model.gate.clear()
    with kit.serving(model) as server, client_of(kind, server) as client:
        with pytest.raises(InferenceServerException, match="no answer within") as caught:
            infer(kind, client, kit.stream_of(), timeout=20_000)
        expected = "408" if kind == "http" else "StatusCode.DEADLINE_EXCEEDED"
        assert caught.value.status() == expected


def test_tokens(kind, kit):
    with (
        kit.serving(kit.Model(), tokens=Tokens([TOKEN])) as server,
        client_of(kind, server) as client,
    ):
        assert client.is_server_live()
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}):
            with pytest.raises(InferenceServerException, match="give a token"):
                infer(kind, client, kit.stream_of(), headers=headers)
        infer(kind, client, kit.stream_of(), headers={"authorization": f"Bearer {TOKEN}"})
