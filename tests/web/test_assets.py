"""The table of what the page loads."""

import gzip
import json
import re

import numpy as np

from cofeat.feature.entropy import tables
from cofeat.tasks import load_task
from cofeat.web.assets import assets

MOST_BYTES = 9_000_000


def ours():
    """Name -> text of what we wrote ourselves."""
    found = assets()
    texts = {name: each for name, each in found.by_name.items() if not name.startswith("ort")}
    texts |= {"index": found.index, "service_worker": found.service_worker}
    shown = {"text/html", "text/css", "text/javascript"}
    return {
        name: each.plain.decode()
        for name, each in texts.items()
        if each.media_type.partition(";")[0] in shown
    }


def test_all_that_is_named_is_there():
    found = assets()
    names = set(found.by_name)
    for text in (found.index.plain.decode(), found.service_worker.plain.decode()):
        assert "{{" not in text
        assert found.digest in text
    named = set(re.findall(rf"page/assets/{found.digest}/([\w./]+)", ours()["index"]))
    assert {"app.js", "page.css"} <= named <= names
    for name, text in ours().items():
        imported = set(re.findall(r'from "\./([\w.]+)"', text))
        assert imported <= names, name
    kept = re.search(r"const NAMES = (\[.*\]);", ours()["service_worker"])
    assert set(json.loads(kept.group(1))) == names


def test_nothing_of_ours_names_another_host():
    for name, text in ours().items():
        addresses = set(re.findall(r"\w+://[^\s\"'`)]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, name


def test_it_stays_small():
    found = assets()
    assert sum(len(each.data) for each in found.by_name.values()) < MOST_BYTES
    for name in ("ort/ort-wasm-simd-threaded.wasm", "ort/ort-wasm-simd-threaded.jspi.wasm"):
        module = found.by_name[name]
        assert module.gzipped
        assert module.media_type == "application/wasm"
        assert gzip.decompress(module.data)[:4] == module.plain[:4] == b"\0asm"


def test_constants_are_the_librarys():
    constants = json.loads(assets().by_name["constants.json"].plain)
    assert constants["centers"] == tables.CENTERS.tolist()
    road, car = constants["class_colors"][0], constants["class_colors"][13]
    assert (constants["classes"][13], road, car) == ("car", [128, 64, 128], [0, 0, 142])
    # Level k of the ramp is the color of k / 255 of the farthest end of the scale.
    for level in (1, 100, 255):
        disparity = np.full((1, 1), level / 255 * constants["disparity_max_px"], np.float32)
        color = load_task("disparity").draw(disparity)[0, 0]
        assert constants["disparity_colors"][level] == color.tolist()
