"""Scenes on disk: Cityscapes' layout, once, whole and in any number of processes."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from cofeat.data.streets.render import render_scene
from cofeat.data.streets.write import MANIFEST, scene_paths, scene_seed, write_streets
from cofeat.errors import CofeatError, InvalidInputError
from cofeat.tasks.disparity import from_png16

SIZE = (32, 64)


def pixels(root):
    """Return a hash of the pixels of every picture below a folder."""
    found = {}
    for path in sorted(root.rglob("*.png")):
        with Image.open(path) as image:
            data = np.asarray(image).tobytes()
        found[str(path.relative_to(root))] = hashlib.sha256(data).hexdigest()
    return found


def test_layout_is_that_of_cityscapes(tmp_path):
    write_streets(tmp_path, 2, 1, SIZE, 7, workers=1)
    names = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("[!.]*.*"))
    city, val = "streetstrain0007", "streetsval0007"
    assert names == sorted(
        [
            f"{kind}/{split}/{place}/{place}_000000_{frame:06d}_{suffix}.png"
            for split, place, frames in (("train", city, 2), ("val", val, 1))
            for frame in range(frames)
            for kind, suffix in (
                ("leftImg8bit", "leftImg8bit"),
                ("gtFine", "gtFine_labelIds"),
                ("disparity", "disparity"),
            )
        ]
        + [MANIFEST]
    )


def test_files_hold_the_scene(tmp_path):
    write_streets(tmp_path, 0, 1, SIZE, 3, workers=1)
    scene = render_scene(scene_seed(3, "val", 0), SIZE)
    paths = scene_paths(tmp_path, 3, "val", 0)
    with Image.open(paths["image"]) as image:
        assert image.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(image), scene.image)
    with Image.open(paths["labels"]) as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.asarray(image), scene.label_ids)
    with Image.open(paths["disparity"]) as image:
        assert image.mode == "I;16"
        read = from_png16(np.asarray(image).astype(np.uint16))
    np.testing.assert_array_equal(read > 0, scene.disparity > 0)
    np.testing.assert_allclose(read, scene.disparity, atol=1 / 512)


def test_processes_and_counts_do_not_change_a_scene(tmp_path):
    write_streets(tmp_path / "one", 3, 1, SIZE, 0, workers=1)
    write_streets(tmp_path / "two", 5, 2, SIZE, 0, workers=2)
    one, two = pixels(tmp_path / "one"), pixels(tmp_path / "two")
    assert len(one) == 12
    assert {name: two[name] for name in one} == one


def test_no_two_scenes_share_a_seed():
    """Every (seed, split, frame) has its own, at the edges of the counts too."""
    frames = (0, 1, 2, 999_998, 999_999)
    seeds = [
        scene_seed(seed, split, frame)
        for seed in (0, 1, 2, 41, 42, 10**12)
        for split in ("train", "val")
        for frame in frames
    ]
    assert len(set(seeds)) == len(seeds)


def test_progress_counts_to_the_end(tmp_path):
    calls = []
    write_streets(tmp_path, 2, 1, SIZE, 0, workers=1, progress=lambda *call: calls.append(call))
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_finished_folder_is_left_alone(tmp_path):
    write_streets(tmp_path, 1, 1, SIZE, 0, workers=1)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    write_streets(tmp_path, 1, 1, SIZE, 0, workers=1)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"train": 2}, "train 1 there, 2 wanted"),
        ({"seed": 5}, "seed 0 there, 5 wanted"),
        ({"size": (32, 128)}, "width 64 there, 128 wanted"),
    ],
)
def test_other_scenes_in_the_folder_are_told(tmp_path, change, told):
    wanted = {"train": 1, "val": 0, "size": SIZE, "seed": 0}
    write_streets(tmp_path, workers=1, **wanted)
    with pytest.raises(InvalidInputError, match=told):
        write_streets(tmp_path, workers=1, **{**wanted, **change})


def test_other_scenes_of_an_unfinished_run_are_told(tmp_path):
    write_streets(tmp_path, 1, 0, SIZE, 0, workers=1)
    (tmp_path / MANIFEST).rename(tmp_path / "streets.partial.json")
    with pytest.raises(InvalidInputError, match="seed 0 there, 1 wanted"):
        write_streets(tmp_path, 1, 0, SIZE, 1, workers=1)


def test_broken_manifest_is_told(tmp_path):
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        write_streets(tmp_path, 1, 0, SIZE, 0, workers=1)


def test_killed_run_goes_on(tmp_path):
    """Kill a run with SIGKILL; the next keeps what is whole and ends with the same files."""
    code = (
        "from pathlib import Path\n"
        "from cofeat.data.streets.write import write_streets\n"
        f"write_streets(Path({str(tmp_path / 'a')!r}), 40, 0, {SIZE}, 0, workers=1)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while len(list(tmp_path.rglob("*_disparity.png"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    whole = {
        path: path.stat().st_mtime_ns
        for frame in range(40)
        if all(p.exists() for p in scene_paths(tmp_path / "a", 0, "train", frame).values())
        for path in scene_paths(tmp_path / "a", 0, "train", frame).values()
    }
    assert 9 <= len(whole) < 120
    assert not (tmp_path / "a" / MANIFEST).exists()
    (tmp_path / "a" / "left.png.1.part").write_bytes(b"half")
    write_streets(tmp_path / "a", 40, 0, SIZE, 0, workers=1)
    assert {path: path.stat().st_mtime_ns for path in whole} == whole
    assert json.loads((tmp_path / "a" / MANIFEST).read_text())["train"] == 40
    assert not list(tmp_path.rglob("*.part"))
    assert len(pixels(tmp_path / "a")) == 120


@pytest.mark.skipif(sys.platform == "win32", reason="no lock there")
def test_two_runs_at_once_both_end_well(tmp_path):
    """Two arms that are started together make their scenes together."""
    code = (
        "from pathlib import Path\n"
        "from cofeat.data.streets.write import write_streets\n"
        "seen = []\n"
        f"write_streets(Path({str(tmp_path / 'a')!r}), 12, 0, {SIZE}, 0, workers=1,"
        " progress=lambda done, _: seen.append(done))\n"
        "assert seen == sorted(seen)\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in processes:
        assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)
    assert len(pixels(tmp_path / "a")) == 36
    assert not list(tmp_path.rglob("*.part*"))


def test_failing_process_is_told(tmp_path):
    blocked = tmp_path / "leftImg8bit"
    blocked.write_text("a file where a folder must be")
    with pytest.raises(CofeatError, match="process that makes street scenes failed"):
        write_streets(tmp_path, 2, 2, SIZE, 0, workers=2)


def test_a_size_that_no_scene_has_leaves_the_folder_to_another(tmp_path):
    with pytest.raises(InvalidInputError, match="8x8 cannot be rendered"):
        write_streets(tmp_path / "a", 1, 1, (8, 8), 0)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(("train", "seed", "told"), [(-1, 0, "train is -1"), (1, -3, "seed is -3")])
def test_numbers_out_of_range_are_told(tmp_path, train, seed, told):
    with pytest.raises(InvalidInputError, match=told):
        write_streets(tmp_path, train, 1, SIZE, seed)
