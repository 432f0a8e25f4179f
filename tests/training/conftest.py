"""The tiny data set and recipe of the training tests, and how to run scripts on them."""

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from cofeat.network.build import find_checkpoint
from cofeat.training.recipe import load_recipe

HERE = Path(__file__).parent


def load_script(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def scenes():
    """The script ``scenes.py`` as a module."""
    return load_script("scenes")


@pytest.fixture(scope="session")
def gradients():
    """The script ``gradients.py`` as a module."""
    before = list(sys.path)
    yield load_script("gradients")
    sys.path[:] = before


@pytest.fixture(scope="session")
def data(scenes):
    """Training and validation samples."""
    return scenes.Scenes(16), scenes.Scenes(4, 100)


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory):
    """A recipe for the tiny data set: two epochs of four steps."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    tree = {
        "name": "scenes",
        "data": {"name": "scenes", "size": "64x32"},
        "network": {"encoder": "tiny"},
        "loss": {"compressibility": {"rule": "log", "pressure": 0.1}},
        "train": {"epochs": 2, "batch": 4, "log_steps": 1, "validate_epochs": 1},
        "machine": {"accelerator": "cpu", "devices": 1, "threads": 1},
        "evaluate": {"batch": 4},
    }
    path.write_text(yaml.safe_dump(tree))
    return path


@pytest.fixture
def recipe(recipe_file):
    """Called with overrides, returns the recipe."""
    return lambda *overrides: load_recipe(recipe_file, overrides)


@pytest.fixture
def weights():
    """Called with a run's folder, returns the tensors of its newest checkpoint."""
    return lambda run: load_file(find_checkpoint(run) / "weights.safetensors")


@pytest.fixture(scope="session")
def start():
    """Called with (script, *words, **environment), starts it as another process."""

    def start_script(script, *words, **environment):
        return subprocess.Popen(
            [sys.executable, str(HERE / script), *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        )

    return start_script


@pytest.fixture
def run_two(start):
    """Called with (script, *words), runs it as two processes, as torchrun does."""

    def run(script, *words):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        common = {
            "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0",
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "test",
        }  # fmt: skip
        processes = [
            start(script, *words, RANK=str(rank), LOCAL_RANK=str(rank), **common)
            for rank in range(2)
        ]
        outcomes = [process.communicate(timeout=120) for process in processes]
        for process, (_, err) in zip(processes, outcomes, strict=True):
            assert process.returncode == 0, err
        return outcomes

    return run


@pytest.fixture(autouse=True)
def _threads():
    """A recipe's ``machine.threads`` is for the whole process; put back what was."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
