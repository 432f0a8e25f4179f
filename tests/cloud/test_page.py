"""What a browser gets of the page, with a real bundle: headers, hashes, nothing else."""

import gzip
import hashlib
import json
import re

import httpx
import pytest

from cofeat.bundle import open_bundle
from cofeat.cloud.tokens import Tokens
from cofeat.runtime import RuntimeModel
from cofeat.web.assets import assets

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def bundle(exported):
    return open_bundle(exported.bundle)


@pytest.fixture(scope="module")
def client(kit, bundle):
    model = RuntimeModel(bundle.model(), threads=1)
    model.gate = kit.Model().gate
    with kit.serving(model) as running, httpx.Client(base_url=running.url, timeout=60) as client:
        yield client


def policy(answer):
    parts = answer.headers["Content-Security-Policy"].split("; ")
    return {name: words.split() for name, _, words in (part.partition(" ") for part in parts)}


def test_the_page_trusts_nobody_else(client):
    for path in ("/", "/service_worker.js", f"/page/assets/{assets().digest}/app.js"):
        answer = client.get(path)
        assert answer.status_code == 200
        rules = policy(answer)
        assert rules.pop("default-src") == ["'none'"]
        assert rules["script-src"] == ["'self'", "'wasm-unsafe-eval'"]
        allowed = {"'self'", "'none'", "blob:", "'wasm-unsafe-eval'"}
        assert {word for words in rules.values() for word in words} <= allowed
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert "camera=(self)" in answer.headers["Permissions-Policy"]


def test_every_asset_comes_for_ever_under_its_hash(client):
    digest = assets().digest
    for name, expected in assets().by_name.items():
        answer = client.get(f"/page/assets/{digest}/{name}")
        assert answer.status_code == 200, name
        assert answer.content == expected.plain
        assert answer.headers["Content-Type"] == expected.media_type
        assert "immutable" in answer.headers["Cache-Control"]


def test_the_page_itself_is_asked_for_again(client):
    answer = client.get("/")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    again = client.get("/", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_who_takes_no_gzip_gets_none(client):
    path = f"/page/assets/{assets().digest}/ort/ort-wasm-simd-threaded.wasm"
    with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept-Encoding"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed) == plain.content


@pytest.mark.parametrize(
    "path",
    [
        "/page/assets/DIGEST/../../../pyproject.toml",
        "/page/assets/DIGEST/%2e%2e/assets.py",
        "/page/assets/DIGEST/..%2f..%2fassets.py",
        "/page/assets/DIGEST//etc/passwd",
        "/page/assets/DIGEST/index.html",
        "/page/assets/DIGEST/",
        "/page/assets/0123456789abcdef/app.js",
        "/page/files/manifest.json",
        "/page/files/tiny/encoder.onnx",
        "/page/files/..%2fmanifest.json",
        "/page/files/" + 64 * "0",
    ],
)
def test_no_path_leads_to_a_file(client, path):
    # By hand, since a client would take the dots out.
    url = client.base_url
    raw = path.replace("DIGEST", assets().digest)
    request = httpx.Request("GET", url.copy_with(raw_path=raw.encode()))
    assert client.send(request).status_code == 404


def test_models_and_their_files(client, bundle):
    told = client.get("/page/models.json")
    assert told.headers["Cache-Control"] == "no-cache"
    (model,) = told.json()["models"]
    entry = bundle.model().entry
    assert (model["name"], model["model_id"], model["bits"]) == ("tiny", entry.model_id, 6)
    assert set(model["files"]) == {"encoder", "encoder_int8", "heads", "whole"}
    for part, file in model["files"].items():
        answer = client.get(f"/page/files/{file['sha256']}")
        assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
        assert answer.content == bundle.model().read(part)
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    # The folder's name and paths are nobody's business.
    assert "path" not in json.dumps(model)


def test_a_token_opens_models_and_the_page_needs_none(kit, bundle):
    model = RuntimeModel(bundle.model(), threads=1)
    model.gate = kit.Model().gate
    digest = assets().digest
    sha256 = bundle.model().entry.files["heads"].sha256
    with (
        kit.serving(model, tokens=Tokens([TOKEN])) as running,
        httpx.Client(base_url=running.url, timeout=60) as client,
    ):
        for path in ("/", "/service_worker.js", f"/page/assets/{digest}/app.js"):
            assert client.get(path).status_code == 200
        closed = ("/page/models.json", f"/page/files/{sha256}", "/v2/models/tiny", "/page/assets")
        for path in closed:
            assert client.get(path).status_code == 401
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        for path in closed[:3]:
            assert client.get(path).status_code == 200


def test_the_page_is_not_in_the_api(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert not [path for path in paths if re.match(r"/(page|service_worker|$)", path)]
