"""Disparity: files, resizing without mixing, the measure and drawing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cofeat.tasks import disparity as dis
from cofeat.tasks.disparity import DISPARITY


def test_16_bit_values_are_those_of_cityscapes():
    stored = np.array([0, 1, 2, 257, 65535], np.uint16)
    pixels = dis.from_png16(stored)
    # 1 would be 0 px, which means invalid: it becomes the smallest step.
    assert pixels.tolist() == [0.0, 1 / 256, 1 / 256, 1.0, 65534 / 256]
    assert pixels.dtype == np.float32
    assert dis.to_png16(pixels).tolist() == [0, 2, 2, 257, 65535]


@given(arrays.arrays(np.uint16, (3, 4), elements=st.integers(2, 65535) | st.just(0)))
def test_16_bit_values_come_back(stored):
    np.testing.assert_array_equal(dis.to_png16(dis.from_png16(stored)), stored)


def test_disparity_beyond_the_file_is_cut_and_never_turns_invalid():
    values = np.array([300.0, 1e-6], np.float32)
    assert dis.to_png16(values).tolist() == [65535, 1]


def resized_by_loops(disparity, size):
    """Mean of the valid area under each new pixel, invalid where less than half is valid."""
    height, width = disparity.shape
    result = np.zeros(size)
    for i in range(size[0]):
        for j in range(size[1]):
            top, bottom = i * height / size[0], (i + 1) * height / size[0]
            left, right = j * width / size[1], (j + 1) * width / size[1]
            total = area = 0.0
            for y in range(height):
                for x in range(width):
                    tall = max(0.0, min(bottom, y + 1) - max(top, y))
                    wide = max(0.0, min(right, x + 1) - max(left, x))
                    if disparity[y, x] > 0:
                        total += disparity[y, x] * tall * wide
                        area += tall * wide
            if area / ((bottom - top) * (right - left)) >= 0.5 - 1e-9:
                result[i, j] = total / area
    return result


@pytest.mark.parametrize("size", [(3, 6), (6, 12), (12, 24), (4, 8), (5, 7), (3, 9), (18, 31)])
def test_resizing_is_the_mean_of_the_valid_area(size):
    random = np.random.default_rng(2)
    disparity = random.uniform(1, 100, (12, 24)).astype(np.float32)
    disparity[random.random((12, 24)) < 0.45] = 0
    resized = dis.resize_disparity(disparity, size)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, resized_by_loops(disparity, size), rtol=1e-6)


def test_resizing_worked_by_hand():
    # 2x2 blocks: all valid; two of four valid (half is enough); one of four; none.
    disparity = np.array([[1, 2, 0, 8, 5, 0, 0, 0], [3, 6, 4, 0, 0, 0, 0, 0]], np.float32)
    assert dis.resize_disparity(disparity, (1, 4)).tolist() == [[3.0, 6.0, 0.0, 0.0]]


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(np.float32, (6, 10), elements=st.just(0.0) | st.floats(50, 60, width=32)),
    st.integers(1, 13),
    st.integers(1, 13),
)
def test_valid_and_invalid_never_mix(disparity, height, width):
    # All valid values are near 55: had a 0 slipped in, a mean would lie below 50.
    resized = dis.resize_disparity(disparity, (height, width))
    valid = resized[resized != 0]
    assert ((valid >= 50 - 1e-4) & (valid <= 60 + 1e-4)).all()
    if not disparity.any():
        assert not resized.any()
    if disparity.all():
        assert resized.all()


def test_irmse_worked_by_hand():
    truth = np.array([[10.0, 20.0, 0.0]], np.float32)
    first = DISPARITY.figures(np.array([[13.0, 24.0, 99.0]]), truth)  # sqrt((9 + 16) / 2)
    second = DISPARITY.figures(np.array([[11.0, 19.0, -5.0]]), truth)  # 1
    assert first.shape == ()
    assert float(first) == pytest.approx(np.sqrt(12.5))
    # One over the mean of the RMSEs, not the mean of their inverses.
    summary = DISPARITY.summarize(np.stack([first, second]))
    assert summary == pytest.approx(2 / (np.sqrt(12.5) + 1))


def test_images_without_a_valid_pixel_are_left_out():
    nothing = DISPARITY.figures(np.ones((1, 2)), np.zeros((1, 2), np.float32))
    assert np.isnan(nothing)
    assert DISPARITY.summarize(np.array([2.0, np.nan])) == 0.5
    assert np.isnan(DISPARITY.summarize(np.array([np.nan])))
    assert np.isnan(DISPARITY.summarize(np.zeros(0)))


def test_a_prediction_that_is_no_number_is_infinitely_wrong():
    truth = np.array([[10.0, 20.0, 0.0]], np.float32)
    assert DISPARITY.figures(np.array([[10.0, np.nan, 5.0]]), truth) == np.inf
    assert DISPARITY.figures(np.array([[10.0, 20.0, np.nan]]), truth) == 0
    assert DISPARITY.summarize(np.array([np.inf, 2.0])) == 0


def test_a_perfect_disparity_is_infinitely_good():
    assert DISPARITY.summarize(np.array([0.0])) == np.inf


def test_drawing_is_dark_far_light_near_and_black_where_invalid():
    picture = DISPARITY.draw(np.array([[0.0, 1.0, 40.0, 80.0, 127.0, 500.0, -3.0]], np.float32))
    assert picture.shape == (1, 7, 3)
    assert picture.dtype == np.uint8
    luminance = picture[0].astype(float) @ (0.299, 0.587, 0.114)
    assert luminance[0] == luminance[6] == 0
    assert (np.diff(luminance[1:5]) > 20).all()
    assert picture[0, 5].tolist() == [246, 215, 70]
