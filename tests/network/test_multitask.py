"""The whole network: sizes, normalization, tasks, bottlenecks."""

from itertools import combinations

import numpy as np
import pytest
import torch

from cofeat.errors import InvalidInputError
from cofeat.image import normalize

TASKS = ("segmentation", "disparity", "reconstruction")
OUTPUTS = {"segmentation": 19, "disparity": 1, "reconstruction": 3}


@pytest.mark.parametrize("size", [(30, 50), (32, 64), (1, 1), (8, 9), (33, 31)])
def test_any_size_comes_back_as_it_was(network, pictures, size):
    net = network().eval()
    images = pictures(2, 3, *size)
    with torch.no_grad():
        features, outputs = net(images)
    assert tuple(features.shape[1:]) == net.feature_shape(size)
    assert features.shape[2:] == (-(-size[0] // 8), -(-size[1] // 8))
    for task, output in outputs.items():
        assert output.shape == (2, OUTPUTS[task], *size)


def test_padding_repeats_the_edge(network, pictures):
    """A padded image has the features of one that was so from the start."""
    net = network().eval()
    image = pictures(1, 3, 30, 50)
    padded = np.pad(image.numpy(), ((0, 0), (0, 0), (0, 2), (0, 6)), mode="edge")
    with torch.no_grad():
        assert torch.equal(net.encode(image), net.encode(torch.from_numpy(padded)))


@pytest.mark.parametrize("encoder", ["tiny", "efficientnet_lite0"])
def test_normalization_is_the_devices_to_the_bit(network, encoder, monkeypatch):
    net = network(encoder=encoder, cut="stride8").eval()
    every_value = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = np.stack([every_value, every_value.T, 255 - every_value], axis=-1)
    seen = []
    monkeypatch.setattr(net.encoder, "forward", lambda x: seen.append(x) or x)
    net.encode(torch.from_numpy(image).permute(2, 0, 1)[None])
    expected = normalize(image, net.encoder.mean, net.encoder.std)
    np.testing.assert_array_equal(seen[0][0].numpy().view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("tasks", [c for count in (1, 2, 3) for c in combinations(TASKS, count)])
def test_any_subset_of_tasks(network, pictures, tasks):
    net = network(tasks=tasks).eval()
    assert net.tasks == tasks
    features = net.encode(pictures(1, 3, 16, 16))
    assert tuple(net.decode(features, (16, 16))) == tasks
    assert tuple(net.predict(features, (16, 16), tasks[:1])) == tasks[:1]


def test_no_task_is_refused(network):
    with pytest.raises(InvalidInputError, match="at least one task"):
        network(tasks=())


def test_testing_quantizes_between_the_halves(network, pictures):
    net = network(bits=2).eval()
    images = pictures(1, 3, 32, 32)
    with torch.no_grad():
        features, outputs = net(images)
        expected = net.decode(net.qlayer(features), (32, 32))
        uncoded = net.decode(features, (32, 32))
    assert len(net.qlayer(features).unique()) <= 4
    for task in net.tasks:
        assert torch.equal(outputs[task], expected[task])
        assert not torch.equal(outputs[task], uncoded[task])


def test_training_uses_the_noise_it_is_given(network, pictures):
    net = network().train()
    images, shape = pictures(2, 3, 16, 16), (2, *network().feature_shape((16, 16)))
    noise = torch.rand(shape) - 0.5
    first = net(images, noise)[1]["disparity"]
    assert torch.equal(net(images, noise)[1]["disparity"], first)
    assert not torch.equal(net(images, -noise)[1]["disparity"], first)


def test_without_a_bottleneck_the_encoders_features_are_sent(network, pictures):
    net = network().eval()
    image = pictures(1, 3, 16, 16)
    expected = net.encoder(torch.from_numpy(normalize(image[0].permute(1, 2, 0).numpy()))[None])
    assert torch.equal(net.encode(image), expected)
    with pytest.raises(InvalidInputError, match="use bottleneck 'conv1x1' to send 4"):
        network(bottleneck_channels=4)


@pytest.mark.parametrize(("given", "sent"), [(None, 16), (5, 5)])
def test_conv1x1_sends_fewer_channels(network, pictures, given, sent):
    net = network(bottleneck="conv1x1", bottleneck_channels=given).eval()
    assert net.feature_shape((30, 50)) == (sent, 4, 7)
    features, outputs = net(pictures(1, 3, 30, 50))
    assert features.shape == (1, sent, 4, 7)
    assert outputs["segmentation"].shape == (1, 19, 30, 50)
    assert net.bottleneck.down.weight.shape == (sent, 64, 1, 1)
    assert net.bottleneck.up.weight.shape == (64, sent, 1, 1)


@pytest.mark.parametrize(("given", "sent"), [(None, 16), (3, 3)])
def test_narrow_sees_no_neighbors_on_the_device_and_two_rings_in_the_cloud(network, given, sent):
    net = network(bottleneck="narrow", bottleneck_channels=given).eval()
    assert net.feature_shape((30, 50)) == (sent, 4, 7)
    generator = torch.Generator().manual_seed(0)
    for half, channels, reach in ((net.bottleneck.down, 64, 0), (net.bottleneck.up, sent, 2)):
        before = torch.randn(1, channels, 9, 9, generator=generator)
        after = before.clone()
        after[0, :, 4, 4] += 100
        with torch.no_grad():
            changed = (half(after) != half(before)).any(dim=1)[0]
        assert half(before).shape == (1, sent if channels == 64 else 64, 9, 9)
        expected = torch.zeros(9, 9, dtype=torch.bool)
        expected[4 - reach : 5 + reach, 4 - reach : 5 + reach] = True
        assert torch.equal(changed, expected)


def test_narrow_trains_end_to_end(network, pictures):
    net = network(bottleneck="narrow", bottleneck_channels=3, step=1.0).train()
    features, outputs = net(pictures(2, 3, 16, 16))
    assert features.shape == (2, 3, 2, 2)
    sum(output.square().mean() for output in outputs.values()).backward()
    for name, parameter in net.bottleneck.named_parameters():
        assert parameter.grad.any(), name


def test_an_unknown_bottleneck_is_refused(network):
    with pytest.raises(InvalidInputError, match="Did you mean 'conv1x1'"):
        network(bottleneck="conv1")


def test_a_bottleneck_that_shrinks_pads_to_its_stride(network, pictures):
    """A third party's bottleneck may halve the resolution."""
    net = network().eval()
    net.bottleneck.stride, net.bottleneck.channels = 2, 64
    net.bottleneck.down, net.bottleneck.up = (
        torch.nn.AvgPool2d(2),
        torch.nn.Upsample(scale_factor=2),
    )
    features, outputs = net(pictures(1, 3, 20, 40))
    assert tuple(features.shape[1:]) == net.feature_shape((20, 40)) == (64, 2, 3)
    assert outputs["disparity"].shape == (1, 1, 20, 40)


def test_memory_order_does_not_matter(network, pictures):
    images = pictures(2, 3, 32, 32)
    plain, last = network().eval(), network().eval().to(memory_format=torch.channels_last)
    with torch.no_grad():
        torch.testing.assert_close(plain.encode(images), last.encode(images), atol=1e-4, rtol=1e-4)
