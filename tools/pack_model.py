"""Make a model of the package from a run: half-precision weights, tables fitted to those, hashes.

``python tools/pack_model.py RUN NAME`` writes ``src/cofeat/models/NAME``; measure it afterwards as
``cofeat eval NAME``, since rounded weights are another model.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors.torch import load_file, save_file

from cofeat.network.build import DESCRIPTION_FILE, WEIGHTS_FILE, find_checkpoint

MODELS = Path(__file__).parents[1] / "src" / "cofeat" / "models"
HASHES_FILE = "SHA256SUMS"
FIT_IMAGES = "1200"


def main() -> int:
    """Pack one model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--data", help="the training data, where they have moved")
    parser.add_argument("--no-fit", action="store_true", help="its features are never sent")
    arguments = parser.parse_args()
    target = MODELS / arguments.name
    with tempfile.TemporaryDirectory() as temporary:
        packed = Path(temporary) / arguments.name
        packed.mkdir()
        _pack(find_checkpoint(arguments.run), packed)
        if not arguments.no_fit:
            _fit(packed, arguments.data)
        files = sorted(file for file in packed.iterdir() if file.is_file())
        sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
        (packed / HASHES_FILE).write_text("".join(sums), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(packed, target)
    return 0


def _pack(source: Path, packed: Path) -> None:
    """Write the weights in half precision and what the checkpoint says of itself."""
    tensors = load_file(source / WEIGHTS_FILE)
    half = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    save_file(half, packed / WEIGHTS_FILE)
    (packed / WEIGHTS_FILE).chmod(0o644)
    description = json.loads((source / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    # Where the data and the first weights lay on this machine is nobody's affair.
    description["about"].pop("data_root", None)
    recipe = description["about"]["recipe"]
    recipe["data"]["root"] = None
    for other in ("start", "teacher"):
        if recipe["train"].get(other):
            recipe["train"][other] = Path(recipe["train"][other]).name
    (packed / DESCRIPTION_FILE).write_text(json.dumps(description, indent=1), encoding="utf-8")


def _fit(packed: Path, data_root: str | None) -> None:
    """Fit the codec's tables to the rounded weights' features."""
    data = ["--data", data_root] if data_root else []
    fit = [sys.executable, "-m", "cofeat", "fit", str(packed), "--images", FIT_IMAGES, *data]
    subprocess.run(fit, check=True)


if __name__ == "__main__":
    raise SystemExit(main())
