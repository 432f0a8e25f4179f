"""The models of the package, shown: the page has curves, pictures and the split."""

import json

import pytest

from cofeat.cli.main import main


def test_no_scenes_are_refused_in_one_line(capsys, tmp_path):
    assert main(["demo", "--images", "0", "-o", str(tmp_path / "demo")]) == 2
    assert "--images is 0: give at least 1" in capsys.readouterr().err


@pytest.mark.slow
def test_the_page_shows_curves_pictures_and_the_split(capsys, tmp_path):
    assert main(["demo", "--images", "2", "-o", str(tmp_path)]) == 0
    results = tmp_path / "results"
    bytes_of = {}
    for name in ("bottleneck", "cloud-avif"):
        points = json.loads((results / f"{name}.json").read_text())["results"]
        bytes_of[name] = min(points["mean_bytes"])
    # What the whole is for.
    assert bytes_of["bottleneck"] < bytes_of["cloud-avif"]
    (table,) = json.loads((results / "bd.json").read_text())["tables"]
    arms = {(row["anchor"], row["test"]) for row in table["rows"]}
    assert arms == {("baseline", "proposed")}
    page = (tmp_path / "report.html").read_text()
    assert "The split at run time" in page
    assert "Baseline and proposed" in page
    assert page.count("<svg") >= 3
