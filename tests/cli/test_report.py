import argparse
import json

import numpy as np
import pytest

from cofeat.cli import report
from cofeat.errors import InvalidInputError


def call(*words):
    parser = argparse.ArgumentParser()
    report.add_arguments(parser)
    return report.run(parser.parse_args([str(word) for word in words]))


@pytest.fixture
def run_folder(tmp_path):
    results = tmp_path / "run" / "results"
    results.mkdir(parents=True)
    curve = {
        "name": "proposed",
        "description": "",
        "results": {
            "codec": ["png", "jpeg:80"],
            "mean_bytes": [100.0, 50.0],
            "bpfe": [4.0, 2.0],
            "bpp": [4.0, 2.0],
            "miou": [0.5, 0.4],
        },
        "tasks": ["segmentation"],
        "images": 1,
        "per_image": "proposed.npz",
        "provenance": {},
    }
    (results / "proposed.json").write_text(json.dumps(curve))
    np.savez(
        results / "proposed.npz",
        names=np.array(["a"]),
        bytes=np.array([[100], [50]]),
        elements=np.array([200]),
        pixels=np.array([200]),
        figures_segmentation=np.zeros((2, 1, 19, 19)),
    )
    return tmp_path / "run"


def test_the_page_is_written_into_the_run_and_its_place_is_told(run_folder, capsys):
    assert call(run_folder) == 0
    page = run_folder / "report.html"
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert str(page) in capsys.readouterr().out


def test_the_page_is_written_where_the_user_says(run_folder, tmp_path):
    assert call(run_folder, "-o", tmp_path / "x.html") == 0
    assert (tmp_path / "x.html").is_file()
    assert not (run_folder / "report.html").exists()


def test_a_folder_without_results_is_refused_by_name(tmp_path):
    with pytest.raises(InvalidInputError, match="results"):
        call(tmp_path)
