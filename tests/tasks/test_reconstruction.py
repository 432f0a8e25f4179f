"""PSNR, against scikit-image's and worked by hand."""

import numpy as np
import pytest

from cofeat.tasks.reconstruction import MAX_PSNR_DB, RECONSTRUCTION, psnr_db


@pytest.mark.parametrize("spread", [1, 20, 200])
def test_psnr_is_that_of_scikit_image(spread):
    metrics = pytest.importorskip("skimage.metrics")
    random = np.random.default_rng(spread)
    truth = random.integers(0, 256, (12, 20, 3), dtype=np.uint8)
    noise = random.integers(-spread, spread + 1, truth.shape)
    prediction = np.clip(truth.astype(int) + noise, 0, 255).astype(np.uint8)
    expected = metrics.peak_signal_noise_ratio(truth, prediction, data_range=255)
    assert psnr_db(prediction, truth) == pytest.approx(expected, rel=1e-12)
    as_float = (prediction / 255.0).astype(np.float32)
    assert psnr_db(as_float, truth) == pytest.approx(expected, rel=1e-5)


def test_psnr_worked_by_hand():
    # An error of a tenth everywhere: -10 log10(0.01) = 20 dB.
    truth = np.full((4, 4, 3), 51, np.uint8)
    assert psnr_db(np.full((4, 4, 3), 0.3, np.float64), truth) == pytest.approx(20.0)


def test_a_prediction_is_clamped_before_it_is_measured():
    truth = np.full((2, 2, 3), 255, np.uint8)
    assert psnr_db(np.full((2, 2, 3), 7.5, np.float32), truth) == MAX_PSNR_DB
    assert psnr_db(np.full((2, 2, 3), -7.5, np.float32), truth) == pytest.approx(0.0)


def test_a_perfect_copy_has_the_greatest_psnr():
    image = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    assert psnr_db(image, image) == MAX_PSNR_DB


def test_the_summary_is_the_mean_over_images():
    white, grey = np.full((1, 1, 3), 255, np.uint8), np.full((1, 1, 3), 0.9)
    figures = np.stack([RECONSTRUCTION.figures(grey, white), np.asarray(30.0)])
    assert RECONSTRUCTION.summarize(figures) == pytest.approx(25.0)
    assert np.isnan(RECONSTRUCTION.summarize(np.zeros(0)))


def test_drawing_rounds_and_clamps():
    values = np.array([[[-1.0, 0.5, 2.0]]], np.float32)
    assert RECONSTRUCTION.draw(values).tolist() == [[[0, 128, 255]]]
    image = np.array([[[1, 2, 3]]], np.uint8)
    np.testing.assert_array_equal(RECONSTRUCTION.draw(image), image)
