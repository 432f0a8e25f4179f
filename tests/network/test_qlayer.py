"""The Q-layer: in testing the numpy quantizer to the bit, in training noise of its size."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cofeat.errors import InvalidInputError
from cofeat.feature.quantizer import dequantize, quantize
from cofeat.network.qlayer import QLayer, feature_range, quantize_dequantize

# Beyond 2^126 the quantizer refuses; up to there everything must agree.
finite = st.floats(-(2.0**126), 2.0**126, width=32)
anything = st.one_of(
    finite,
    st.floats(-10, 10, width=32),
    st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 2.0**126, -(2.0**126)]),
)
tensors = arrays(np.float32, array_shapes(min_dims=3, max_dims=3, max_side=4), elements=anything)


def reference(features, bits, per_channel=False, step=None):
    with np.errstate(all="ignore"):
        return dequantize(quantize(features, bits, per_channel, step))


def assert_same_bits(ours, expected):
    np.testing.assert_array_equal(ours.view(np.uint32), expected.view(np.uint32))


def features(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=400, deadline=None)
@given(tensors, st.integers(1, 16), st.booleans())
@example(np.full((2, 2, 2), 7.25, np.float32), 8, False)
@example(np.full((2, 2, 2), np.nan, np.float32), 8, True)
@example(np.full((2, 2, 2), np.inf, np.float32), 8, False)
@example(np.array([[[np.nan, np.inf, -np.inf, 1.0, 3.0]]], np.float32), 4, False)
@example(np.array([[[5.0, np.inf, -np.inf, np.nan]]], np.float32), 8, True)
@example(np.array([[[-(2.0**126), 2.0**126, 1.0]]], np.float32), 16, False)
@example(np.array([[[0.0, 1e-45]]], np.float32), 16, False)
@example(np.array([[[0.0, -0.0, 1.0]]], np.float32), 8, False)
@example(np.array([[[0.0, 0.5, 1.5, 2.5, 3.0]]], np.float32), 2, False)
def test_testing_equals_the_quantizer_to_the_bit(array, bits, per_channel):
    layer = QLayer(bits, per_channel).eval()
    ours = layer(torch.from_numpy(array)[None])[0].numpy()
    assert_same_bits(ours, reference(array, bits, per_channel))


@pytest.mark.parametrize("bits", range(1, 17))
@pytest.mark.parametrize("per_channel", [False, True])
def test_batches_of_ordinary_features_equal_the_quantizer(bits, per_channel):
    """Each image has a range of its own."""
    batch = features(3, 8, 8, 16) * torch.tensor([0.01, 1.0, 300.0]).view(3, 1, 1, 1)
    ours = quantize_dequantize(batch, bits, per_channel).numpy()
    for image, expected in zip(ours, batch.numpy(), strict=True):
        assert_same_bits(image, reference(expected, bits, per_channel))
    levels = {len(np.unique(image)) for image in ours} if not per_channel else {1}
    assert max(levels) <= 2**bits


@given(tensors, st.integers(1, 16), st.floats(2.0**-20, 2.0**20))
@example(np.array([[[np.nan, np.inf, -np.inf, 0.0, -0.0, 0.5, -0.5]]], np.float32), 8, 1.0)
@example(np.array([[[1e30, -1e30, 12.7, 12.8, -12.8, 0.05]]], np.float32), 8, 0.1)
def test_testing_at_a_fixed_step_equals_the_quantizer_to_the_bit(array, bits, step):
    ours = QLayer(bits, step=step).eval()(torch.from_numpy(array)[None])[0].numpy()
    assert_same_bits(ours, reference(array, bits, step=step))


def test_a_fixed_step_by_hand():
    """Two bits, a step of 2: levels -4, -2, 0, 2; a tie goes to the even integer."""
    values = torch.tensor([[[[-9.0, -3.0, -1.0, 0.9, 1.0, 1.1, 3.0, 9.0]]]])
    expected = [-4.0, -4.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0]
    assert quantize_dequantize(values, 2, step=2.0).tolist() == [[[expected]]]


def test_noise_of_a_fixed_step_does_not_know_the_range():
    batch = features(2, 4, 16, 16)
    given_noise = torch.rand(batch.shape, generator=torch.Generator().manual_seed(1)) - 0.5
    for scale in (1.0, 50.0):
        noisy = QLayer(8, step=0.25).train()(scale * batch, given_noise)
        torch.testing.assert_close(noisy, scale * batch + 0.25 * given_noise)


def test_three_levels_by_hand():
    """Range 0..3, two bits: step 1; a tie goes to the even integer."""
    values = torch.tensor([[[[0.0, 0.5, 1.5, 2.4, 3.0]]]])
    assert quantize_dequantize(values, 2).tolist() == [[[[0.0, 0.0, 2.0, 2.0, 3.0]]]]


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_training_noise_stays_within_half_a_step(bits, per_channel):
    batch = features(2, 4, 16, 16) * torch.tensor([1.0, 50.0]).view(2, 1, 1, 1)
    noisy = QLayer(bits, per_channel).train()(batch)
    axes = (2, 3) if per_channel else (1, 2, 3)
    array = batch.double().numpy()
    span = array.max(axis=axes, keepdims=True) - array.min(axis=axes, keepdims=True)
    in_steps = (noisy.double().numpy() - array) / (span / (2**bits - 1))
    assert np.abs(in_steps).max() <= 0.5 + 1e-3
    assert in_steps.min() < -0.45
    assert in_steps.max() > 0.45
    # Uniform in (-1/2, 1/2): variance 1/12.
    assert in_steps.var() == pytest.approx(1 / 12, rel=0.1)


def test_noise_is_the_one_given():
    batch = features(1, 2, 4, 4)
    given_noise = torch.full_like(batch, 0.25)
    low, high = feature_range(batch)
    noisy = QLayer(8).train()(batch, given_noise)
    torch.testing.assert_close(noisy, batch + 0.25 * (high - low) / 255)
    again = QLayer(8).train()(batch, given_noise)
    assert torch.equal(noisy, again)


def test_noise_of_a_fixed_amplitude_does_not_know_the_range():
    batch = features(1, 4, 16, 16)
    for scale in (1.0, 100.0):
        noise = QLayer(8, noise=0.002).train()(scale * batch) - scale * batch
        assert noise.abs().max() <= 0.002 + 1e-5 * scale
        assert noise.abs().max() > 0.0018
    assert torch.equal(QLayer(8, noise=0.0).train()(batch), batch)


def test_gradients_pass_in_training():
    """The noise's width follows the range, so the extremes get their part of it."""
    batch = features(1, 1, 4, 4).requires_grad_()
    noise = torch.full_like(batch, 0.5)
    QLayer(4).train()(batch, noise).sum().backward()
    expected = torch.ones(16)
    flat = batch.detach().flatten()
    expected[flat.argmax()] += 16 * 0.5 / 15
    expected[flat.argmin()] -= 16 * 0.5 / 15
    torch.testing.assert_close(batch.grad.flatten(), expected)


@pytest.mark.parametrize("bits", [0, 17, -1])
def test_bits_out_of_range_are_refused(bits):
    with pytest.raises(InvalidInputError, match="use 1 to 16"):
        QLayer(bits)


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan"), float("inf"), 2.0**120])
def test_a_step_out_of_range_is_refused(step):
    with pytest.raises(InvalidInputError, match="give a positive number"):
        QLayer(8, step=step)


@pytest.mark.parametrize("noise", [-0.1, float("nan")])
def test_noise_out_of_range_is_refused(noise):
    with pytest.raises(InvalidInputError, match="use 'step' or a number"):
        QLayer(8, noise=noise)
