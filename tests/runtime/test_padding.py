from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cofeat.runtime.padding import crop, pad


@pytest.mark.parametrize(
    ("height", "width", "stride"), [(30, 50, 8), (1, 1, 32), (17, 31, 16), (5, 8, 8), (8, 5, 8)]
)
def test_padding_is_that_of_torch(height, width, stride):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, height, width), dtype=np.uint8)
    padded = pad(images, stride)
    below, right = -height % stride, -width % stride
    expected = F.pad(torch.from_numpy(images).float(), (0, right, 0, below), mode="replicate")
    np.testing.assert_array_equal(padded, expected.numpy())
    assert padded.dtype == np.uint8


def test_nothing_is_copied_where_nothing_is_missing():
    images = np.zeros((1, 3, 16, 32), np.uint8)
    assert pad(images, 8) is images


def test_cropping_follows_the_words():
    output = np.arange(2 * 8 * 16 * 3).reshape(2, 8, 16, 3)
    np.testing.assert_array_equal(crop(output, ("N", "H", "W", "3"), (5, 9)), output[:, :5, :9])
    np.testing.assert_array_equal(crop(output, ("N", "H", "16", "3"), (5, 9)), output[:, :5])
