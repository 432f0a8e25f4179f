"""A bottleneck that begins with the principal components of what it is to carry."""

import numpy as np
import pytest
import torch

from cofeat.errors import InvalidInputError
from cofeat.network.bottleneck import build_bottleneck, principal_components

CHANNELS = 6


def features(signed=False, rank=CHANNELS):
    """Features (4, 6, 5, 7) that fill so many directions."""
    random = np.random.default_rng(3)
    values = random.normal(0, 2, (4, 5, 7, rank)) @ random.normal(0, 1, (rank, CHANNELS)) + 1.0
    values = torch.from_numpy(np.moveaxis(values, -1, 1).astype(np.float32))
    return values if signed else values.relu()


def there_and_back(bottleneck, values):
    with torch.no_grad():
        return bottleneck.up(bottleneck.down(values)).numpy()


def test_components_are_those_of_a_singular_value_decomposition():
    values = features(signed=True)
    mean, components = principal_components(values, 3)
    vectors = np.moveaxis(values.numpy(), 1, -1).reshape(-1, CHANNELS).astype(np.float64)
    _, _, directions = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)
    np.testing.assert_allclose(mean, vectors.mean(0), rtol=1e-5)
    signs = np.sign((components.numpy() * directions[:3]).sum(1, keepdims=True))
    np.testing.assert_allclose(components, signs * directions[:3], atol=1e-5)


@pytest.mark.parametrize("name", ["conv1x1", "narrow"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("channels", [CHANNELS, CHANNELS + 2])
def test_with_all_components_nothing_changes(name, signed, channels):
    values = features(signed)
    bottleneck = build_bottleneck(name, CHANNELS, channels)
    bottleneck.keep_principal(values)
    np.testing.assert_allclose(there_and_back(bottleneck, values), values, atol=1e-4)


@pytest.mark.parametrize("name", ["conv1x1", "narrow"])
def test_as_many_components_as_there_are_directions_are_enough(name):
    values = features(signed=True, rank=2)
    bottleneck = build_bottleneck(name, CHANNELS, 2)
    bottleneck.keep_principal(values)
    np.testing.assert_allclose(there_and_back(bottleneck, values), values, atol=1e-4)


def test_what_is_lost_is_the_variance_of_the_other_directions():
    values = features(signed=True)
    bottleneck = build_bottleneck("conv1x1", CHANNELS, 4)
    bottleneck.keep_principal(values)
    vectors = np.moveaxis(values.numpy(), 1, -1).reshape(-1, CHANNELS).astype(np.float64)
    singular = np.linalg.svd(vectors - vectors.mean(0), compute_uv=False)
    lost = ((there_and_back(bottleneck, values) - values.numpy()) ** 2).sum()
    np.testing.assert_allclose(lost, (singular[4:] ** 2).sum(), rtol=1e-4)


def test_a_bottleneck_that_sends_everything_has_no_principal_start():
    with pytest.raises(
        InvalidInputError, match=r"NoBottleneck.* 6 channels: leave train\.bottleneck_start"
    ):
        build_bottleneck("none", CHANNELS, None).keep_principal(features())
