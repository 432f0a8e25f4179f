"""The models that come with the package: whole, small, and never in the way of a user's folders."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cofeat import shipped
from cofeat.cli.main import main
from cofeat.data.samples import photographs
from cofeat.data.streets.write import write_streets
from cofeat.network.build import find_checkpoint

MOST_BYTES = 8 << 20


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


def test_a_folder_of_a_shipped_models_name_hides_it_only_where_it_holds_a_checkpoint(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("streets-mobile/results").mkdir(parents=True)
    assert find_checkpoint("streets-mobile") == shipped.folder_of("streets-mobile")
    shutil.copytree(shipped.folder_of("streets-mobile"), "streets-mobile", dirs_exist_ok=True)
    assert find_checkpoint("streets-mobile") == Path("streets-mobile")


def test_a_shipped_model_is_measured_outside_the_package(tmp_path, monkeypatch, capsys):
    """Without words, by the codec that it was trained for: others do not hold its 12 bits."""
    monkeypatch.chdir(tmp_path)
    write_streets(Path("scenes"), 0, 2, (128, 256), 0, workers=1)
    assert main(["eval", "streets-mobile", "--data", "scenes"]) == 0
    curve = json.loads(Path("runs/streets-mobile/results/rate.json").read_text())
    assert curve["results"]["codec"] == [f"cofeat-learned:{n}" for n in (16, 18, 20, 22, 24, 26)]
    capsys.readouterr()
    words = ["eval", "streets-mobile", "--data", "scenes", "--codecs", "png,jpeg:80", "-o", "other"]
    assert main(words) == 2
    assert "codec 'jpeg' holds up to 8 bits, not 12" in capsys.readouterr().err
    assert not Path("other").exists()


def test_the_tables_of_a_shipped_model_stay_as_they_are(capsys):
    tables = shipped.folder_of("streets-mobile") / "tables.bin"
    before = tables.read_bytes()
    assert main(["fit", "streets-mobile", "--data", "nowhere"]) == 2
    assert "streams are read with its tables" in capsys.readouterr().err
    assert tables.read_bytes() == before


def test_a_wrong_name_is_told_the_right_ones(capsys):
    assert main(["info", "streets-mobil"]) == 2
    assert "streets-mobile" in capsys.readouterr().err
