"""ResNet-34 against what is known of it: shapes, torchvision's keys, number of parameters."""

import pytest
import torch

from cofeat.network.encoders import build_encoder
from cofeat.network.encoders.resnet34 import BasicBlock

# torchvision's resnet34 has 21,797,672 parameters, of which 512 * 1000 + 1000 are the classifier's.
BODY_PARAMETERS = 21_797_672 - 513_000


def keys_of(prefix, *names):
    return [f"{prefix}{name}" for name in names]


def batch_norm(prefix):
    return keys_of(
        prefix, ".weight", ".bias", ".running_mean", ".running_var", ".num_batches_tracked"
    )


def block(prefix, downsample=False):
    keys = [f"{prefix}.conv1.weight", *batch_norm(f"{prefix}.bn1")]
    keys += [f"{prefix}.conv2.weight", *batch_norm(f"{prefix}.bn2")]
    if downsample:
        keys += [f"{prefix}.downsample.0.weight", *batch_norm(f"{prefix}.downsample.1")]
    return keys


@pytest.mark.parametrize(
    ("cut", "shape"),
    [
        ("layer4", (512, 8, 16)),
        ("layer3", (256, 16, 32)),
        ("layer2", (128, 32, 64)),
    ],
)
def test_features_of_the_papers_size(cut, shape):
    encoder = build_encoder("resnet34", cut).eval()
    with torch.no_grad():
        features = encoder(torch.zeros(1, 3, 256, 512))
    assert tuple(features.shape[1:]) == shape
    assert encoder.channels == shape[0]
    assert encoder.stride == 256 // shape[1]


def test_number_of_parameters_is_that_of_the_body():
    encoder = build_encoder("resnet34")
    assert sum(parameter.numel() for parameter in encoder.parameters()) == BODY_PARAMETERS
    assert BODY_PARAMETERS == 21_284_672


def test_keys_are_torchvisions():
    expected = ["conv1.weight", *batch_norm("bn1")]
    for stage, blocks in (("layer1", 3), ("layer2", 4), ("layer3", 6), ("layer4", 3)):
        for index in range(blocks):
            expected += block(f"{stage}.{index}", downsample=stage != "layer1" and index == 0)
    assert list(build_encoder("resnet34").state_dict()) == expected


def test_an_earlier_cut_has_the_same_keys_without_the_rest():
    whole = list(build_encoder("resnet34").state_dict())
    cut = list(build_encoder("resnet34", "layer3").state_dict())
    assert cut == [key for key in whole if not key.startswith("layer4")]


def test_a_block_adds_its_input():
    """With its last scale at 0 a block is relu(x)."""
    layer = BasicBlock(4, 4, 1).eval()
    torch.nn.init.zeros_(layer.bn2.weight)
    x = torch.randn(1, 4, 5, 5)
    torch.testing.assert_close(layer(x), x.relu())
