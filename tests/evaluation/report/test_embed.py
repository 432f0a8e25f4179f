import base64
import io

import numpy as np
import pytest
from PIL import Image

from cofeat.evaluation.report.embed import embed_pictures


@pytest.fixture
def folder(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (400, 600, 3), dtype=np.uint8)
    (tmp_path / "in").mkdir()
    Image.fromarray(noise).save(tmp_path / "in" / "large.png")
    Image.fromarray(noise[:8, :16]).save(tmp_path / "in" / "small.png")
    Image.fromarray(noise[:8, :16]).save(tmp_path / "outside.png")
    (tmp_path / "in" / "page.svg").write_text("<svg onload='alert(1)'/>")
    return tmp_path / "in"


def decoded(picture):
    head, data = picture.url.split(",", 1)
    assert head.startswith("data:image/")
    return base64.b64decode(data)


def test_a_picture_within_the_budget_is_embedded_byte_for_byte(folder):
    pictures, note = embed_pictures(folder, ["small.png"])
    assert decoded(pictures["small.png"]) == (folder / "small.png").read_bytes()
    assert (pictures["small.png"].width_px, pictures["small.png"].height_px) == (16, 8)
    assert pictures["small.png"].is_small
    assert note == ""


def test_over_the_budget_pictures_are_recoded_and_the_reader_is_told(folder):
    pictures, note = embed_pictures(folder, ["large.png"], budget_bytes=200_000)
    data = decoded(pictures["large.png"])
    assert len(data) <= 200_000 < (folder / "large.png").stat().st_size
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (pictures["large.png"].width_px, pictures["large.png"].height_px)
    assert "recoded" in note


def test_a_picture_that_stands_twice_in_the_page_counts_twice(folder):
    size = (folder / "small.png").stat().st_size
    assert embed_pictures(folder, ["small.png"], budget_bytes=size)[1] == ""
    assert embed_pictures(folder, ["small.png"] * 2, budget_bytes=size)[1] != ""


@pytest.mark.parametrize("file", ["missing.png", "../outside.png", "page.svg", "", ".", "a\0b"])
def test_what_is_no_picture_of_the_folder_is_left_out(folder, file):
    assert embed_pictures(folder, [file]) == ({}, "")
