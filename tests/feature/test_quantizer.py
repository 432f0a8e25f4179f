from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cofeat.errors import InvalidInputError
from cofeat.feature.quantizer import FeatureRange, dequantize, quantize, stepped_range

SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, max_side=5)
BITS = st.integers(1, 16)
FINITE = hnp.arrays(np.float32, SHAPES, elements=st.floats(-(2.0**100), 2.0**100, width=32))
ANY = hnp.arrays(
    np.float32,
    SHAPES,
    elements=st.floats(-(2.0**126), 2.0**126, width=32)
    | st.sampled_from([np.nan, np.inf, -np.inf]),
)


def tensor(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32).reshape(1, 1, -1)


def test_worked_example_of_two_bits():
    # step = (5 - -1) / 3 = 2; (F + 1) / 2 = 0, 0.5, 1.4, 1.5, 2.5, 3; halves go to even.
    quantized = quantize(tensor(-1, 0, 1.8, 2, 4, 5), bits=2)
    assert quantized.values.ravel().tolist() == [0, 0, 1, 2, 2, 3]
    assert quantized.range.step(2) == 2
    assert dequantize(quantized).ravel().tolist() == [-1, -1, 1, 3, 3, 5]


def test_worked_example_per_channel():
    features = np.array([[[0, 1, 2, 3]], [[-30, -20, -10, 0]]], dtype=np.float32)
    quantized = quantize(features, bits=2, per_channel=True)
    assert quantized.values.tolist() == [[[0, 1, 2, 3]], [[0, 1, 2, 3]]]
    assert quantized.range.minimum.tolist() == [0, -30]
    assert quantized.range.maximum.tolist() == [3, 0]
    np.testing.assert_array_equal(dequantize(quantized), features)


@pytest.mark.parametrize(("bits", "dtype"), [(1, np.uint8), (8, np.uint8), (9, np.uint16)])
def test_integers_take_the_smallest_dtype(bits, dtype):
    assert quantize(tensor(0, 1), bits).values.dtype == dtype


def test_step_is_divided_in_float64_and_rounded_once():
    low, high = np.float32(-0.1), np.float32(16777216)
    step = FeatureRange(np.asarray(low), np.asarray(high)).step(8)
    assert step == np.float32((float(high) - float(low)) / 255)
    # In float32 alone the minimum would be lost: this pair tells the two ways apart.
    low, high = np.float32(0.3), np.float32(3.7)
    step = FeatureRange(np.asarray(low), np.asarray(high)).step(1)
    assert step == np.float32(float(high) - float(low))


@given(FINITE, BITS, st.booleans())
@example(tensor(0, 1e-44, 1e-45), 8, False)
def test_error_is_at_most_half_a_step(features, bits, per_channel):
    quantized = quantize(features, bits, per_channel)
    exact = features.astype(np.float64)
    axes = (1, 2) if per_channel else (0, 1, 2)
    low, high = exact.min(axes, keepdims=True), exact.max(axes, keepdims=True)
    step = (high - low) / (2**bits - 1)
    # Roundings of float32: of the step 2^n times, of difference, quotient, product and sum.
    slack = 4 * 2.0**-24 * (np.abs(low) + np.abs(high)) + 2**bits * 2.0**-148
    assert np.all(np.abs(dequantize(quantized) - exact) <= step / 2 + slack)


@given(FINITE, BITS, st.booleans())
def test_equals_the_formula_written_for_one_element(features, bits, per_channel):
    quantized = quantize(features, bits, per_channel)
    restored = dequantize(quantized)
    for c in range(features.shape[0]):
        part = features[c] if per_channel else features
        low, high = part.min(), part.max()
        step = np.float32((np.float64(high) - np.float64(low)) / (2**bits - 1))
        for index in np.ndindex(features.shape[1:]):
            value = features[(c, *index)]
            level = np.float32(0) if step == 0 else np.rint(np.float32(value - low) / step)
            level = min(max(level, np.float32(0)), np.float32(2**bits - 1))
            assert quantized.values[(c, *index)] == level
            assert restored[(c, *index)] == np.float32(np.float32(level * step) + low)


@given(ANY, BITS, st.booleans())
def test_every_tensor_has_an_answer(features, bits, per_channel):
    quantized = quantize(features, bits, per_channel)
    assert np.all(quantized.values <= 2**bits - 1)
    assert np.all(quantized.values[np.isnan(features) | (features == -np.inf)] == 0)
    assert np.all(quantized.values[features == np.inf] == 2**bits - 1)
    assert np.all(np.isfinite(dequantize(quantized)))


def test_range_is_of_the_finite_elements():
    quantized = quantize(tensor(np.nan, -2, np.inf, 1, -np.inf), bits=2)
    assert (quantized.range.minimum, quantized.range.maximum) == (-2, 1)
    assert quantized.values.ravel().tolist() == [0, 0, 3, 3, 0]


def test_range_without_finite_elements_is_zero():
    quantized = quantize(tensor(np.nan, np.nan))
    assert (quantized.range.minimum, quantized.range.maximum) == (0, 0)
    assert dequantize(quantized).ravel().tolist() == [0, 0]


def test_channel_without_finite_elements_leaves_the_others_alone():
    features = np.array([[[np.nan, np.nan]], [[1, 2]]], dtype=np.float32)
    assert dequantize(quantize(features, 8, per_channel=True)).tolist() == [[[0, 0]], [[1, 2]]]


def test_constant_comes_back_exactly():
    quantized = quantize(np.full((2, 3, 4), -0.3, dtype=np.float32))
    assert not quantized.values.any()
    np.testing.assert_array_equal(dequantize(quantized), np.float32(-0.3))


def test_worked_example_of_a_fixed_step():
    # Two bits, a step of 2: levels 0 to 3 are -4, -2, 0, 2; halves go to even levels.
    quantized = quantize(tensor(-9, -3, -1, 0, 0.9, 1, 1.1, 3, 9), bits=2, step=2.0)
    assert (quantized.range.minimum, quantized.range.maximum) == (-4, 2)
    assert quantized.values.ravel().tolist() == [0, 0, 2, 2, 2, 2, 3, 3, 3]
    assert dequantize(quantized).ravel().tolist() == [-4, -4, 0, 0, 0, 0, 2, 2, 2]


@given(st.floats(2.0**-60, 2.0**60), BITS)
def test_zero_has_a_level_of_its_own_at_any_fixed_step(step, bits):
    quantized = quantize(tensor(0, -0.0), bits, step=step)
    assert quantized.values.ravel().tolist() == [2 ** (bits - 1)] * 2
    # 2^(n-1) times what two roundings to float32 leave of a step.
    assert np.all(np.abs(dequantize(quantized)) <= step * 2.0 ** (bits - 23))
    exact = 2.0 ** round(np.log2(step))
    assert not dequantize(quantize(tensor(0), bits, step=exact)).any()


@given(FINITE, BITS, st.booleans(), st.floats(2.0**-20, 2.0**20))
def test_a_fixed_step_is_the_same_for_every_tensor(features, bits, per_channel, step):
    with np.errstate(over="ignore"):
        quantized = quantize(features, bits, per_channel, step)
    low = -step * 2 ** (bits - 1)
    assert quantized.range.minimum == np.float32(low)
    assert quantized.range.maximum == np.float32(low + step * (2**bits - 1))
    inside = np.clip(features.astype(np.float64), low, low + step * (2**bits - 1))
    error = np.abs(dequantize(quantized) - inside)
    assert np.all(error <= step * (0.5 + 2.0 ** (bits - 21)))


@pytest.mark.parametrize(
    ("step", "bits"), [(0.0, 8), (-1.0, 8), (np.nan, 8), (np.inf, 8), (2.0**120, 8), (2.0**126, 2)]
)
def test_what_is_no_step_is_refused(step, bits):
    with pytest.raises(InvalidInputError, match="give a positive number whose range float32 holds"):
        stepped_range(step, bits)
    with pytest.raises(InvalidInputError, match="give a positive number"):
        quantize(tensor(0, 1), bits, step=step)


def test_largest_step_fits():
    assert stepped_range(2.0**126, 1).minimum == -(2.0**126)


def test_memory_layout_does_not_matter(features):
    turned = np.asfortranarray(features)
    np.testing.assert_array_equal(quantize(turned).values, quantize(features).values)
    assert quantize(turned).values.flags.c_contiguous


def test_input_is_not_changed(features):
    before = features.copy()
    quantized = quantize(features)
    values = quantized.values.copy()
    dequantize(quantized)
    np.testing.assert_array_equal(features, before)
    np.testing.assert_array_equal(quantized.values, values)


@pytest.mark.parametrize(
    ("features", "bits", "message"),
    [
        (np.zeros((1, 2, 3)), 8, "float64"),
        (np.zeros((2, 3), np.float32), 8, r"\(2, 3\)"),
        (np.zeros((0, 2, 3), np.float32), 8, "not empty"),
        (np.zeros((1, 2, 3), np.float32), 0, "use 1 to 16"),
        (np.zeros((1, 2, 3), np.float32), 17, "use 1 to 16"),
        (tensor(-3e38, 3e38), 8, "magnitude"),
    ],
)
def test_what_cannot_be_quantized_is_refused(features, bits, message):
    with pytest.raises(InvalidInputError, match=message):
        quantize(features, bits)


@pytest.mark.parametrize(
    ("low", "high"), [(1, 0), (np.nan, 1), (0, np.nan), (-np.inf, 0), (0, np.inf), (0, 3e38)]
)
def test_what_is_no_range_is_refused(low, high):
    with pytest.raises(InvalidInputError, match="finite"):
        FeatureRange(np.asarray(low, np.float32), np.asarray(high, np.float32))


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (np.zeros(2, np.float32), np.zeros(3, np.float32), "same shape"),
        (np.zeros(2), np.ones(2), "float32"),
        (np.zeros((1, 2), np.float32), np.zeros((1, 2), np.float32), r"\(channels,\)"),
    ],
)
def test_ranges_of_wrong_arrays_are_refused(low, high, message):
    with pytest.raises(InvalidInputError, match=message):
        FeatureRange(low, high)
