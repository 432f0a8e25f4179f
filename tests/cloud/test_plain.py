"""The endpoint for a shell: curl itself where there is one, else what it would send."""

import base64
import io
import shutil
import subprocess
import zipfile

import httpx
import numpy as np
import pytest
from PIL import Image

from cofeat.pictures import encode_picture


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def pixels(data):
    return np.array(Image.open(io.BytesIO(data)))


def test_curl_posts_a_stream(server, kit, tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    stream, out = tmp_path / "a.cft", tmp_path / "out.png"
    stream.write_bytes(kit.stream_of())
    url = f"{server.url}/predict?tasks=segmentation&format=png"
    command = ["curl", "-sf", "--data-binary", f"@{stream}", url, "-o", str(out)]
    subprocess.run(command, check=True, timeout=60)
    np.testing.assert_array_equal(Image.open(out), kit.expected_of(stream.read_bytes(), 0))


def test_json_holds_every_task(client, kit):
    stream = kit.stream_of()
    told = client.post("/predict", content=stream).json()
    assert (told["model"], told["version"]) == ("street", "1")
    assert list(told["outputs"]) == ["segmentation", "disparity", "reconstruction"]
    ids = pixels(base64.b64decode(told["outputs"]["segmentation"]["base64"]))
    np.testing.assert_array_equal(ids, kit.expected_of(stream, 0))


def test_a_zip_holds_the_pictures_that_are_asked_for(client, kit):
    answer = client.post(
        "/predict",
        content=kit.stream_of(),
        params={"format": "zip", "tasks": "disparity,segmentation"},
    )
    assert answer.headers["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.namelist() == ["disparity.png", "segmentation.png"]


@pytest.mark.parametrize("picture", ["jpeg", "webp", "avif", "png"])
def test_a_picture_is_taken_too(client, picture):
    image = np.full((9, 11, 3), 7, np.uint8)
    answer = client.post(
        "/predict",
        content=encode_picture(image, picture),
        params={"model": "street", "tasks": "segmentation", "format": "png"},
    )
    assert answer.headers["Content-Type"] == "image/png"
    assert pixels(answer.content).shape == (9, 11)
    assert np.abs(pixels(answer.content).astype(int) - 7).max() <= 1


@pytest.mark.parametrize(("form", "kind"), [("color", "PNG"), ("jpeg", "JPEG")])
def test_drawn_pictures(client, kit, form, kind):
    answer = client.post(
        "/predict", content=kit.stream_of(), params={"tasks": "disparity", "format": form}
    )
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.mode, picture.size) == (kind, "RGB", (13, 10))


def test_all_tasks_are_those_of_the_model_that_the_stream_is_for(kit):
    class Labels(kit.Model):
        tasks = ("segmentation",)

    models = kit.Model(), Labels("labels", "1", b"labels01")
    stream = kit.stream_of(model_id=b"labels01")
    with kit.serving(*models) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        told = client.post("/predict", content=stream).json()
        assert (told["model"], list(told["outputs"])) == ("labels", ["segmentation"])
        answer = client.post("/predict", content=stream, params={"format": "png"})
        np.testing.assert_array_equal(pixels(answer.content), kit.expected_of(stream, 0))
        answer = client.post("/predict", content=kit.stream_of(), params={"format": "png"})
        assert answer.status_code == 400
        assert "name it, tasks=segmentation" in answer.json()["error"]


@pytest.mark.parametrize(
    ("parameters", "status", "message"),
    [
        ({"format": "exe"}, 400, "format"),
        ({"format": "png"}, 400, "tasks=segmentation"),
        ({"tasks": "depth"}, 400, "ask for each output once"),
        ({"tasks": ""}, 400, "ask for each output once"),
        ({"model": "none"}, 404, "no such model"),
        ({"version": "9"}, 404, "no such model"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(client, kit, parameters, status, message):
    answer = client.post("/predict", content=kit.stream_of(), params=parameters)
    assert answer.status_code == status
    assert message in answer.json()["error"]


@pytest.mark.parametrize("body", [b"", b"nonsense", b"CFT", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_bad_bytes_are_400_with_a_reason(client, body):
    answer = client.post("/predict", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert " at 0x" not in answer.text
