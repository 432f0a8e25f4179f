"""The examples of the docs work as they stand there."""

import re
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from cofeat.feature import codecs
from cofeat.feature.codecs import CodecSpec
from cofeat.network.bottleneck import BOTTLENECKS
from cofeat.network.build import build_network
from cofeat.network.encoders import ENCODERS

ROOT = Path(__file__).parents[1]


def _examples(page):
    """Run every Python block of a page in one namespace and return it."""
    text = (ROOT / page).read_text(encoding="utf-8")
    module = types.ModuleType("example")
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, page, "exec"), vars(module))
    return module


@pytest.fixture(scope="module")
def extend():
    return _examples("docs/extend.md")


def test_the_encoder_of_the_docs_trains_as_any(extend, monkeypatch):
    monkeypatch.setitem(vars(extend), "__name__", "example")
    monkeypatch.setattr(ENCODERS, "load", lambda name: extend.Stripes)
    network = build_network("stripes", tasks=["reconstruction"])
    features, outputs = network(torch.zeros((1, 3, 30, 50), dtype=torch.uint8))
    assert features.shape == (1, 16, 8, 13)
    assert outputs["reconstruction"].shape == (1, 3, 30, 50)


def test_the_bottleneck_of_the_docs_halves_what_is_sent(extend, monkeypatch):
    monkeypatch.setattr(BOTTLENECKS, "load", lambda name: extend.Halved)
    network = build_network("tiny", bottleneck="halved", tasks=["disparity"])
    features, outputs = network(torch.zeros((1, 3, 30, 50), dtype=torch.uint8))
    assert features.shape == (1, *network.feature_shape((30, 50))) == (1, 64, 2, 4)
    assert outputs["disparity"].shape == (1, 1, 30, 50)


def test_the_codec_of_the_docs_is_one(extend):
    spec = CodecSpec(extend.RAW, 0)
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    payload = spec.codec.encode(values, 5, 0)
    np.testing.assert_array_equal(spec.codec.decode(payload, (2, 3, 4), 5, 0), values)
    with pytest.raises(extend.BitstreamError, match="beyond 4 bits"):
        spec.codec.decode(payload, (2, 3, 4), 4, 0)
    assert spec.codec.id not in codecs.codecs_by_id()


def _anchors(page):
    """What a page's headings are called in links, as GitHub makes it of their words."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=str)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8"))
    for target, anchor in links:
        if "://" in target or target.startswith("mailto:"):
            continue
        file = page.parent / target if target else page
        assert file.exists(), target
        assert not anchor or anchor in _anchors(file), f"{target}#{anchor}"
