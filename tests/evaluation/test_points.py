from __future__ import annotations

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from cofeat.errors import InvalidInputError
from cofeat.evaluation.points import (
    Curve,
    PerImage,
    curve_from_figures,
    load_curve,
    load_curves,
    save_curve,
    select_codecs,
    write_csv,
)


def two_images(**changes) -> PerImage:
    per_image = PerImage(
        names=("a", "b"),
        bytes=np.array([[100, 300], [50, 60]]),
        elements=np.array([1000, 600]),
        pixels=np.array([2000, 4400]),
        figures={"reconstruction": np.array([[30.0, 34.0], [20.0, 21.0]])},
    )
    return replace(per_image, **changes)


def test_columns_worked_by_hand():
    curve = curve_from_figures(
        "x", "d", ("png", "jpeg:80"), two_images(), ("reconstruction",), {"k": 1}
    )
    assert curve.columns == {
        "mean_bytes": (200.0, 55.0),
        "bpfe": (8 * 400 / 1600, 8 * 110 / 1600),  # all bits over all elements
        "bpp": (8 * 400 / 6400, 8 * 110 / 6400),
        "psnr_db": (32.0, 20.5),
    }
    assert (curve.name, curve.codecs, curve.provenance) == ("x", ("png", "jpeg:80"), {"k": 1})


def test_pictures_have_no_feature_elements():
    per_image = two_images(elements=np.zeros(2, np.int64))
    curve = curve_from_figures("x", "", ("a", "b"), per_image, ("reconstruction",), {})
    assert np.isnan(curve.columns["bpfe"]).all()
    assert curve.columns["bpp"] == (0.5, 0.1375)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bytes": np.ones((3, 2), np.int64)}, r"bytes \(3, 2\), expected \(2, 2\)"),
        ({"pixels": np.ones(3, np.int64)}, "pixels"),
        ({"figures": {}}, "figures of reconstruction"),
        ({"figures": {"reconstruction": np.ones((2, 5))}}, "figures of reconstruction"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(InvalidInputError, match=message):
        curve_from_figures("x", "", ("a", "b"), two_images(**changes), ("reconstruction",), {})


def test_nothing_measured_is_refused():
    empty = PerImage((), np.ones((1, 0), np.int64), np.ones(0), np.ones(0), {})
    with pytest.raises(InvalidInputError, match="nothing is there"):
        curve_from_figures("x", "", ("a",), empty, (), {})


def test_saved_curve_is_loaded(tmp_path, make_curve):
    curve = make_curve()
    save_curve(curve, tmp_path / "curve.json")
    loaded = load_curve(tmp_path / "curve.json")
    for name in ("name", "description", "codecs", "columns", "tasks", "provenance"):
        assert getattr(loaded, name) == getattr(curve, name)
    assert loaded.per_image.names == curve.per_image.names
    for name in ("bytes", "elements", "pixels"):
        np.testing.assert_array_equal(
            getattr(loaded.per_image, name), getattr(curve.per_image, name)
        )
    for task, figures in curve.per_image.figures.items():
        np.testing.assert_array_equal(loaded.per_image.figures[task], figures)
    assert {path.name for path in tmp_path.iterdir()} == {"curve.json", "curve.npz"}


def test_json_is_what_compressai_plots(tmp_path):
    per_image = two_images(elements=np.zeros(2, np.int64))
    curve = curve_from_figures("x", "d", ("png", "jpeg:80"), per_image, ("reconstruction",), {})
    save_curve(curve, tmp_path / "x.json")
    document = json.loads((tmp_path / "x.json").read_text(), parse_constant=pytest.fail)
    assert document["name"] == "x"
    assert document["description"] == "d"
    assert document["results"] == {
        "codec": ["png", "jpeg:80"],
        "mean_bytes": [200.0, 55.0],
        "bpfe": [None, None],
        "bpp": [0.5, 0.1375],
        "psnr_db": [32.0, 20.5],
    }
    assert document["images"] == 2
    assert document["per_image"] == "x.npz"
    assert math.isnan(load_curve(tmp_path / "x.json").columns["bpfe"][0])


def test_json_of_others_needs_no_more_than_results(tmp_path):
    path = tmp_path / "their.json"
    path.write_text('{"name": "n", "results": {"bpp": [1, 2], "psnr": [30, 33.5]}}')
    curve = load_curve(path)
    assert curve.columns == {"bpp": (1.0, 2.0), "psnr": (30.0, 33.5)}
    assert curve.per_image is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"results": {}}', '{"results": {"bpp": [1], "psnr": [1, 2]}}',
     '{"results": {"bpp": ["x"]}}', '{"results": {"bpp": 3}}', "[" * 100_000,
     '{"results": {"bpp": [1' + 400 * "0" + "]}}"],
)  # fmt: skip
def test_json_that_holds_no_curve_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InvalidInputError, match=r"x\.json' is no JSON of points"):
        load_curve(tmp_path / "x.json")


def test_missing_files_are_named(tmp_path, make_curve):
    with pytest.raises(InvalidInputError, match=r"no file '.*none\.json'"):
        load_curve(tmp_path / "none.json")
    save_curve(make_curve(), tmp_path / "curve.json")
    (tmp_path / "curve.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(InvalidInputError, match=r"curve\.npz' cannot be read"):
        load_curve(tmp_path / "curve.json")
    save_curve(make_curve(), tmp_path / "curve.json")
    content = bytearray((tmp_path / "curve.npz").read_bytes())
    content[60:120] = bytes(60)  # of the first array's deflated stream
    (tmp_path / "curve.npz").write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"curve\.npz' cannot be read"):
        load_curve(tmp_path / "curve.json")
    (tmp_path / "curve.npz").unlink()
    with pytest.raises(InvalidInputError, match=r"keep the \.npz beside"):
        load_curve(tmp_path / "curve.json")


def test_pickles_are_not_opened(tmp_path, make_curve):
    save_curve(make_curve(), tmp_path / "curve.json")
    np.savez(tmp_path / "curve.npz", names=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InvalidInputError, match="pickle"):
        load_curve(tmp_path / "curve.json")


def test_selected_codecs_keep_their_figures(make_curve):
    curve = make_curve()
    part = select_codecs(curve, ["png", "jpeg:70"])
    assert part.codecs == ("png", "jpeg:70")
    assert part.columns["miou"] == (curve.columns["miou"][0], curve.columns["miou"][3])
    np.testing.assert_array_equal(part.per_image.bytes, curve.per_image.bytes[[0, 3]])
    with pytest.raises(InvalidInputError, match="no point 'jpeg:99'"):
        select_codecs(curve, ["jpeg:99"])


def test_written_csv_is_loaded(tmp_path, make_curve):
    curves = [make_curve("a"), make_curve("b", 0.8)]
    other = Curve("c", "", ("none",), {"bpp": (math.nan,), "extra": (1.5,)})
    write_csv([*curves, other], tmp_path / "points.csv")
    with (tmp_path / "points.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert (rows[0]["curve"], rows[0]["codec"], rows[0]["quality"]) == ("a", "png", "")
    assert (rows[1]["curve"], rows[1]["codec"], rows[1]["quality"]) == ("a", "jpeg", "90")
    loaded = load_curves(tmp_path / "points.csv")
    assert list(loaded) == ["a", "b", "c"]
    for curve in curves:
        assert loaded[curve.name].codecs == curve.codecs
        assert loaded[curve.name].columns["miou"] == curve.columns["miou"]
    assert loaded["c"].columns["extra"] == (1.5,)
    assert math.isnan(loaded["c"].columns["bpp"][0])


def test_released_points_are_read_by_arm(released):
    curves = load_curves(released, by="arm")
    assert list(curves) == ["baseline", "proposed"]
    assert curves["proposed"].codecs == ("png", "jpeg:95", "jpeg:90", "jpeg:85", "jpeg:80")
    assert curves["proposed"].columns["bpfe"][0] == 2.601928
    assert "encoder" not in curves["proposed"].columns
    assert list(load_curves(released)) == ["icip2019_encoder2_rd"]


@pytest.mark.parametrize(
    ("text", "by", "message"),
    [
        ("", None, "no CSV of points"),
        ("bpp,psnr\n", None, "no CSV of points"),
        ("bpp,psnr\n1,2,3\n", None, "no CSV of points"),
        ("bpp,psnr\n1,30\n2,good\n", None, "'good' in column 'psnr' is no number"),
        ("bpp,psnr\n1,30\n", "arm", "no column 'arm': it has bpp, psnr"),
        pytest.param("bpp,psnr\n1," + 200_000 * "3", None, "cannot be read as CSV", id="endless"),
    ],
)
def test_csv_that_cannot_be_used_is_refused(tmp_path, text, by, message):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        load_curves(tmp_path / "x.csv", by)


def test_json_has_no_columns_to_part_it_by(tmp_path):
    (tmp_path / "x.json").write_text('{"results": {"bpp": [1]}}')
    with pytest.raises(InvalidInputError, match="JSON, one curve"):
        load_curves(tmp_path / "x.json", by="arm")
