"""Small networks for the tests of this room."""

import pytest
import torch

from cofeat.network.build import build_network


@pytest.fixture
def network():
    """Called with the arguments of ``build_network``, returns one of the tiny encoder."""

    def build(**config):
        torch.manual_seed(0)
        return build_network(**{"encoder": "tiny", **config})

    return build


@pytest.fixture
def pictures():
    """Called with a shape (N, 3, H, W), returns random uint8 images."""

    def make(*shape, seed=0):
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)

    return make
