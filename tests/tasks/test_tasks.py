"""What holds for every task in the table, ours and others'."""

import numpy as np
import pytest

from cofeat.errors import InvalidInputError
from cofeat.tasks import TASKS, load_task

ONE_TRUTH = {
    "segmentation": np.array([[0, 10], [18, 255]], np.uint8),
    "disparity": np.array([[0, 10.0], [30.5, 2.0]], np.float32),
    "reconstruction": np.arange(12, dtype=np.uint8).reshape(2, 2, 3),
}


@pytest.mark.parametrize("name", TASKS.names())
def test_a_task_keeps_the_contract(name):
    task = load_task(name)
    truth = ONE_TRUTH[name]
    assert task.name == name
    figures = task.figures(truth % 255 if name == "segmentation" else truth, truth)
    assert isinstance(figures, np.ndarray)
    assert figures.dtype == np.float64
    assert isinstance(task.summarize(np.stack([figures, figures])), float)
    # A perfect prediction is no worse than a spoilt one.
    spoilt = task.figures(np.zeros_like(truth), truth)
    assert task.summarize(figures[None]) > task.summarize(spoilt[None])
    picture = task.draw(truth)
    assert picture.dtype == np.uint8
    assert picture.shape == (2, 2, 3)


def test_an_unknown_task_is_refused_with_the_nearest():
    with pytest.raises(InvalidInputError, match=r"no task 'segmentations'.*'segmentation'"):
        load_task("segmentations")
