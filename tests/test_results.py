"""What README and docs say is what results/ holds."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cofeat.evaluation.points import load_curve

ROOT = Path(__file__).parents[1]


def test_texts_say_what_the_results_hold():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "results", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_curve_can_be_read_with_its_figures_by_image():
    files = [
        file for file in (ROOT / "results").rglob("*.json") if '"per_image"' in file.read_text()
    ]
    assert len(files) > 50
    for file in files:
        load_curve(file)


def cells(text, block):
    """The body of a table that stands in a block, without its first column."""
    rows = text.split(f"<!-- results: {block} -->")[1].split("<!-- end -->")[0].split("\n")
    return [row.strip("| ").split(" | ")[1:] for row in rows if row][2:]


@pytest.mark.parametrize(
    ("file", "prefix"), [("encoder2-again.md", "deep-"), ("streets-mobile.md", "")]
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
