"""Classes, mIoU and drawing of segmentation, against Cityscapes' own scripts."""

import copy

import numpy as np
import pytest
from PIL import Image

from cofeat.tasks import segmentation as seg
from cofeat.tasks.segmentation import SEGMENTATION


def test_classes_are_those_of_cityscapes():
    labels = pytest.importorskip("cityscapesscripts.helpers.labels").labels
    trained = sorted(
        (label for label in labels if 0 <= label.trainId < 255), key=lambda label: label.trainId
    )
    expected = [(label.name, label.id, label.color) for label in trained]
    assert [tuple(entry) for entry in seg.CLASSES] == expected
    for label in labels:
        if label.id >= 0:
            train_id = int(seg.train_ids(np.array([label.id], np.uint8))[0])
            assert train_id == (seg.VOID if label.trainId < 0 else label.trainId), label.name


def test_label_ids_are_the_inverse_of_train_ids():
    every = np.arange(seg.NUM_CLASSES, dtype=np.uint8)
    np.testing.assert_array_equal(seg.train_ids(seg.label_ids(every)), every)
    assert seg.label_ids(np.array([seg.VOID], np.uint8)) == 0


def test_miou_worked_by_hand():
    # truth      road road road sky void    road: 2 hits of 3 + 1 - 0 = union 3 -> 2/3
    # prediction road road sky  sky road    sky:  1 hit, union 2 -> 1/2; the void pixel is left out
    truth = np.array([[0, 0, 0, 10, 255]], np.uint8)
    prediction = np.array([[0, 0, 10, 10, 0]], np.uint8)
    figures = SEGMENTATION.figures(prediction, truth)
    assert figures.shape == (19, 19)
    assert figures[0].tolist() == [2.0] + [0.0] * 9 + [1.0] + [0.0] * 8
    assert SEGMENTATION.summarize(figures[None]) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_miou_counts_a_class_that_is_only_predicted():
    figures = SEGMENTATION.figures(np.array([[3, 0]], np.uint8), np.array([[0, 0]], np.uint8))
    assert SEGMENTATION.summarize(figures[None]) == pytest.approx((1 / 2 + 0) / 2)


def test_miou_is_of_one_matrix_for_all_images_and_not_a_mean_over_images():
    ones, zeros = np.ones((1, 4), np.uint8), np.zeros((1, 4), np.uint8)
    first = SEGMENTATION.figures(np.array([[0, 1, 1, 1]], np.uint8), zeros)
    second = SEGMENTATION.figures(ones, ones)
    # Class 0: 1 of 4; class 1: 4 of 7. The mean over images would be (1/8 + 1) / 2.
    assert SEGMENTATION.summarize(np.stack([first, second])) == pytest.approx((1 / 4 + 4 / 7) / 2)


def test_miou_of_nothing_is_undefined():
    void = np.full((2, 2), 255, np.uint8)
    figures = SEGMENTATION.figures(np.zeros((2, 2), np.uint8), void)
    assert np.isnan(SEGMENTATION.summarize(figures[None]))
    assert np.isnan(SEGMENTATION.summarize(np.zeros((0, 19, 19))))


@pytest.mark.parametrize("highest", [19, 11])
def test_miou_is_that_of_cityscapes_own_evaluator(tmp_path, highest):
    """On files on disk; with highest = 11, eight classes occur nowhere and must not count."""
    evaluator = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    random = np.random.default_rng(5)
    figures, predictions, truths = [], [], []
    for number in range(3):
        truth = random.integers(0, highest, (24, 40), dtype=np.uint8)
        wrong = random.integers(0, highest, (24, 40), dtype=np.uint8)
        prediction = np.where(random.random((24, 40)) < 0.6, truth, wrong)
        # Two ids that are not trained, so void in the truth.
        label_truth = seg.label_ids(truth)
        label_truth[:5] = random.choice(np.array([0, 4, 16], np.uint8), (5, 40))
        figures.append(SEGMENTATION.figures(prediction, seg.train_ids(label_truth)))
        truths.append(str(tmp_path / f"aachen_000000_{number:06}_gtFine_labelIds.png"))
        predictions.append(str(tmp_path / f"aachen_000000_{number:06}_prediction.png"))
        Image.fromarray(label_truth).save(truths[-1])
        Image.fromarray(seg.label_ids(prediction)).save(predictions[-1])
    arguments = copy.copy(evaluator.args)
    arguments.quiet, arguments.JSONOutput, arguments.evalInstLevelScore = True, False, False
    result = evaluator.evaluateImgLists(predictions, truths, arguments)
    ours = SEGMENTATION.summarize(np.stack(figures))
    assert 0.2 < ours < 0.9
    assert ours == pytest.approx(result["averageScoreClasses"], rel=1e-12)


def test_drawing_has_the_colors_of_cityscapes():
    labels = pytest.importorskip("cityscapesscripts.helpers.labels").trainId2label
    every = np.arange(seg.NUM_CLASSES, dtype=np.uint8)[None]
    picture = SEGMENTATION.draw(every)
    assert picture.dtype == np.uint8
    for train_id in range(seg.NUM_CLASSES):
        assert tuple(picture[0, train_id].tolist()) == labels[train_id].color
    assert SEGMENTATION.draw(np.array([[255]], np.uint8)).tolist() == [[[0, 0, 0]]]


@pytest.mark.parametrize("size", [(4, 8), (3, 5), (8, 16), (16, 48), (1, 1)])
def test_labels_are_resized_to_the_pixel_under_the_centre(size):
    labels = np.random.default_rng(1).integers(0, 34, (8, 16), dtype=np.uint8)
    resized = seg.resize_labels(labels, size)
    for row in range(size[0]):
        for column in range(size[1]):
            y = int((row + 0.5) * 8 / size[0])
            x = int((column + 0.5) * 16 / size[1])
            assert resized[row, column] == labels[y, x]
    pillow = Image.fromarray(labels).resize(size[::-1], Image.Resampling.NEAREST)
    np.testing.assert_array_equal(resized, np.asarray(pillow))
