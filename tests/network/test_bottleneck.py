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


@pytest.mark.parametrize("name", ["conv1x1", "narrow", "deep"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("channels", [CHANNELS, CHANNELS + 2])
def test_with_all_components_nothing_changes(name, signed, channels):
    values = features(signed)
    bottleneck = build_bottleneck(name, CHANNELS, channels)
    bottleneck.keep_principal(values)
    np.testing.assert_allclose(there_and_back(bottleneck, values), values, atol=1e-4)


@pytest.mark.parametrize("name", ["conv1x1", "narrow", "deep"])
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


def test_a_deep_one_is_a_narrow_one_until_its_blocks_are_trained():
    torch.manual_seed(0)
    narrow, deep = build_bottleneck("narrow", CHANNELS, 3), build_bottleneck("deep", CHANNELS, 3)
    assert len(narrow.state_dict()) < len(deep.state_dict())
    deep.load_state_dict(deep.state_dict() | narrow.state_dict())
    values = features(signed=True)
    np.testing.assert_array_equal(there_and_back(deep, values), there_and_back(narrow, values))
    assert deep.down.weight.shape == narrow.down.weight.shape


def test_residual_blocks_add_what_their_convolutions_say():
    deep = build_bottleneck("deep", 1, 1)
    _, _, _, first, second = deep.up.children()
    # Of a place and the one to its left: relu(2 x - 3 left + 1), then 5 times that and 7.
    with torch.no_grad():
        for convolution, middle, left, bias in ((first.first, 2, -3, 1), (first.second, 5, 0, 7)):
            convolution.weight.zero_()
            convolution.weight[0, 0, 1, :2] = torch.tensor([left, middle])
            convolution.bias.fill_(bias)
        values = second(first(torch.tensor([[[[1.0, -4.0, 6.0]]]])))
    # From 1, 0, 6 after the ReLU: 3, -2, 13; after the ReLU: 3, 0, 13; times 5, plus 7: 22, 7, 72.
    np.testing.assert_array_equal(values.ravel(), [1 + 22, -4 + 7, 6 + 72])
