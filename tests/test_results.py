"""What README and docs say is what results/ holds, and shipped models are what their hashes say."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cofeat import shipped
from cofeat.cli.main import main
from cofeat.data.samples import photographs

ROOT = Path(__file__).parents[1]
MOST_BYTES = 8 << 20


def test_texts_say_what_the_results_hold():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "results", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def cells(text, block):
    """The body of a table that stands in a block, without its first column."""
    rows = text.split(f"<!-- results: {block} -->")[1].split("<!-- end -->")[0].split("\n")
    return [row.strip("| ").split(" | ")[1:] for row in rows if row][2:]


@pytest.mark.parametrize(
    ("file", "prefix"), [("small-encoders.md", "deep-"), ("streets-mobile.md", "")]
)
def test_shares_are_those_of_the_bytes_beside_them(file, prefix):
    text = (ROOT / "docs" / "results" / file).read_text()
    needed = [
        [float(re.match(r"[\d,]+", cell)[0].replace(",", "")) for cell in row]
        for row in cells(text, f"{prefix}deciding")
    ]
    shares = [row[0] for row in cells(text, f"{prefix}share")]
    features, *pictures = map(np.array, needed)
    assert shares == [f"{share:.0f} %" for share in 100 * features / np.min(pictures, axis=0)]


@pytest.mark.parametrize("name", shipped.names())
def test_a_models_files_have_their_hashes(name):
    folder = shipped.folder_of(name)
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    told = dict(reversed(line.split("  ")) for line in lines)
    files = {file.name for file in folder.iterdir()} - {"SHA256SUMS"}
    assert set(told) == files
    for file, digest in told.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == digest


def test_all_models_together_are_small():
    sizes = [
        file.stat().st_size
        for name in shipped.names()
        for file in shipped.folder_of(name).iterdir()
    ]
    assert sum(sizes) <= MOST_BYTES


def test_a_shipped_model_takes_a_picture_through(tmp_path, capsys):
    picture = tmp_path / "in.png"
    Image.fromarray(photographs()[0].image[:128, :256]).save(picture)
    stream, features = tmp_path / "out.cft", tmp_path / "features.npz"
    model = "streets-mobile"
    given = ["compress", str(picture), "-m", model, "-c", "cofeat-learned:18", "-o", str(stream)]
    assert main(given) == 0
    assert main(["predict", str(stream), "-m", model, "-o", str(tmp_path / "out")]) == 0
    assert main(["decompress", str(stream), "-m", model, "-o", str(features)]) == 0
    assert stream.stat().st_size < 4000
    with np.load(features) as arrays:
        assert arrays["features"].shape == (32, 8, 16)


def test_a_wrong_name_is_told_the_right_ones(capsys):
    assert main(["info", "streets-mobil"]) == 2
    assert "streets-mobile" in capsys.readouterr().err
