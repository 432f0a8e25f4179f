"""A scene is what its seed says, on every machine, and what a camera would see."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from cofeat.data.streets.render import RENDERER_VERSION, Scene, render_scene
from cofeat.errors import InvalidInputError
from cofeat.tasks.segmentation import CLASSES, VOID, train_ids


def fingerprint(scene: Scene) -> str:
    digest = hashlib.sha256()
    for array in (scene.image, scene.label_ids, scene.disparity.astype("<f4")):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


# Whoever changes a pixel changes these and raises RENDERER_VERSION.
GOLDEN = {
    (0, (64, 128)): "ad2e1155ca1cc90f",
    (1, (64, 128)): "56154df60893033d",
    (1000000000000000, (64, 128)): "189770676414b957",
    (2, (128, 256)): "d685146b5ddf58b8",
    (4, (48, 80)): "adc97eea6ec9722b",
}


def test_golden_belongs_to_this_renderer():
    assert RENDERER_VERSION == 1


@pytest.mark.parametrize(("seed", "size"), GOLDEN)
def test_scene_is_pinned_to_the_bit(seed, size):
    assert fingerprint(render_scene(seed, size)) == GOLDEN[seed, size]


def test_another_process_without_simd_renders_the_same():
    code = (
        "import hashlib\n"
        "from cofeat.data.streets.render import render_scene\n"
        "s = render_scene(3, (64, 128))\n"
        "print(hashlib.sha256(s.image.tobytes() + s.label_ids.tobytes()"
        " + s.disparity.tobytes()).hexdigest())"
    )
    scene = render_scene(3, (64, 128))
    here = hashlib.sha256(
        scene.image.tobytes() + scene.label_ids.tobytes() + scene.disparity.tobytes()
    ).hexdigest()
    # numpy picks its loops by what the processor can do; without these it takes the plainest.
    off = " ".join(np.show_config(mode="dicts")["SIMD Extensions"].get("found", []))
    there = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": off},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == here


def test_arrays_are_as_declared(scenes):
    scene = scenes[0]
    assert scene.image.shape == (64, 128, 3)
    assert scene.image.dtype == np.uint8
    assert scene.label_ids.shape == (64, 128)
    assert scene.label_ids.dtype == np.uint8
    assert scene.disparity.shape == (64, 128)
    assert scene.disparity.dtype == np.float32


def test_seeds_give_different_scenes():
    assert fingerprint(render_scene(1, (32, 64))) != fingerprint(render_scene(2, (32, 64)))


def test_all_classes_occur_often_enough_to_be_learnt(scenes):
    seen = np.zeros(len(CLASSES))
    for scene in scenes:
        ids = np.unique(train_ids(scene.label_ids))
        seen[ids[ids != VOID]] += 1
    rare = {CLASSES[i].name: count for i, count in enumerate(seen) if count < 0.08 * len(scenes)}
    assert rare == {}


def test_shares_of_pixels_are_those_of_a_city(scenes):
    share = np.bincount(
        train_ids(np.stack([scene.label_ids for scene in scenes])).ravel(), minlength=256
    ) / (len(scenes) * 64 * 128)
    road, building, vegetation, car = share[0], share[2], share[8], share[13]
    assert 0.25 < road < 0.42
    assert 0.12 < building < 0.32
    assert 0.05 < vegetation < 0.2
    assert 0.04 < car < 0.16
    assert share[VOID] < 0.03


def test_only_ids_that_are_trained_and_the_ego_vehicle_occur(scenes):
    allowed = {entry.label_id for entry in CLASSES} | {1}
    assert {int(i) for scene in scenes for i in np.unique(scene.label_ids)} <= allowed


def test_sky_has_no_disparity_and_most_of_the_rest_has(scenes):
    for scene in scenes:
        assert not scene.disparity[scene.label_ids == 23].any()
    valid = np.mean([np.mean(scene.disparity[scene.label_ids != 23] > 0) for scene in scenes])
    assert 0.8 < valid < 0.98


def test_sizes_show_the_same_scene():
    """Labels of a finer rendering, at the coarse one's pixel centres, agree almost everywhere."""
    coarse, fine = render_scene(11, (64, 128)), render_scene(11, (192, 384))
    agree = np.mean(coarse.label_ids == fine.label_ids[1::3, 1::3])
    assert agree > 0.97


@pytest.mark.parametrize("size", [(8, 64), (64, 5000)])
def test_size_out_of_range_is_refused(size):
    with pytest.raises(InvalidInputError, match="16 to 4096"):
        render_scene(0, size)
