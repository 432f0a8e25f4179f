from __future__ import annotations

import hashlib
import json

import pytest

from cofeat.bundle import open_bundle, open_bundle_model
from cofeat.bundle.layout import MANIFEST_FILE
from cofeat.bundle.reading import names_bundle
from cofeat.errors import BundleError, InvalidInputError


def test_a_bundle_is_what_was_written(made):
    bundle = open_bundle(made("a", "b"))
    assert bundle.names == ("a", "b")
    model = bundle.model("b")
    assert (model.has("encoder"), model.has("whole")) == (True, False)
    assert model.read("encoder") == b"encoder of b"
    file = model.entry.files["encoder"]
    assert file.path == "b/encoder.onnx"
    assert file.sha256 == hashlib.sha256(b"encoder of b").hexdigest()
    assert file.bytes == 12


def test_the_only_model_needs_no_name(made):
    folder = made("only")
    assert open_bundle(folder).model().entry.name == "only"
    assert open_bundle_model(str(folder)).entry.name == "only"
    several = made("a", "b", folder="several")
    with pytest.raises(InvalidInputError, match=r"several models: say which.*of a, b"):
        open_bundle_model(str(several))
    assert open_bundle_model(f"{several}:b").entry.name == "b"


def test_names_that_are_none(made, tmp_path):
    folder = made("quick-baseline")
    with pytest.raises(InvalidInputError, match="Did you mean 'quick-baseline'"):
        open_bundle(folder).model("quick-basline")
    with pytest.raises(InvalidInputError, match="has no whole: it holds encoder, heads"):
        open_bundle(folder).model().read("whole")
    for word, message in ((tmp_path, "holds no manifest.json"), (tmp_path / "x", "is no folder")):
        assert not names_bundle(str(word))
        with pytest.raises(InvalidInputError, match=message):
            open_bundle(word)
        with pytest.raises(InvalidInputError, match=message):
            open_bundle_model(str(word))


def test_a_folder_with_a_colon_is_no_name(made):
    folder = made("m", folder="a:b")
    assert open_bundle_model(str(folder)).entry.name == "m"
    assert open_bundle_model(f"{folder}:m").entry.name == "m"


@pytest.mark.parametrize("index", range(7))
def test_any_changed_byte_is_found(made, index):
    folder = made("model")
    file = folder / "model" / "encoder.onnx"
    data = bytearray(file.read_bytes())
    data[index] ^= 1
    file.write_bytes(data)
    with pytest.raises(BundleError, match=r"SHA-256 of 'model/encoder.onnx' is not"):
        open_bundle(folder)


def test_a_file_that_is_longer_or_shorter_or_gone(made):
    folder = made("model")
    file = folder / "model" / "heads.onnx"
    for data in (b"head", b"heads!"):
        file.write_bytes(data)
        with pytest.raises(BundleError, match=f"has {len(data)} bytes and the manifest says 5"):
            open_bundle(folder)
    file.unlink()
    with pytest.raises(BundleError, match=r"there is no file 'model/heads.onnx'"):
        open_bundle(folder)


def test_a_file_that_changes_after_the_opening(made):
    folder = made("model")
    model = open_bundle(folder).model()
    (folder / "model" / "heads.onnx").write_bytes(b"heaps")
    with pytest.raises(BundleError, match="SHA-256"):
        model.read("heads")


def test_a_manifest_that_leads_out(made, tmp_path):
    folder = made("model")
    outside = tmp_path / "outside.onnx"
    outside.write_bytes(b"heads")
    manifest = folder / MANIFEST_FILE
    tree = json.loads(manifest.read_text())
    for path in ("../outside.onnx", str(outside)):
        tree["models"][0]["files"]["heads"]["path"] = path
        manifest.write_text(json.dumps(tree))
        with pytest.raises(BundleError, match="leads out of it"):
            open_bundle(folder)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"{}", b" " * (16 * 2**20 + 1)])
def test_a_manifest_that_is_none(made, data):
    folder = made("model")
    (folder / MANIFEST_FILE).write_bytes(data)
    with pytest.raises(BundleError, match=r"the manifest of bundle .* cannot be used") as raised:
        open_bundle(folder)
    assert "\n" not in str(raised.value)
