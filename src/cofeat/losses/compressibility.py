"""Compressibility of features: how many transform coefficients a codec will have to spend bits on.

From rho-domain analysis: the bit rate follows the share of non-zero transform
coefficients of the prediction residual. Per channel f (H x W)::

    h[i, j] = f[i, j] - f[i, j-1]   (column 0 stays f[i, 0])
    v[i, j] = f[i, j] - f[i-1, j]   (row 0 stays f[0, j])
    r       = (h + v) / 2
    T       = D_H r D_W^T           (orthonormal DCT-II over the whole channel)
    L_c     = mean |T|              (over all elements of all channels)

N batch, C channels, H height, W width.

Source: Alvar and Bajic, ICIP 2019, section 3; He and Mitra, "A unified
rate-distortion analysis framework for transform coding", 2001.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

Form = Literal["literal", "scale_free", "bits"]
CPU = torch.device("cpu")

# Less than this is no range for float32 features of ordinary size: the channel
# or the image is constant, its integers are all 0 and cost nothing.
MIN_RANGE = 1e-12


@lru_cache(maxsize=64)
def dct_matrix(n: int, device: torch.device = CPU, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the orthonormal DCT-II matrix, (n, n), rows of rising frequency.

    D[k, i] = sqrt(2 / n) cos(pi (2 i + 1) k / (2 n)), row 0 divided by sqrt(2).
    It is kept for each device: to move it at every step would wait for a GPU.
    """
    with torch.inference_mode(False):  # whoever asks first, training may ask later
        i = torch.arange(n, dtype=torch.float64)
        matrix = torch.cos(math.pi * (2 * i[None, :] + 1) * i[:, None] / (2 * n))
        matrix *= math.sqrt(2 / n)
        matrix[0] /= math.sqrt(2)
        return matrix.to(device, dtype)


def residual(features: Tensor) -> Tensor:
    """Return the mean of horizontal and vertical differences, the shape of ``features``."""
    horizontal = torch.cat([features[..., :1], features.diff(dim=-1)], dim=-1)
    vertical = torch.cat([features[..., :1, :], features.diff(dim=-2)], dim=-2)
    return (horizontal + vertical) * 0.5


def coefficients(features: Tensor) -> Tensor:
    """Return the transform coefficients T of every channel, the shape of ``features``."""
    height, width = features.shape[-2:]
    rows = dct_matrix(height, features.device, features.dtype)
    columns = dct_matrix(width, features.device, features.dtype)
    return rows @ (residual(features) @ columns.T)


def absolute(x: Tensor) -> Tensor:
    """Return |x| with derivative +1 at 0, where torch's own has 0."""
    return torch.where(x >= 0, x, -x)


def bits_sum(features: Tensor, width: Tensor) -> Tensor:
    """Return the sum of log2(1 + |T| / width), about the bits that the coefficients take.

    The mean of |T| is moved most by the few large coefficients, bits are spent on the many small
    ones: here each counts by the number of its digits, and one below a step next to nothing.

    Args:
        features: float32 (N, C, H, W), before the Q-layer.
        width: the step that coefficients will be quantized with, in units of the features,
            float32, of a shape that broadcasts with theirs; where it is 0 nothing is counted.

    Returns:
        float32, shape ().
    """
    with torch.autocast(features.device.type, enabled=False):
        features = features if features.dtype == torch.float64 else features.float()
        # A quotient by 1 where there is no step, so that no gradient is infinite.
        constant = width < MIN_RANGE
        levels = absolute(coefficients(features)) / width.masked_fill(constant, 1.0)
        return torch.log2(1.0 + levels.masked_fill(constant, 0.0)).sum()


def compressibility_sum(
    features: Tensor,
    form: Literal["literal", "scale_free"] = "scale_free",
    per_channel: bool = False,
) -> Tensor:
    """Return the sum of |T| over a batch; divided by the number of elements it is L_c.

    Args:
        features: float32 (N, C, H, W), before the Q-layer; half precision is
            widened, and mixed precision left out, as its products are too coarse.
        form: ``"literal"`` takes features as they are, as the paper does. It
            falls when the network merely scales its features down, which
            min-max quantization undoes. ``"scale_free"`` divides by the range
            of each image (gradients through minimum and maximum included), so
            that only what the codec sees counts; what is constant counts 0.
        per_channel: divide each channel by its own range, where the Q-layer
            quantizes per channel.

    Returns:
        float32, shape ().
    """
    with torch.autocast(features.device.type, enabled=False):
        features = features if features.dtype == torch.float64 else features.float()
        magnitude = absolute(coefficients(features))
        if form == "literal":
            return magnitude.sum()
        dims = (2, 3) if per_channel else (1, 2, 3)
        span = features.amax(dims) - features.amin(dims)
        # A quotient by 1 where there is no range, so that no gradient is infinite.
        constant = span < MIN_RANGE
        quotient = magnitude.sum(dims) / span.masked_fill(constant, 1.0)
        return quotient.masked_fill(constant, 0.0).sum()
