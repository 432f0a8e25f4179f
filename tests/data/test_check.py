"""`check_cityscapes` names what is wrong, each kind of it."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cofeat.data.check import LISTED, check_cityscapes
from cofeat.errors import InvalidInputError

AACHEN = "aachen_000000_000019"


def problems(tree, **options):
    return [
        (problem.kind, problem.path) for problem in check_cityscapes(tree.root, **options).problems
    ]


def relative(tree, path):
    return path.relative_to(tree.root).as_posix()


@pytest.mark.parametrize("full", [False, True])
def test_a_sound_tree_has_no_problems(tree, full):
    report = check_cityscapes(tree.root, full=full)
    assert report.problems == ()
    assert report.ok
    train, val, test = report.splits
    assert (train.split, train.images, train.cities) == ("train", 3, 2)
    assert train.truths == {"segmentation": 3, "disparity": 3}
    assert train.sizes == {"16x8": 3}
    assert (val.split, val.images) == ("val", 1)
    assert test.truths == {"segmentation": None, "disparity": 1}
    assert "no problems" in report.to_text()
    assert "train: 3 images of 2 cities (16x8)" in report.to_text()


def test_the_report_goes_through_json(tree):
    tree.label(AACHEN).unlink()
    report = check_cityscapes(tree.root)
    back = json.loads(json.dumps(report.to_json()))
    assert back["ok"] is False
    assert back["problems"] == [
        {
            "kind": "missing",
            "path": relative(tree, tree.label(AACHEN)),
            "message": "is missing: the image has no such truth",
        }
    ]
    assert back["splits"][0]["truths"] == {"segmentation": 2, "disparity": 3}


def test_a_part_of_cityscapes_is_told_and_no_problem(tree):
    report = check_cityscapes(tree.root)
    train, val, test = report.splits
    # The archives' own counts: 2,975, 500 and 1,525 images.
    assert sum(train.lacking.values()) == 2975 - 3
    assert (train.lacking["aachen"], train.lacking["zurich"]) == (172, 121)
    assert val.lacking == {"frankfurt": 267, "lindau": 58, "munster": 174}
    assert sum(test.lacking.values()) == 1525 - 1
    assert "499 images fewer than Cityscapes has: frankfurt 267, lindau 58" in report.to_text()
    assert report.ok


def test_other_cities_are_not_held_to_cityscapes(tree):
    tree.image(AACHEN).parent.rename(tree.image(AACHEN).parent.with_name("elsewhere"))
    train, *_ = check_cityscapes(tree.root).splits
    assert train.lacking == {}


@pytest.mark.parametrize("kind", ["label", "disparity"])
def test_a_missing_truth(tree, kind):
    path = getattr(tree, kind)(AACHEN)
    path.unlink()
    assert problems(tree) == [("missing", relative(tree, path))]


def test_a_missing_image_leaves_its_truths_alone(tree):
    tree.image(AACHEN).unlink()
    assert problems(tree) == [
        ("missing", relative(tree, tree.label(AACHEN))),
        ("missing", relative(tree, tree.disparity(AACHEN))),
    ]


def test_a_truth_that_is_absent_as_a_whole_is_told_but_no_problem(tree):
    shutil.rmtree(tree.root / "disparity")
    report = check_cityscapes(tree.root)
    assert report.ok
    assert "disparity absent" in report.to_text()


def test_a_split_of_truths_alone_lacks_its_images(tree):
    shutil.rmtree(tree.root / "leftImg8bit" / "val")
    assert len(problems(tree)) == 2


def test_a_truth_of_another_size(tree):
    path = tree.disparity(AACHEN)
    Image.fromarray(np.ones((4, 8), np.uint16)).save(path)
    assert problems(tree) == [("wrong size", relative(tree, path))]


def test_an_image_unlike_the_others(tree):
    for path in (tree.image(AACHEN), tree.label(AACHEN), tree.disparity(AACHEN)):
        with Image.open(path) as picture:
            larger = picture.resize((32, 16), Image.Resampling.NEAREST)
        larger.save(path)
    report = check_cityscapes(tree.root)
    (problem,) = report.problems
    assert (problem.kind, problem.path) == ("wrong size", relative(tree, tree.image(AACHEN)))
    assert problem.message == "is 32x16, most images are 16x8"
    assert report.splits[0].sizes == {"32x16": 1, "16x8": 2}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("image", np.zeros((8, 16), np.uint8)),
        ("label", np.zeros((8, 16, 3), np.uint8)),
        ("disparity", np.zeros((8, 16), np.uint8)),
    ],
)
def test_a_wrong_mode(tree, kind, values):
    path = getattr(tree, kind)(AACHEN)
    Image.fromarray(values).save(path)
    assert problems(tree) == [("wrong kind of PNG", relative(tree, path))]


def test_no_image_at_all(tree):
    path = tree.label(AACHEN)
    path.write_bytes(b"nothing of the kind")
    assert problems(tree) == [("unreadable", relative(tree, path))]


def test_a_file_in_a_wrong_folder(tree):
    path = tree.label(AACHEN)
    moved = path.parent.parent / "zurich" / path.name
    path.rename(moved)
    assert problems(tree) == [("wrong place", relative(tree, moved))]


def test_an_image_with_a_name_of_another_form(tree):
    for path in (tree.image(AACHEN), tree.label(AACHEN), tree.disparity(AACHEN)):
        path.rename(path.parent / path.name.replace(AACHEN, "frame7"))
    (problem,) = check_cityscapes(tree.root).problems
    assert problem.kind == "wrong place"
    assert "aachen_<sequence>_<frame>" in problem.message


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("label", np.full((8, 16), 34, np.uint8), "has ids 34, but label ids are 0..33"),
        ("label", np.full((8, 16), 3, np.uint8), "has no pixel of the 19 classes"),
        ("disparity", np.zeros((8, 16), np.uint16), "has no valid pixel"),
    ],
)
def test_contents_are_looked_at_in_full_only(tree, kind, values, message):
    path = getattr(tree, kind)(AACHEN)
    Image.fromarray(values).save(path)
    assert problems(tree) == []
    (problem,) = check_cityscapes(tree.root, full=True).problems
    assert (problem.kind, problem.message) == ("wrong content", message)


def test_pixels_that_are_cut_off_are_found_in_full_only(tree):
    path = tree.image(AACHEN)
    path.write_bytes(path.read_bytes()[:-100])
    assert problems(tree) == []
    assert problems(tree, full=True) == [("unreadable", relative(tree, path))]


def test_a_folder_without_the_layout(tmp_path):
    report = check_cityscapes(tmp_path)
    assert not report.ok
    assert "leftImg8bit/<split>/<city>" in report.to_text()
    assert "www.cityscapes-dataset.com" in report.to_text()


def test_the_layout_one_level_below_is_found(tree):
    report = check_cityscapes(tree.root.parent)
    assert f"did you mean '{tree.root.resolve()}'?" in report.to_text()


def test_no_folder_is_wrong_use(tmp_path):
    with pytest.raises(InvalidInputError, match="there is no folder"):
        check_cityscapes(tmp_path / "nowhere")


def test_long_lists_are_cut_in_the_text_only(tree):
    for number in range(LISTED + 2):
        shutil.copy(tree.image(AACHEN), tree.image(f"aachen_000001_{number:06}"))
    report = check_cityscapes(tree.root)
    assert len(report.problems) == 2 * (LISTED + 2)
    text = report.to_text()
    assert text.count("is missing") == LISTED
    assert f"and {2 * (LISTED + 2) - LISTED} more" in text


def test_progress_counts_images(tree):
    told = []
    check_cityscapes(tree.root, progress=lambda done, total: told.append((done, total)))
    assert told == [(count, 5) for count in range(1, 6)]
