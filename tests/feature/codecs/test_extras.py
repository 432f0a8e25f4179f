"""What happens where a package is not there."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from PIL import features

from cofeat.errors import BitstreamError, MissingPackageError
from cofeat.feature.codecs import codecs_by_id, load_codec
from cofeat.feature.pipeline import compress, decompress

PACKAGE = {
    "jpegls": "imagecodecs",
    "jpegls-near": "imagecodecs",
    "jpegxl": "imagecodecs",
    "hevc": "av",
    "av1": "av",
}
TENSOR = np.linspace(-1, 1, 4 * 8 * 8, dtype=np.float32).reshape(4, 8, 8)


def test_codecs_that_need_more_than_the_base_say_so():
    extra = {codec.name for codec in codecs_by_id().values() if codec.extra}
    assert extra == set(PACKAGE)
    assert {load_codec(name).extra for name in PACKAGE} == {"codecs"}


@pytest.mark.parametrize("name", PACKAGE)
def test_missing_package_is_named_in_both_directions(name, monkeypatch):
    data = compress(TENSOR, name)
    original = importlib.import_module

    def absent(module, *arguments):
        if module.partition(".")[0] == PACKAGE[name]:
            raise ModuleNotFoundError(f"No module named '{module}'")
        return original(module, *arguments)

    monkeypatch.setattr(importlib, "import_module", absent)
    message = rf"codec '{name}' needs the package '{PACKAGE[name]}'.*cofeat\[codecs\]"
    with pytest.raises(MissingPackageError, match=message):
        compress(TENSOR, name)
    with pytest.raises(MissingPackageError, match=message):
        decompress(data)


def test_pillow_without_avif_is_told_in_both_directions(monkeypatch):
    data = compress(TENSOR, "avif")
    monkeypatch.setattr(features, "check", lambda name: name != "avif")
    for call in (lambda: compress(TENSOR, "avif"), lambda: decompress(data)):
        with pytest.raises(MissingPackageError, match=r"codec 'avif' needs .*pillow with avif"):
            call()


def test_a_package_is_asked_for_only_when_it_is_needed(monkeypatch):
    # A stream that is refused anyway needs no decoder.
    codecs = [load_codec(name) for name in ("jpegxl", "hevc", "av1")]

    def absent(module, *arguments):
        raise ModuleNotFoundError(module)

    monkeypatch.setattr(importlib, "import_module", absent)
    for codec in codecs:
        with pytest.raises(BitstreamError):
            codec.decode(b"", (4, 8, 8), 8, 20)
