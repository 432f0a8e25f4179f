"""A device has no torch: the rooms without a star never import it."""

import pkgutil
import subprocess
import sys
from pathlib import Path

import cofeat

# What may import torch (or is not loaded on a device). Every other module, and
# every one to come, must do without.
STARRED = (
    "cofeat.data",
    "cofeat.export",
    "cofeat.network",
    "cofeat.losses",
    "cofeat.training",
    "cofeat.evaluation.sweep",
    "cofeat.evaluation.gallery",
    "cofeat.cli",
)
HEAVY = ("torch", "lightning", "torchvision", "safetensors", "torchmetrics", "onnx")


def starred(name):
    return any(name == room or name.startswith(f"{room}.") for room in STARRED)


def all_modules():
    found = pkgutil.walk_packages([str(Path(cofeat.__file__).parent)], "cofeat.")
    return sorted(module.name for module in found if not module.name.endswith("__main__"))


def heavy_after_importing(*modules):
    code = (
        "import importlib, sys\n"
        f"for name in {list(modules)!r}: importlib.import_module(name)\n"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_rooms_without_a_star_import_no_torch():
    modules = [name for name in all_modules() if not starred(name)]
    for expected in ("cofeat.errors", "cofeat.image", "cofeat.planner.plan"):
        assert expected in modules
    assert heavy_after_importing(*modules, "cofeat.cli.main") == []


def test_reading_data_needs_no_torch():
    # A starred room, but its readers serve where there is no torch.
    assert heavy_after_importing("cofeat.data.cityscapes", "cofeat.data.check") == []


def test_the_test_above_can_fail():
    networks = [name for name in all_modules() if name.startswith("cofeat.network.")]
    assert networks
    assert "torch" in heavy_after_importing(*networks)
