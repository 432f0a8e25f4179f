"""However a run is cut into slices, it ends with exactly the same weights."""

import shutil
import time

import pytest
import torch

from cofeat.errors import InvalidInputError
from cofeat.training.log import read_log
from cofeat.training.loop import train

# Checkpoints at the end of an epoch and some in between.
WORDS = ["train.epochs=10", "train.validate_epochs=5", "train.checkpoint_minutes=0.003"]


@pytest.fixture(scope="module")
def whole(recipe_file, data, tmp_path_factory):
    """A run that nothing interrupted."""
    from cofeat.training.recipe import load_recipe

    run = tmp_path_factory.mktemp("whole")
    assert train(load_recipe(recipe_file, WORDS), run, data)
    return run


def assert_same(run, whole, weights):
    """Bit for bit the weights, and the log but for the speed."""
    ours, theirs = weights(run), weights(whole)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name
    logs = [read_log(folder / "log.csv") for folder in (run, whole)]
    for rows in logs:
        for row in rows:
            row.pop("images_per_s")
    assert logs[0] == logs[1]


def steps_saved(run):
    return [int(path.name.split("-")[1]) for path in run.glob("checkpoint-*")]


@pytest.mark.parametrize("later_than", [2, 17])
def test_a_killed_run_goes_on_to_the_same_weights(
    whole, recipe, recipe_file, data, start, weights, tmp_path, later_than
):
    """SIGKILL, as soon as there is a checkpoint after so many steps."""
    run = tmp_path / "run"
    process = start("scenes.py", recipe_file, run, *WORDS)
    deadline = time.monotonic() + 120
    while max(steps_saved(run), default=0) < later_than:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    out, _ = process.communicate()
    assert process.returncode == -9
    assert out == ""
    assert 0 < max(steps_saved(run)) < 40
    assert train(recipe(*WORDS), run, data)
    assert_same(run, whole, weights)


def test_a_run_in_many_slices_ends_with_the_same_weights(whole, recipe, data, weights, tmp_path):
    """The limit is over after each step; the recipe's section machine may change between."""
    slices = 0
    while not train(recipe(*WORDS, "machine.max_minutes=1e-9"), tmp_path, data):
        slices += 1
        assert steps_saved(tmp_path) == [slices]
        if slices == 12:
            break
    assert slices == 12
    assert train(recipe(*WORDS), tmp_path, data)
    assert_same(tmp_path, whole, weights)


def test_a_run_goes_on_though_what_it_began_with_is_gone(recipe, data, weights, tmp_path):
    earlier = tmp_path / "earlier"
    assert train(recipe(), earlier, data)
    words = [*WORDS, f"train.start={earlier}"]
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert train(recipe(*words), whole, data)
    assert not train(recipe(*words, "machine.max_minutes=1e-9"), run, data)
    shutil.rmtree(earlier)
    assert train(recipe(*words), run, data)
    assert_same(run, whole, weights)


def test_a_run_goes_on_with_as_many_images_or_not_at_all(recipe, data, scenes, tmp_path):
    assert not train(recipe(*WORDS, "machine.max_minutes=1e-9"), tmp_path, data)
    with pytest.raises(InvalidInputError, match="begun with 16 training images, and now there are"):
        train(recipe(*WORDS), tmp_path, (scenes.Scenes(8), data[1]))


def test_the_limit_counts_from_the_start(recipe, data, tmp_path, monkeypatch):
    """Reading the images takes the minutes that it takes."""
    now_s = [0.0]
    monkeypatch.setattr("cofeat.training.loop.time.monotonic", lambda: now_s[0])

    def read(what, done, total, note):
        if what == "read training images":
            now_s[0] += 10

    assert not train(recipe(*WORDS, "machine.max_minutes=2"), tmp_path, data, read)
    assert steps_saved(tmp_path) == [1]


def test_another_recipe_in_the_folder_is_refused(whole, recipe, data):
    before = steps_saved(whole)
    with pytest.raises(InvalidInputError, match="is 0 there and 5 here"):
        train(recipe(*WORDS, "train.seed=5"), whole, data)
    assert steps_saved(whole) == before
