"""The examples of docs/data.md do what the page says."""

import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cofeat import registry
from cofeat.data import DATASETS, open_dataset
from cofeat.data.cityscapes import IMAGES, TRUTHS
from cofeat.errors import InvalidInputError

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_real_samples_are_as_shown():
    pytest.importorskip("skimage")
    (code,) = [block for block in blocks("python") if "motorcycle" in block]
    exec(compile(code, "docs/data.md", "exec"), {})


def test_ones_own_data_set_is_found_by_its_entry_point(tmp_path, monkeypatch):
    (code,) = [block for block in blocks("python") if "class Folder" in block]
    scope = {}
    exec(compile(code, "docs/data.md", "exec"), scope)
    (declared,) = blocks("toml")
    ((group, points),) = tomllib.loads(declared)["project"]["entry-points"].items()
    assert group == DATASETS.group
    # The class stands in the page, not in the package that the declaration names.
    monkeypatch.setattr(EntryPoint, "load", lambda point: scope[point.attr])
    installed = [EntryPoint(name, target, group) for name, target in points.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: installed)

    pixels = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    for name in ("b", "a"):
        path = tmp_path / "val" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)

    dataset = open_dataset("folder", tmp_path, "val", (8, 12))
    assert (dataset.names, dataset.size, len(dataset)) == (("a", "b"), (8, 12), 2)
    sample = dataset[1]
    assert sample.name == "b"
    assert list(sample.truths) == ["reconstruction"]
    np.testing.assert_array_equal(sample.image, pixels)
    with pytest.raises(InvalidInputError, match="there are no pictures"):
        open_dataset("folder", tmp_path, "train", (8, 12))


def test_the_layout_is_the_loaders():
    for layer in (IMAGES, *TRUTHS.values()):
        line = f"DIR/{layer.folder}/<split>/<city>/<city>_<sequence>_<frame>{layer.suffix}"
        assert line in PAGE
