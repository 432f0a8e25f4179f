"""Predictions as tensors and as files; Pillow reads what was written."""

import io

import numpy as np
import pytest
from PIL import Image

from cofeat.cloud.outputs import check_finite, check_format, output_tensor, picture_file
from cofeat.errors import InvalidInputError
from cofeat.tasks import TASKS
from cofeat.tasks.segmentation import SEGMENTATION

IDS = np.array([[0, 18], [13, 255]], np.uint8)
DISPARITY = np.array([[0.0, 0.5], [1.0, 300.0]], np.float32)


def pixels(data):
    return np.array(Image.open(io.BytesIO(data)))


def test_labels_are_grey_levels():
    np.testing.assert_array_equal(pixels(picture_file("segmentation", IDS, "png")), IDS)


def test_disparity_is_that_of_cityscapes():
    # 256 d + 1, 0 for no disparity, at most 65535.
    written = pixels(picture_file("disparity", DISPARITY, "png"))
    np.testing.assert_array_equal(written, [[0, 129], [257, 65535]])


def test_a_picture_is_rounded():
    values = np.array([[[0.0, 0.5, 1.0]]], np.float32)
    np.testing.assert_array_equal(
        pixels(picture_file("reconstruction", values, "png")), [[[0, 128, 255]]]
    )
    tensor = output_tensor("reconstruction", [values], "raw")
    assert (tensor.datatype, tensor.shape) == ("UINT8", (1, 1, 1, 3))


def test_what_is_drawn_has_the_task_s_colors():
    drawn = pixels(picture_file("segmentation", IDS, "color"))
    np.testing.assert_array_equal(drawn, SEGMENTATION.draw(IDS))


def test_raw_is_what_the_task_measures():
    tensor = output_tensor("disparity", [DISPARITY, DISPARITY], "raw")
    assert (tensor.datatype, tensor.shape) == ("FP32", (2, 2, 2))
    np.testing.assert_array_equal(tensor.array[1], DISPARITY)


def test_a_task_of_another_package_is_drawn_or_raw(monkeypatch):
    class Edges:
        def draw(self, values):
            return np.repeat(values[..., None], 3, axis=2)

    monkeypatch.setattr(TASKS, "load", lambda name: Edges())
    np.testing.assert_array_equal(pixels(picture_file("edges", IDS, "color"))[..., 0], IDS)
    assert output_tensor("edges", [IDS], "raw").datatype == "UINT8"
    with pytest.raises(InvalidInputError, match="no format 'png'"):
        picture_file("edges", IDS, "png")


@pytest.mark.parametrize("name", ["exe", "", 5, None, True])
def test_other_formats_are_refused(name):
    with pytest.raises(InvalidInputError, match="use raw, png, color, jpeg"):
        check_format(name)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value):
    check_finite("disparity", DISPARITY)
    with pytest.raises(InvalidInputError, match="disparity is not finite"):
        check_finite("disparity", np.array([1.0, value], np.float32))
