"""The wheel holds what it must and runs in an environment with nothing else."""

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]

ROUND_TRIP = """
import numpy as np
from cofeat.feature.pipeline import compress, decompress
features = np.linspace(-1, 1, 2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
received = decompress(compress(features, "png")).features
print(bool(np.abs(received - features).max() <= 2 / 255 / 2 + 1e-6))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    return next(out.glob("cofeat-*.whl"))


def test_the_wheel_holds_code_types_template_engine_and_licence(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "cofeat/py.typed" in names
    assert "cofeat/evaluation/report/templates/report.html.j2" in names
    assert "cofeat/feature/entropy/engine.wasm" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert not [name for name in names if name.startswith("tests")]


@pytest.mark.slow
def test_the_wheel_runs_with_nothing_but_its_dependencies(wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", wheel], check=True, capture_output=True
    )

    def run(*words):
        done = subprocess.run(
            [python, *words], check=False, capture_output=True, text=True, cwd=tmp_path
        )
        return done.returncode, done.stdout, done.stderr

    installed = json.loads(run("-m", "pip", "list", "--format", "json")[1])
    assert {entry["name"] for entry in installed} - {"pip", "setuptools"} == {
        "cofeat", "numpy", "pillow", "zstandard",
    }  # fmt: skip
    assert run("-c", ROUND_TRIP)[:2] == (0, "True\n")
    status, out, _ = run("-m", "cofeat", "info", "--json")
    assert status == 0
    assert {"png", "jpeg"} <= set(json.loads(out)["codecs"])
    # What is missing is named with the extra that brings it, in one line.
    status, _, err = run("-m", "cofeat", "train", "recipe.yaml")
    assert status == 2
    assert "cofeat[train]" in err
    assert err.count("\n") == 1


@pytest.mark.slow
def test_a_device_needs_little(wheel, tmp_path, exported):
    """The extra ``edge`` alone runs a bundle, brings no torch and stays under 300 MB."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    (packages,) = (tmp_path / "env" / "lib").glob("python*/site-packages")

    def size_bytes():
        return sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())

    before = size_bytes()
    words = ["--quiet", "--constraint", str(ROOT / "constraints.txt"), f"{wheel}[edge]"]
    subprocess.run([python, "-m", "pip", "install", *words], check=True, capture_output=True)
    assert size_bytes() - before < 300e6
    assert not [name for name in ("torch", "onnx", "scipy") if (packages / name).exists()]
    Image.new("RGB", (50, 30), (90, 120, 60)).save(tmp_path / "a.png")
    for command in (["compress", "a.png"], ["predict", "a.cft", "-o", "out"]):
        subprocess.run(
            [python, "-m", "cofeat", *command, "-m", exported.bundle], check=True, cwd=tmp_path
        )
    assert (tmp_path / "out" / "a_disparity.png").is_file()
