"""Features to n-bit integers and back: min-max uniform quantization, the reference.

The exact arithmetic, which every other implementation equals to the bit::

    minimum, maximum   float32, over the finite elements of the tensor (or of each channel);
                       (0, 0) where there is none
    step               float32((float64(maximum) - float64(minimum)) / (2^n - 1))
    divisor            step, or 1 where step is 0 (a constant tensor)
    quantized          ((F - minimum) / divisor), float32 subtraction, then float32 division;
                       rint, ties to even; clipped to 0 ... 2^n - 1; NaN becomes 0
    restored           float32(quantized) * step + minimum, float32 multiplication, then
                       float32 addition (two roundings, no fused multiply-add)

With a step given, the range is the same for every tensor, with zero on a level of
its own: minimum = -step * 2^(n-1), maximum = minimum + step * (2^n - 1); what lies
beyond is clipped.

So -inf becomes 0 and +inf becomes 2^n - 1, and a constant tensor becomes 0 and
comes back as its minimum. Extremes beyond 2^126 are refused, so that nothing
of the above can overflow.

Source: Alvar and Bajić, "Multi-task learning with compressible features for
collaborative intelligence", ICIP 2019, the Q-layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.errors import InvalidInputError

Float32Array = npt.NDArray[np.float32]
IntegerArray = npt.NDArray[np.unsignedinteger[Any]]

# The integers of a mosaic fit the deepest grey images that there are.
MAX_BITS = 16
# A quarter of what float32 can hold: differences and restored values stay finite.
MAX_MAGNITUDE = 2.0**126


@dataclass(frozen=True, eq=False)
class FeatureRange:
    """The side information of quantization: what the integers 0 and 2^n - 1 stand for.

    Args:
        minimum: float32, shape () for the whole tensor or (C,) per channel, finite.
        maximum: float32, the same shape, finite, nowhere below the minimum.

    Raises:
        InvalidInputError: the two are no range, or their magnitude is above 2^126.
    """

    minimum: Float32Array
    maximum: Float32Array

    def __post_init__(self) -> None:
        low, high = self.minimum, self.maximum
        if low.dtype != np.float32 or high.dtype != np.float32 or low.shape != high.shape:
            raise InvalidInputError(
                f"a feature range of {low.dtype} {low.shape} and {high.dtype} {high.shape}: "
                "give two float32 arrays of the same shape, () or (channels,)"
            )
        if low.ndim > 1:
            raise InvalidInputError(f"a feature range of shape {low.shape}: give () or (channels,)")
        # Every comparison is false for NaN.
        if not np.all((low >= -MAX_MAGNITUDE) & (low <= high) & (high <= MAX_MAGNITUDE)):
            raise InvalidInputError(
                "a feature range must be finite, minimum <= maximum, and of a magnitude up to "
                f"{MAX_MAGNITUDE:.3g}: check the network, or scale the features down"
            )

    @property
    def per_channel(self) -> bool:
        """Whether each channel has a range of its own."""
        return self.minimum.ndim == 1

    def step(self, bits: int) -> Float32Array:
        """Return the distance of two neighboring levels, float32, () or (C,); 0 if constant."""
        width = self.maximum.astype(np.float64) - self.minimum.astype(np.float64)
        return np.asarray(width / (2**bits - 1), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Quantized:
    """A feature tensor as integers.

    Args:
        values: (C, H, W), 0 ... 2^bits - 1, uint8 for bits <= 8, else uint16.
        range: what they stand for.
        bits: n, 1 ... 16.
    """

    values: IntegerArray
    range: FeatureRange
    bits: int


def integer_type(bits: int) -> np.dtype[np.unsignedinteger[Any]]:
    """Return the smallest dtype of n-bit integers, uint8 or uint16.

    Raises:
        InvalidInputError: bits is not 1 ... 16.
    """
    if not 1 <= bits <= MAX_BITS:
        raise InvalidInputError(f"{bits} bits: use 1 to {MAX_BITS}")
    return np.dtype(np.uint8 if bits <= 8 else np.uint16)


def check_features(features: npt.NDArray[Any]) -> None:
    """Refuse what is no feature tensor.

    Raises:
        InvalidInputError: not float32, not (C, H, W), or empty.
    """
    if features.dtype != np.float32 or features.ndim != 3 or not features.size:
        raise InvalidInputError(
            f"features of {features.dtype} {features.shape}: "
            "give float32 (channels, height, width) of one image, not empty"
        )


def stepped_range(step: float, bits: int) -> FeatureRange:
    """Return the range of 2^n levels a step apart, of which level 2^(n-1) stands for zero.

    Raises:
        InvalidInputError: the step is not positive, or too large for so many bits.
    """
    low = -step * 2.0 ** (bits - 1)
    if not (step > 0 and -low <= MAX_MAGNITUDE):
        raise InvalidInputError(
            f"a step of {step} with {bits} bits: give a positive number whose range float32 holds"
        )
    minimum = np.asarray(low, dtype=np.float32)
    return FeatureRange(minimum, np.asarray(low + step * (2**bits - 1), dtype=np.float32))


def quantize(
    features: Float32Array, bits: int = 8, per_channel: bool = False, step: float | None = None
) -> Quantized:
    """Turn features into n-bit integers over their own range, or over that of a step.

    Args:
        features: float32 (C, H, W).
        bits: n, 1 ... 16.
        per_channel: one range a channel instead of one for the tensor.
        step: a fixed distance of two levels around zero, instead of the features' own range.

    Raises:
        InvalidInputError: no feature tensor, bits out of range, or magnitudes too large.
    """
    check_features(features)
    dtype = integer_type(bits)
    axes = (1, 2) if per_channel else None
    low = np.asarray(features.min(axis=axes), dtype=np.float32)
    high = np.asarray(features.max(axis=axes), dtype=np.float32)
    # NaN and infinity show in the extremes, so that finite features need no pass of their own.
    finite = bool(np.isfinite(low).all() and np.isfinite(high).all())
    if step is not None:
        range_ = stepped_range(step, bits)
    else:
        if not finite:
            low, high = _finite_extremes(features, per_channel)
        zero = np.float32(0)  # plus it: which of the two zeros is met first must not show
        range_ = FeatureRange(np.asarray(low + zero), np.asarray(high + zero))
    width = _broadcast(range_.step(bits))
    scaled = np.subtract(features, _broadcast(range_.minimum), order="C")
    np.divide(scaled, np.where(width == 0, np.float32(1), width), out=scaled)
    np.rint(scaled, out=scaled)
    np.clip(scaled, 0, 2**bits - 1, out=scaled)
    if not finite:
        scaled[np.isnan(scaled)] = 0
    return Quantized(scaled.astype(dtype), range_, bits)


def dequantize(quantized: Quantized) -> Float32Array:
    """Turn n-bit integers back into features, the inverse of ``quantize`` up to half a step.

    Returns:
        float32 (C, H, W).
    """
    step = _broadcast(quantized.range.step(quantized.bits))
    features = quantized.values.astype(np.float32, order="C")
    np.multiply(features, step, out=features)
    return np.add(features, _broadcast(quantized.range.minimum), out=features)


def _finite_extremes(
    features: Float32Array, per_channel: bool
) -> tuple[Float32Array, Float32Array]:
    """Return the extremes of the finite elements, (0, 0) where there is none."""
    axes = (1, 2) if per_channel else None
    finite = np.isfinite(features)
    low = np.asarray(features.min(axis=axes, where=finite, initial=np.inf), dtype=np.float32)
    high = np.asarray(features.max(axis=axes, where=finite, initial=-np.inf), dtype=np.float32)
    known = np.asarray(finite.any(axis=axes))
    zero = np.float32(0)
    return np.where(known, low, zero), np.where(known, high, zero)


def _broadcast(values: Float32Array) -> Float32Array:
    """Shape a value per tensor or per channel to go with (C, H, W)."""
    return values.reshape(-1, 1, 1)
