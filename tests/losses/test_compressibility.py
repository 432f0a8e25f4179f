"""L_c against loops written from its formulas, and against scipy's transform."""

import math

import numpy as np
import pytest
import torch
from scipy.fft import dctn

from cofeat.losses.compressibility import (
    absolute,
    bits_sum,
    coefficients,
    compressibility_sum,
    dct_matrix,
    residual,
)


def features(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def loss(values, **options):
    return compressibility_sum(values, **options) / values.numel()


def residual_by_loops(f):
    """r of one channel (H, W), element by element."""
    r = np.zeros_like(f)
    for i in range(f.shape[0]):
        for j in range(f.shape[1]):
            h = f[i, j] - f[i, j - 1] if j > 0 else f[i, 0]
            v = f[i, j] - f[i - 1, j] if i > 0 else f[0, j]
            r[i, j] = (h + v) / 2
    return r


def transform_by_loops(r):
    """The DCT-II of one channel, from its sum."""
    height, width = r.shape
    t = np.zeros_like(r)
    for k in range(height):
        for m in range(width):
            scale = math.sqrt((1 if k == 0 else 2) / height * (1 if m == 0 else 2) / width)
            total = 0.0
            for i in range(height):
                for j in range(width):
                    total += (
                        r[i, j]
                        * math.cos(math.pi * (2 * i + 1) * k / (2 * height))
                        * math.cos(math.pi * (2 * j + 1) * m / (2 * width))
                    )
            t[k, m] = scale * total
    return t


@pytest.mark.parametrize("size", [(2, 2), (3, 5), (8, 4), (1, 6), (1, 1)])
def test_literal_form_equals_the_formulas_written_as_loops(size):
    values = features(2, 3, *size)
    total = 0.0
    for image in values.double().numpy():
        for channel in image:
            total += np.abs(transform_by_loops(residual_by_loops(channel))).sum()
    assert float(compressibility_sum(values, form="literal")) == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("size", [(8, 16), (16, 32), (7, 13)])
def test_coefficients_equal_scipy(size):
    values = features(2, 4, *size)
    channels = residual(values).double().numpy()
    expected = dctn(channels, axes=(2, 3), norm="ortho")
    np.testing.assert_allclose(coefficients(values).numpy(), expected, atol=2e-5)


def test_two_by_two_by_hand():
    """f = [[1, 2], [3, 5]].

    h = [[1, 1], [3, 2]], v = [[1, 2], [2, 3]], r = [[1, 1.5], [2.5, 2.5]];
    D = [[1, 1], [1, -1]] / sqrt(2), so T = [[7.5, -0.5], [-2.5, -0.5]] / 2, and
    the mean of |T| is 11 / 8. The range is 4.
    """
    values = torch.tensor([[[[1.0, 2.0], [3.0, 5.0]]]])
    expected = torch.tensor([[3.75, -0.25], [-1.25, -0.25]])
    torch.testing.assert_close(coefficients(values)[0, 0], expected)
    assert float(loss(values, form="literal")) == pytest.approx(11 / 8)
    assert float(loss(values, form="scale_free")) == pytest.approx(11 / 8 / 4)


def test_transform_is_orthonormal():
    matrix = dct_matrix(32).double()
    torch.testing.assert_close(
        matrix @ matrix.T, torch.eye(32, dtype=torch.float64), atol=1e-6, rtol=0
    )


def test_derivative_of_the_absolute_value_at_zero_is_one():
    x = torch.tensor([-2.0, -0.0, 0.0, 3.0], requires_grad=True)
    y = absolute(x)
    assert y.tolist() == [2.0, 0.0, 0.0, 3.0]
    y.sum().backward()
    assert x.grad.tolist() == [-1.0, 1.0, 1.0, 1.0]


def test_gradient_of_a_zero_channel_is_that_of_all_signs_positive():
    """With every T = 0 the loss acts as sum T; torch's own |x| would give no gradient at all."""
    values = torch.zeros(1, 1, 2, 2, requires_grad=True)
    compressibility_sum(values, form="literal").backward()
    # d sum(T) / d r[0, 0] = (D[0,0] + D[1,0])^2 = 2, and 0 for the other three.
    # r[0, 0] = f[0, 0], so only f[0, 0] has a gradient.
    torch.testing.assert_close(values.grad[0, 0], torch.tensor([[2.0, 0.0], [0.0, 0.0]]))


@pytest.mark.parametrize("per_channel", [False, True])
def test_scale_free_form_does_not_change_with_scale(per_channel):
    values = features(2, 3, 8, 8)
    options = {"form": "scale_free", "per_channel": per_channel}
    assert float(loss(10 * values, **options)) == pytest.approx(float(loss(values, **options)))


def test_literal_form_changes_with_scale():
    values = features(2, 3, 8, 8)
    ratio = loss(10 * values, form="literal") / loss(values, form="literal")
    assert float(ratio) == pytest.approx(10.0)


@pytest.mark.parametrize("per_channel", [False, True])
def test_scale_free_form_is_the_literal_one_of_features_over_their_range(per_channel):
    values = features(2, 3, 4, 4) * torch.tensor([1.0, 5.0]).view(2, 1, 1, 1)
    axes = (2, 3) if per_channel else (1, 2, 3)
    array = values.numpy()
    span = array.max(axis=axes, keepdims=True) - array.min(axis=axes, keepdims=True)
    divided = torch.from_numpy(array / span)
    assert float(loss(values, form="scale_free", per_channel=per_channel)) == pytest.approx(
        float(loss(divided, form="literal")), rel=1e-5
    )


@pytest.mark.parametrize("per_channel", [False, True])
def test_gradient_of_the_scale_free_form_reaches_minimum_and_maximum(per_channel):
    """Finite differences, which know nothing of the code, agree at every element."""
    values = features(1, 2, 3, 4, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: compressibility_sum(x, "scale_free", per_channel), values, eps=1e-7, atol=1e-5
    )
    # Euler: a function that scaling does not change has no gradient along its argument.
    # Without the gradient through the range it would be the loss itself.
    (gradient,) = torch.autograd.grad(
        compressibility_sum(values, "scale_free", per_channel), values
    )
    assert float((gradient * values).sum().detach()) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_constant_features_count_nothing_and_have_no_gradient(value):
    """Their integers are all 0, whatever their value."""
    values = torch.full((1, 2, 4, 4), value)
    values[0, 1] = features(4, 4)
    values.requires_grad_()
    total = compressibility_sum(values, "scale_free", per_channel=True)
    total.backward()
    alone = compressibility_sum(values[:, 1:].detach(), "scale_free")
    assert float(total.detach()) == pytest.approx(float(alone))
    assert not values.grad[0, 0].any()
    assert values.grad[0, 1].any()


def test_bits_by_hand():
    """The T of the example above in steps of 1/4 are 15, 1, 5 and 1."""
    values = torch.tensor([[[[1.0, 2.0], [3.0, 5.0]]]])
    expected = 4 + 1 + math.log2(6) + 1
    assert float(bits_sum(values, torch.tensor(0.25))) == pytest.approx(expected)


def test_bits_are_those_of_each_images_own_steps():
    values, widths = features(3, 2, 4, 8), torch.tensor([0.1, 1.0, 0.0]).view(3, 1, 1, 1)
    levels = np.abs(coefficients(values).numpy()[:2]) / widths.numpy()[:2]
    # Features without a range, the third's, are all 0 and cost nothing.
    assert float(bits_sum(values, widths)) == pytest.approx(np.log2(1 + levels).sum(), rel=1e-5)


def test_gradient_of_the_bits_reaches_features_and_steps():
    values = features(2, 2, 3, 4, dtype=torch.float64).requires_grad_()
    widths = torch.tensor([0.1, 0.7], dtype=torch.float64).view(2, 1, 1, 1).requires_grad_()
    assert torch.autograd.gradcheck(bits_sum, (values, widths), eps=1e-7, atol=1e-5)


def test_features_without_a_range_have_no_gradient_by_their_bits():
    values = torch.full((1, 1, 4, 4), 3.0, requires_grad=True)
    bits_sum(values, torch.zeros(1, 1, 1, 1)).backward()
    assert not values.grad.any()


def test_smooth_features_are_more_compressible_than_noise():
    ramp = torch.linspace(0, 1, 16).expand(1, 1, 16, 16).contiguous()
    assert loss(ramp) < 0.3 * loss(features(1, 1, 16, 16))


def test_mixed_precision_does_not_coarsen_the_loss():
    values = features(2, 8, 8, 16)
    expected = compressibility_sum(values)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = compressibility_sum(values)
        half = compressibility_sum(values.bfloat16())
    assert mixed.dtype == half.dtype == torch.float32
    assert torch.equal(mixed, expected)


def test_matrices_asked_for_in_inference_serve_training():
    dct_matrix.cache_clear()
    with torch.inference_mode():
        compressibility_sum(features(1, 1, 6, 6))
    values = features(1, 1, 6, 6).requires_grad_()
    compressibility_sum(values).backward()
    assert values.grad.abs().sum() > 0
