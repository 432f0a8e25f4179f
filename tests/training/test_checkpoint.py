"""Checkpoints: whole or not there, one at a time, of one recipe."""

import json
import pickle
from pathlib import Path

import pytest
import torch

from cofeat.errors import InvalidInputError
from cofeat.network.build import build_network, find_checkpoint
from cofeat.training import checkpoint
from cofeat.training.checkpoint import TRAINING_FILE, Place, resume, save_checkpoint
from cofeat.training.objective import Objective, build_weighting


@pytest.fixture
def state(recipe):
    """Called with (seed, *overrides), returns (objective, optimizer, recipe) after one step."""

    def make(seed, *overrides):
        described = recipe("loss.compressibility.rule=uncertainty", *overrides)
        torch.manual_seed(seed)
        network = build_network(**described.network.model_dump())
        objective = Objective(network, build_weighting(described, network), "scale_free")
        optimizer = torch.optim.Adam(objective.parameters(), 0.01)
        for parameter in objective.parameters():
            parameter.grad = torch.rand_like(parameter)
        optimizer.step()
        return objective, optimizer, described

    return make


def save(run, state, step, about=None):
    objective, optimizer, recipe = state
    return save_checkpoint(run, objective, optimizer, Place(step, 12.5), recipe, about or {})


def test_what_is_saved_comes_back(state, tmp_path):
    objective, optimizer, recipe = state(1)
    save(tmp_path, (objective, optimizer, recipe), 7)
    other, its_optimizer, _ = state(2)
    assert resume(tmp_path, other, its_optimizer, recipe) == Place(7, 12.5)
    for one, two in zip(objective.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    moments, theirs = optimizer.state_dict()["state"], its_optimizer.state_dict()["state"]
    assert moments.keys() == theirs.keys()
    for key, values in moments.items():
        assert all(torch.equal(value, theirs[key][name]) for name, value in values.items())


def test_an_empty_folder_is_a_start(state, tmp_path):
    objective, optimizer, recipe = state(1)
    assert resume(tmp_path, objective, optimizer, recipe) == Place()
    assert resume(tmp_path / "none", objective, optimizer, recipe) == Place()


def test_one_checkpoint_is_kept_and_leftovers_go(state, tmp_path):
    made = state(1)
    left_over = tmp_path / ".checkpoint-000000002.tmp"
    left_over.mkdir()
    for step in (3, 12, 100):
        folder = save(tmp_path, made, step)
        assert [path.name for path in tmp_path.iterdir()] == [folder.name]
        assert folder.name == f"checkpoint-{step:09d}"


def test_what_training_says_of_itself_is_in_it(state, tmp_path):
    folder = save(tmp_path, state(1), 7, {"arm": "proposed"})
    about = json.loads((folder / "network.json").read_text())["about"]
    assert (about["arm"], about["step"], about["train_seconds"]) == ("proposed", 7, 12.5)
    assert about["recipe"]["name"] == "scenes"


@pytest.mark.parametrize("where", ["save", "rename", "rmtree"])
def test_a_kill_while_saving_leaves_a_whole_checkpoint(state, tmp_path, monkeypatch, where):
    """Whatever of the three steps is the last one that runs."""
    made = state(1)
    save(tmp_path, made, 3)

    def killed(*_, **__):
        raise KeyboardInterrupt

    target = {
        "save": (torch, "save"),
        "rename": (Path, "rename"),
        "rmtree": (checkpoint.shutil, "rmtree"),
    }
    monkeypatch.setattr(*target[where], killed)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, made, 4)
    monkeypatch.undo()
    objective, optimizer, recipe = state(2)
    place = resume(tmp_path, objective, optimizer, recipe)
    assert place.step == (4 if where == "rmtree" else 3)
    folder = save(tmp_path, made, 5)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_the_same_step_again_never_takes_the_checkpoint_away(state, tmp_path, monkeypatch):
    made = state(1)
    folder = save(tmp_path, made, 3)
    inode = folder.stat().st_ino
    assert save(tmp_path, made, 3) == folder
    assert folder.stat().st_ino == inode
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["train.seed=9"], "train.seed is 0 there and 9 here"),
        (["train.arm=baseline"], "train.arm is proposed there and baseline here"),
        (["network.bits=4"], "network.bits is 8 there and 4 here"),
        (["data.size=128x64"], "data.size is 64x32 there and 128x64 here"),
    ],
)
def test_another_recipe_in_the_same_folder_is_refused(state, recipe, tmp_path, overrides, message):
    save(tmp_path, state(1), 3)
    objective, optimizer, described = state(1, *overrides)
    with pytest.raises(InvalidInputError, match=message):
        resume(tmp_path, objective, optimizer, described)


@pytest.mark.parametrize(
    "override", ["machine.workers=0", "evaluate.resamples=5", "data.root=/elsewhere"]
)
def test_where_it_runs_and_what_is_measured_may_change(state, tmp_path, override):
    save(tmp_path, state(1), 3)
    objective, optimizer, described = state(1, override)
    assert resume(tmp_path, objective, optimizer, described).step == 3


@pytest.mark.parametrize(("now", "refused"), [([], False), (["train.flip=false"], True)])
def test_a_recipe_of_before_a_key_had_what_is_its_default_now(state, tmp_path, now, refused):
    folder = save(tmp_path, state(1), 3)
    path = folder / "network.json"
    description = json.loads(path.read_text())
    del description["about"]["recipe"]["train"]["flip"]
    path.write_text(json.dumps(description))
    made = state(1, *now)
    if refused:
        with pytest.raises(InvalidInputError, match=r"train\.flip is True there and False here"):
            resume(tmp_path, *made)
    else:
        assert resume(tmp_path, *made).step == 3


class _Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.mkdir, (self.path,)


def test_code_in_a_training_state_is_refused_and_never_run(state, tmp_path):
    made = state(1)
    folder = save(tmp_path, made, 3)
    trap = tmp_path / "executed"
    torch.save({"optimizer": _Evil(trap)}, folder / TRAINING_FILE)
    with pytest.raises(InvalidInputError, match=r"training\.pt' cannot be read") as caught:
        resume(tmp_path, *made)
    assert not trap.exists()
    assert "\n" not in str(caught.value)
    pickle.loads(pickle.dumps(_Evil(trap)))
    assert trap.exists()  # the trap does work


@pytest.mark.parametrize("content", [b"", b"noise", None])
def test_a_damaged_training_state_is_refused(state, tmp_path, content):
    made = state(1)
    path = save(tmp_path, made, 3) / TRAINING_FILE
    path.write_bytes(content) if content is not None else path.unlink()
    with pytest.raises(InvalidInputError, match="cannot be read"):
        resume(tmp_path, *made)


def test_a_network_that_training_did_not_write_is_refused(state, tmp_path):
    made = state(1)
    folder = save(tmp_path, made, 3)
    path = folder / "network.json"
    description = json.loads(path.read_text())
    path.write_text(json.dumps(description | {"about": {}}))
    with pytest.raises(InvalidInputError, match="was not written by training"):
        resume(find_checkpoint(tmp_path).parent, *made)
