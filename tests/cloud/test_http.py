"""The v2 protocol by hand over a socket: what a ready-made client does not try."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cofeat.cloud.service import Settings
from cofeat.protocol.http import decode_response, encode_request
from cofeat.protocol.messages import InferRequest, RequestedOutput, bytes_tensor

INFER = "/v2/models/street/infer"


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def post(client, request, path=INFER, **headers):
    body, length = encode_request(request)
    headers = {"Inference-Header-Content-Length": str(length), **headers}
    return client.post(path, content=body, headers=headers)


def request_of(stream, *outputs, **parameters):
    asked = tuple(RequestedOutput(name, {"format": form}) for name, form in outputs)
    return InferRequest((bytes_tensor("bitstream", stream),), asked, "7", parameters)


def test_binary_in_and_out(client, kit):
    stream = kit.stream_of()
    answer = post(client, request_of(stream))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/octet-stream"
    length = int(answer.headers["Inference-Header-Content-Length"])
    response = decode_response(answer.content, length)
    assert (response.model_name, response.model_version, response.id) == ("street", "1", "7")
    by_name = {output.name: output for output in response.outputs}
    np.testing.assert_array_equal(by_name["segmentation"].array[0], kit.expected_of(stream, 0))
    np.testing.assert_array_equal(by_name["disparity"].array[0], kit.expected_of(stream, 1))
    assert by_name["reconstruction"].array.shape == (1, 10, 13, 3)
    assert answer.headers["Server-Timing"].startswith("cloud;dur=")
    told = response.parameters
    assert sorted(told) == ["decode_ms", "encode_ms", "run_ms"]
    assert all(0 <= ms < 1000 * 60 for ms in told.values())


def test_the_upload_is_not_the_clouds_time(client, kit):
    """The header is what a device takes off its own time to know the link's."""
    body, length = encode_request(request_of(kit.stream_of()))

    def slowly():
        yield body[:10]
        time.sleep(1)
        yield body[10:]

    headers = {"Inference-Header-Content-Length": str(length)}
    began_s = time.monotonic()
    answer = client.post(INFER, content=slowly(), headers=headers)
    took_ms = 1000 * (time.monotonic() - began_s)
    cloud_ms = float(answer.headers["Server-Timing"].removeprefix("cloud;dur="))
    assert answer.status_code == 200
    length = int(answer.headers["Inference-Header-Content-Length"])
    assert sum(decode_response(answer.content, length).parameters.values()) <= cloud_ms
    assert cloud_ms <= took_ms - 1000


def test_json_in_and_out(client, kit):
    stream = kit.stream_of()
    body = {
        "inputs": [
            {
                "name": "bitstream",
                "datatype": "BYTES",
                "shape": [1],
                "data": [base64.b64encode(stream).decode()],
                "parameters": {"content_type": "base64"},
            }
        ],
        "outputs": [{"name": "segmentation"}],
    }
    answer = client.post(INFER, json=body)
    assert answer.headers["Content-Type"] == "application/json"
    (output,) = answer.json()["outputs"]
    assert output["shape"] == [1, 10, 13]
    assert output["data"] == kit.expected_of(stream, 0).ravel().tolist()


def test_json_beyond_what_is_parsed_at_once(client, kit):
    body = {
        "id": "1",
        "parameters": {f"p{index}": "x" * 1000 for index in range(60)},
        "inputs": [
            {
                "name": "bitstream",
                "datatype": "BYTES",
                "shape": [1],
                "data": [base64.b64encode(kit.stream_of()).decode() + " " * 70_000],
                "parameters": {"content_type": "base64"},
            }
        ],
    }
    answer = client.post(INFER, json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": "a string is no base64"})


def test_metadata(client):
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    told = client.get("/v2/models/street").json()
    assert told == client.get("/v2/models/street/versions/1").json()
    assert told["versions"] == ["1"]
    assert [tensor["name"] for tensor in told["inputs"]] == ["bitstream", "image"]
    assert told["outputs"][0] == {
        "name": "segmentation",
        "datatype": "UINT8",
        "shape": [-1, -1, -1],
    }
    assert told["outputs"][1]["datatype"] == "FP32"
    assert told["outputs"][2] == {
        "name": "reconstruction",
        "datatype": "UINT8",
        "shape": [-1, -1, -1, 3],
    }
    assert told["parameters"] == {"model_id": "3031323334353637", "tables_id": None, "stride": 4}


def test_health(client):
    paths = ("/v2/health/live", "/v2/health/ready", "/v2/models/street/ready")
    for path in (*paths, "/v2/models/street/versions/1/ready"):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v2/models/none", "/v2/models/street/versions/2", "/v2/models/none/ready"]
)
def test_what_there_is_not_is_404_with_what_there_is(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["have"][0]["name"] == "street"


def test_another_model_s_features_are_409_with_what_there_is(client, kit):
    answer = post(client, request_of(kit.stream_of(model_id=b"9" * 8)))
    assert answer.status_code == 409
    assert answer.json()["error"].startswith("the features are for model 3939393939393939")
    assert answer.json()["have"] == [
        {
            "name": "street",
            "version": "1",
            "model_id": "3031323334353637",
            "tables_id": "00000000",
        }
    ]


def test_a_passed_deadline_is_408(kit):
    model = kit.Model()
    model.gate.clear()
    with kit.serving(model) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        answer = post(client, request_of(kit.stream_of(), timeout=20_000))
    assert answer.status_code == 408
    assert answer.json() == {"error": "there was no answer within 0.02 s"}


def test_a_busy_server_says_when_to_come_again(kit):
    model = kit.Model()
    limits = Settings(max_requests=1)
    with (
        kit.serving(model, settings=limits) as server,
        server_client(server) as first,
        server_client(server) as second,
        ThreadPoolExecutor(1) as pool,
    ):
        model.gate.clear()
        waiting = pool.submit(post, first, request_of(kit.stream_of()))
        assert model.running.wait(kit.patience_s)
        answer = post(second, request_of(kit.stream_of()))
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 30
        model.gate.set()
        assert waiting.result(kit.patience_s).status_code == 200
        assert post(second, request_of(kit.stream_of())).status_code == 200


def server_client(server):
    return httpx.Client(base_url=server.url, timeout=60)


def test_long_bodies_are_413(kit):
    limits = Settings(max_body_bytes=1000)
    with kit.serving(kit.Model(), settings=limits) as server, server_client(server) as client:
        assert client.post("/predict", content=b"x" * 1001).status_code == 413
        # Without a declared length.
        answer = client.post("/predict", content=iter([b"x" * 600, b"x" * 600]))
        assert answer.status_code == 413
        assert answer.json() == {"error": "a body has at most 1000 bytes here"}
        assert client.post("/predict", content=b"x" * 1000).status_code == 400


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Inference-Header-Content-Length": "x"}, "number of bytes"),
        ({"Inference-Header-Content-Length": "5000"}, "5000 bytes in a body"),
        ({"Content-Encoding": "gzip"}, "compressed"),
    ],
)
def test_headers_that_cannot_be_are_400(client, kit, headers, message):
    answer = post(client, request_of(kit.stream_of()), **headers)
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_no_path_of_a_request_leads_to_files(client):
    for path in ("/v2/models/..%2f..%2fetc/infer", "/v2/models/%2Fetc%2Fpasswd", "/etc/passwd"):
        answer = client.get(path)
        assert answer.status_code in (404, 405)
        assert "error" in answer.json()


def test_a_method_that_there_is_not_is_405(client):
    answer = client.delete("/predict")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_a_fault_of_ours_tells_nothing_of_the_inside(kit, caplog):
    class Broken(kit.Model):
        def predict_batch(self, features, tasks=None):
            raise OSError("/secret/folder is gone")

    with kit.serving(Broken()) as server, server_client(server) as client:
        answer = post(client, request_of(kit.stream_of()), **{"X-Request-Id": "mine"})
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] == "mine"
    assert "secret" not in answer.text
    assert "/secret/folder is gone" in caplog.text


@given(st.binary(max_size=60), st.none() | st.integers(0, 70))
@example(b"[" * 100_000, None)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_body_is_refused_and_never_with_5xx(client, body, length):
    headers = {} if length is None else {"Inference-Header-Content-Length": str(length)}
    answer = client.post(INFER, content=body, headers=headers)
    assert answer.status_code == 400
    assert json.loads(answer.content)["error"]


@given(st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_to_a_stream_is_refused_and_never_with_5xx(client, kit, data):
    codec = data.draw(st.sampled_from(["zstd", "png", "jpeg", "cofeat"]))
    stream = bytearray(kit.stream_of(codec=codec))
    stream[data.draw(st.integers(0, len(stream) - 1))] ^= data.draw(st.integers(1, 255))
    assert post(client, request_of(bytes(stream))).status_code == 400
