from __future__ import annotations

import numpy as np
import pytest

from cofeat.evaluation.points import PerImage
from cofeat.evaluation.resampling import draw_counts, resampled_measure, resampled_rates
from cofeat.tasks import load_task


def test_every_resample_has_as_many_images():
    counts = draw_counts(images=7, resamples=500, seed=1)
    assert counts.shape == (500, 7)
    assert np.all(counts.sum(axis=1) == 7)
    # Each image is drawn once on average; the variance is N (1/N) (1 - 1/N).
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.15)
    np.testing.assert_allclose(counts.var(axis=0), 6 / 7, atol=0.25)


def test_same_seed_same_draws():
    np.testing.assert_array_equal(draw_counts(5, 9, seed=3), draw_counts(5, 9, seed=3))
    assert not np.array_equal(draw_counts(5, 9, seed=3), draw_counts(5, 9, seed=4))


@pytest.mark.parametrize("task", ["segmentation", "disparity", "reconstruction"])
def test_equals_summarize_of_the_drawn_images(make_curve, task):
    per_image = make_curve(images=6).per_image
    counts = draw_counts(6, 20, seed=0)
    # Resamples that miss the only image of a class, or hold nothing but the one without disparity.
    counts[0] = [0, 1, 1, 1, 1, 2]
    counts[1] = [0, 0, 6, 0, 0, 0]
    values = resampled_measure(per_image, task, counts)
    for resample, row in enumerate(counts.astype(int)):
        drawn = np.repeat(np.arange(6), row)
        for point, figures in enumerate(per_image.figures[task]):
            expected = load_task(task).summarize(figures[drawn])
            np.testing.assert_allclose(values[resample, point], expected, rtol=1e-12)


def test_task_without_a_faster_form_is_summarized(make_curve, monkeypatch):
    per_image = make_curve(images=6).per_image
    counts = draw_counts(6, 10, seed=0)
    fast = resampled_measure(per_image, "segmentation", counts)
    monkeypatch.setattr("cofeat.evaluation.resampling._FASTER", {})
    slow = resampled_measure(per_image, "segmentation", counts)
    np.testing.assert_allclose(slow, fast, rtol=1e-12)


def test_rates_worked_by_hand():
    per_image = PerImage(
        names=("a", "b"),
        bytes=np.array([[100, 300]]),
        elements=np.array([1000, 600]),
        pixels=np.array([2000, 4400]),
        figures={},
    )
    counts = np.array([[1.0, 1.0], [2.0, 0.0]])
    assert resampled_rates(per_image, "mean_bytes", counts).tolist() == [[200], [100]]
    assert resampled_rates(per_image, "bpfe", counts).tolist() == [[2.0], [0.8]]
    assert resampled_rates(per_image, "bpp", counts).tolist() == [[0.5], [0.4]]
