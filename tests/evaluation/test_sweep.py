"""What a sweep refuses before it measures anything."""

from dataclasses import replace

import pytest

from cofeat.errors import InvalidInputError
from cofeat.evaluation.sweep import Sweep
from cofeat.network.build import load_network


class Lacking:
    """A data set whose last sample has no disparity."""

    def __init__(self, dataset):
        self._dataset = dataset
        self.names, self.size = dataset.names, dataset.size

    def __len__(self):
        return len(self._dataset)

    def __getitem__(self, index):
        sample = self._dataset[index]
        if index < len(self) - 1:
            return sample
        truths = {task: truth for task, truth in sample.truths.items() if task != "disparity"}
        return replace(sample, truths=truths)


def test_a_sample_without_a_truth_is_named(exported, noise):
    with pytest.raises(InvalidInputError, match=r"no truth for disparity \('noise_2'\)"):
        Sweep(load_network(exported.checkpoint), Lacking(noise(3)))


def test_no_images_are_refused(exported, noise):
    with pytest.raises(InvalidInputError, match="no images to measure on"):
        Sweep(load_network(exported.checkpoint), noise(0))
