"""Reading Cityscapes' layout."""

import shutil

import numpy as np
import pytest
from PIL import Image

from cofeat.data import open_dataset
from cofeat.data.cityscapes import Cityscapes
from cofeat.errors import InvalidInputError

SIZE = (8, 16)
AACHEN = "aachen_000000_000019"


def test_names_are_sorted_and_every_split_is_found(tree):
    train = Cityscapes(tree.root, "train", SIZE)
    assert train.names == (AACHEN, "aachen_000000_000020", "zurich_000001_000019")
    assert len(train) == 3
    assert train.size == SIZE
    assert Cityscapes(str(tree.root), "val", SIZE).names == ("lindau_000000_000019",)


def test_the_table_of_data_sets_opens_it_under_both_names(tree):
    for name in ("cityscapes", "streets"):
        assert open_dataset(name, tree.root, "val", SIZE).names == ("lindau_000000_000019",)


def test_a_sample_of_the_files_own_size_is_what_was_written(tree):
    sample = Cityscapes(tree.root, "train", SIZE)[0]
    assert sample.name == AACHEN
    np.testing.assert_array_equal(sample.image, tree.images[AACHEN])
    assert sample.truths["reconstruction"] is sample.image
    # Written from the formula: 0 is invalid, else (p - 1) / 256.
    stored = tree.disparities[AACHEN].astype(np.float64)
    expected = np.where(stored > 0, (stored - 1) / 256, 0)
    np.testing.assert_allclose(sample.truths["disparity"], expected, rtol=1e-7)
    assert sample.truths["disparity"].dtype == np.float32


def test_label_ids_become_the_train_ids_of_cityscapes_own_table(tree):
    table = pytest.importorskip("cityscapesscripts.helpers.labels").id2label
    truth = Cityscapes(tree.root, "train", SIZE)[0].truths["segmentation"]
    expected = np.vectorize(lambda label_id: table[label_id].trainId)(tree.labels[AACHEN])
    expected[expected < 0] = 255
    np.testing.assert_array_equal(truth, expected)
    assert truth.dtype == np.uint8


def test_all_parts_are_resized_alike(tree):
    sample = Cityscapes(tree.root, "train", (4, 8))[0]
    assert sample.image.shape == (4, 8, 3)
    for task in ("segmentation", "disparity"):
        assert sample.truths[task].shape == (4, 8)
    # The invalid corner of 4x4 pixels is one of 2x2, and nothing else is invalid.
    invalid = sample.truths["disparity"] == 0
    assert invalid[:2, :2].all()
    assert invalid.sum() == 4


def test_arrays_can_be_written_to(tree):
    # A read-only array makes torch.from_numpy warn.
    for size in (SIZE, (4, 8)):
        sample = Cityscapes(tree.root, "train", size)[0]
        assert sample.image.flags.writeable
        assert all(truth.flags.writeable for truth in sample.truths.values())


@pytest.mark.parametrize(("folder", "task"), [("gtFine", "segmentation"), ("disparity",) * 2])
def test_a_truth_may_be_absent_as_a_whole(tree, folder, task):
    shutil.rmtree(tree.root / folder)
    dataset = Cityscapes(tree.root, "train", SIZE)
    assert task not in dataset.tasks
    assert len(dataset.tasks) == 2
    assert set(dataset[0].truths) == set(dataset.tasks)


def test_the_dummy_labels_of_the_test_split_are_left_out(tree):
    dataset = Cityscapes(tree.root, "test", SIZE)
    assert dataset.tasks == ("disparity", "reconstruction")
    assert set(dataset[0].truths) == {"disparity", "reconstruction"}


def test_a_single_missing_truth_is_named(tree):
    tree.label(AACHEN).unlink()
    with pytest.raises(InvalidInputError) as error:
        Cityscapes(tree.root, "train", SIZE)
    assert str(tree.label(AACHEN)) in str(error.value)
    assert "cofeat data check" in str(error.value)
    assert "more" not in str(error.value)
    tree.label("zurich_000001_000019").unlink()
    with pytest.raises(InvalidInputError, match=r"\(and 1 more\)"):
        Cityscapes(tree.root, "train", SIZE)


def test_what_a_mac_leaves_beside_its_files_is_no_image(tree):
    (tree.image(AACHEN).parent / f"._{AACHEN}_leftImg8bit.png").write_bytes(b"\0")
    assert len(Cityscapes(tree.root, "train", SIZE)) == 3


def test_an_unknown_split_is_refused_with_the_nearest(tree):
    with pytest.raises(InvalidInputError, match=r"'vall'.*train, val, test.*Did you mean 'val'"):
        Cityscapes(tree.root, "vall", SIZE)


@pytest.mark.parametrize("make", [True, False])
def test_a_root_without_images_tells_where_they_come_from(tmp_path, make):
    root = tmp_path / "data"
    if make:
        root.mkdir()
    with pytest.raises(InvalidInputError) as error:
        Cityscapes(root, "train", SIZE)
    message = str(error.value)
    for part in (
        "leftImg8bit/train/<city>/<city>_<sequence>_<frame>_leftImg8bit.png",
        "www.cityscapes-dataset.com",
        f"cofeat data streets {root}",
    ):
        assert part in message
    assert ("no folder" in message) != make
    assert "\n" not in message


def test_a_root_one_level_off_is_told_the_right_one(tree):
    for given in (tree.root.parent, tree.root / "leftImg8bit"):
        with pytest.raises(InvalidInputError, match="did you mean") as error:
            Cityscapes(given, "train", SIZE)
        assert f"'{tree.root.resolve()}'" in str(error.value)


def test_a_missing_split_is_told_the_others(tree):
    shutil.rmtree(tree.root / "leftImg8bit" / "train")
    with pytest.raises(InvalidInputError, match="there are images of val, test"):
        Cityscapes(tree.root, "train", SIZE)


def _read_with(path, values, tree):
    Image.fromarray(values).save(path)
    return Cityscapes(tree.root, "train", SIZE)[0]


def test_labels_of_a_wrong_mode_are_refused(tree):
    path = tree.label(AACHEN)
    with pytest.raises(InvalidInputError, match=r"has mode RGB; .*label ids") as error:
        _read_with(path, np.zeros((8, 16, 3), np.uint8), tree)
    assert str(path) in str(error.value)


def test_disparity_of_8_bits_is_refused(tree):
    path = tree.disparity(AACHEN)
    with pytest.raises(InvalidInputError, match=r"has mode L; .*16-bit") as error:
        _read_with(path, np.zeros((8, 16), np.uint8), tree)
    assert str(path) in str(error.value)


def test_a_truth_of_another_size_than_its_image_is_refused(tree):
    with pytest.raises(InvalidInputError, match=r"is 8x4, its image is 16x8.*cofeat data check"):
        _read_with(tree.label(AACHEN), np.zeros((4, 8), np.uint8), tree)


@pytest.mark.parametrize("kind", ["image", "label", "disparity"])
@pytest.mark.parametrize("damage", ["cut", "empty", "text", "flipped"])
def test_a_damaged_file_is_named(tree, kind, damage):
    path = getattr(tree, kind)(AACHEN)
    data = path.read_bytes()
    path.write_bytes(
        {
            "cut": data[: len(data) * 2 // 3],
            "empty": b"",
            "text": b"this is no image",
            "flipped": data[:60] + bytes(byte ^ 255 for byte in data[60:]),
        }[damage]
    )
    with pytest.raises(InvalidInputError, match="cannot be read") as error:
        Cityscapes(tree.root, "train", SIZE)[0]
    assert str(path) in str(error.value)


def test_no_damage_of_one_byte_escapes_as_another_error(tree):
    path = tree.disparity(AACHEN)
    data = path.read_bytes()
    random = np.random.default_rng(0)
    outcomes = set()
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= int(random.integers(1, 256))
        path.write_bytes(damaged)
        try:
            Cityscapes(tree.root, "train", SIZE)[0]
            outcomes.add("read")
        except InvalidInputError:
            outcomes.add("refused")
    assert "refused" in outcomes
