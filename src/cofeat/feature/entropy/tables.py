"""The constants of the model. They are part of the format: none may ever change.

The weights were fitted to features of EfficientNet-Lite0 (cuts, and outputs of
ReLU6 inside its blocks) and of small trained networks; `docs/decisions/feature-codec.md`
tells how. Logarithms are in eighths of an octave.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]

# Of x: the eighths of an octave in (2 x + 3) / 2, rounded down.
LOGARITHM = np.array([((2 * x + 3) ** 8).bit_length() - 9 for x in range(256)], np.int16)

# 65536 times the logistic distribution function of i / 16.
# fmt: off
LOGISTIC = np.array([
    32768, 33792, 34813, 35831, 36843, 37847, 38841, 39824, 40793, 41748, 42687, 43608, 44511,
    45393, 46254, 47094, 47911, 48704, 49474, 50220, 50941, 51638, 52310, 52957, 53581, 54179,
    54754, 55306, 55834, 56339, 56822, 57284, 57724, 58144, 58544, 58925, 59287, 59632, 59959,
    60270, 60565, 60844, 61109, 61360, 61598, 61823, 62036, 62238, 62428, 62608, 62778, 62938,
    63090, 63233, 63368, 63495, 63615, 63728, 63835, 63935, 64030, 64119, 64203, 64283, 64357,
    64427, 64494, 64556, 64614, 64669, 64721, 64770, 64816, 64859, 64900, 64938, 64974, 65008,
    65039, 65069, 65097, 65124, 65149, 65172, 65194, 65215, 65234, 65252, 65269, 65285, 65300,
    65315, 65328, 65341, 65352, 65364, 65374, 65384, 65393, 65402, 65410, 65417, 65425, 65431,
    65438, 65444, 65449, 65454, 65459, 65464, 65468, 65472, 65476, 65480, 65483, 65486, 65489,
    65492, 65495, 65497, 65500, 65502, 65504, 65506, 65508, 65509, 65511, 65513, 65514, 65515,
    65517, 65518, 65519, 65520, 65521, 65522, 65523, 65523, 65524, 65525, 65526, 65526, 65527,
    65527, 65528, 65528, 65529, 65529, 65530, 65530, 65530, 65531, 65531, 65531, 65532, 65532,
    65532, 65532, 65533, 65533, 65533,
])
# fmt: on

# Bits below these are as good as noise: they are written as they are.
MODELED_BITS = 8

# --- values: rows by (level of the expected residual, room below the prediction)
LEVELS = 22
# By the expected LOGARITHM: quarters of an octave at first, then half octaves.
# fmt: off
LEVELS_BY_LOGARITHM = np.array([
    0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10, 11,
    11, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15, 16, 16, 16, 16,
    17, 17, 17, 17, 18, 18, 18, 18, 19, 19, 19, 19, 20, 20, 20, 20, 21, 21, 21, 21,
], np.int16)
# fmt: on
BUCKETS = 40
MIDDLE = 20
# Residuals of a level are coded in buckets of 2^shift.
SHIFTS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8], np.int16)
# The width of a bucket in 64ths of the logistic distribution's scale.
# fmt: off
_BUCKET_WIDTHS = (98, 70, 52, 40, 31, 25, 40, 32, 21, 30, 21, 30, 21, 30, 21, 30, 21, 30, 21, 30,
                  21, 30)
# fmt: on
# Room: how many buckets lie below the prediction's, and the class of that.
ROOM_CLASSES = np.array([0, 1, 2, 3, 3, 4, 4, 4, 5], np.int16)
_MOST_ROOM = (0, 1, 2, 4, 7, MIDDLE)
ROOMS = len(_MOST_ROOM)
_VALUE_WEIGHT = 1536

# --- zeros: rows by the log odds of a zero, in quarters
ZERO_ROWS = 64
ZERO_MIDDLE = 32
_ZERO_WEIGHT = 2048

# log2 of |residual| expected, in 32nds of LOGARITHM: of a channel's kind (0: plain, 1: with a
# spike at zero) and a pass's type: weights of the channel's scale, of the neighbors' spread, of
# the prediction and of the activity at the place, and a constant.
# fmt: off
SCALE_WEIGHTS = np.array([
    [[32, 0, 0, 3, 60], [32, 0, 0, 5, 19], [28, 3, 0, 4, -31],
     [28, 1, 0, 4, 41], [25, 4, 0, 4, -25], [27, 3, 0, 3, 4]],
    [[31, 0, 4, 2, -92], [29, -1, 4, 4, -68], [25, 1, 3, 4, -18],
     [27, 0, 3, 4, 18], [22, 3, 2, 4, 23], [22, 1, 4, 3, 119]],
], np.int16)

# Log odds of a zero, in eighths: by the channel's class of zeros,
ZERO_BY_CLASS = np.array([-8, -7, -5, -5, -3, -2, -2, -1, 0, 0, 2, 3, 4, 7, 13, 18], np.int16)
# by the pass's type and which of the four nearest neighbors are zero (bits 0 to 3),
ZERO_BY_NEIGHBORS = np.array([
    [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6],
    [-3, -1, -1, 3, 0, 0, 2, 3, -2, 1, 1, 4, 2, 4, 5, 4],
    [-7, -2, -1, -1, -2, 1, 2, 3, -1, 2, 0, 3, 1, 2, 2, 7],
    [-7, -3, -3, 0, -2, 0, 1, 3, -2, 1, 1, 3, 1, 4, 4, 6],
    [-14, -6, -7, -1, -5, 0, -1, 3, -6, 0, -1, 4, -1, 4, 2, 12],
    [-7, 1, 1, 2, -8, -3, -4, 4, -5, 1, 3, 5, -6, -3, -3, 8],
], np.int16)
# and by the prediction in eighths of the channel's scale, from -16 to 47.
ZERO_BY_PREDICTION = np.array([
    28, 25, 23, 23, 22, 22, 22, 22, 22, 21, 20, 20, 19, 18, 18, 17,
    15, 11, 10, 9, 8, 6, 5, 4, 4, 2, 2, 1, 0, -1, -1, -2,
    -3, -4, -4, -5, -6, -6, -7, -8, -8, -8, -9, -10, -11, -11, -12, -12,
    -13, -13, -14, -15, -15, -15, -15, -16, -16, -17, -18, -19, -19, -19, -21, -28,
], np.int16)
# fmt: on

# --- channels
# Classes of zeros: 0 few enough to be plain values, 15 nothing but zeros.
ZERO_CLASSES = 16
ALL_ZERO = 15
SCALES = 16
# What a center may be: with a spike, one of these; without, see center_shift.
CENTERS = np.array(
    [*range(8), *(step << octave for octave in range(5) for step in (8, 10, 12, 14))], np.int16
)


def center_shift(bits: int) -> int:
    """How many low bits of a center of n-bit values are not told where there is no spike."""
    return max(bits - 6, 0)


MOST_REFERENCES = 5
# Of a reference, in 1024ths: quarters of an octave, first the positive ones.
# fmt: off
MAGNITUDES = np.array([
    16, 19, 23, 27, 32, 38, 45, 54, 64, 76, 91, 108, 128, 152, 181, 215,
    256, 304, 362, 431, 512, 609, 724, 861, 1024, 1218, 1448, 1722, 2048, 2435, 2896, 3444,
], np.int32)
# fmt: on
COEFFICIENTS = np.concatenate([MAGNITUDES, -MAGNITUDES])
ONE_INDEX = 24
COEFFICIENT_BITS = 10
_CHANNEL_WEIGHT = 4


def logistic(eighths: Int64Array) -> Int64Array:
    """65536 times the logistic distribution function of eighths / 128, for either sign."""
    index = np.minimum(np.abs(eighths) >> 3, len(LOGISTIC) - 2)
    rise = LOGISTIC[index + 1] - LOGISTIC[index]
    value = LOGISTIC[index] + (rise * (np.abs(eighths) & 7) >> 3)
    return np.asarray(np.where(eighths < 0, 65536 - value, value), np.int64)


def value_prior() -> Int64Array:
    """First weights of the buckets, (rows, BUCKETS); 0 where a bucket cannot be."""
    prior = np.zeros((LEVELS, ROOMS, BUCKETS), np.int64)
    edges = 2 * (np.arange(BUCKETS + 1) - MIDDLE) - 1
    for level, width in enumerate(_BUCKET_WIDTHS):
        # Half a bucket is half a width of 64ths, so as many 128ths.
        below = logistic(edges * width)
        below[0], below[-1] = 0, 65536
        mass = np.maximum(np.diff(below) * _VALUE_WEIGHT >> 16, 1)
        for room, most in enumerate(_MOST_ROOM):
            prior[level, room, MIDDLE - most :] = mass[MIDDLE - most :]
    return prior.reshape(-1, BUCKETS)


def zero_prior() -> Int64Array:
    """First weights of "zero" (symbol 0) and "not zero", (ZERO_ROWS, 2)."""
    zero = logistic(32 * (np.arange(ZERO_ROWS) - ZERO_MIDDLE)) * _ZERO_WEIGHT >> 16
    return np.maximum(np.stack([zero, _ZERO_WEIGHT - zero], axis=1), 1)


def channel_prior() -> Int64Array:
    """First weights of what is told of a channel, a row a field, all symbols alike.

    Rows: class of zeros, scale, center, number of references, coefficient.
    """
    sizes = (ZERO_CLASSES, SCALES, len(CENTERS), MOST_REFERENCES + 1, len(COEFFICIENTS))
    prior = np.zeros((len(sizes), max(sizes)), np.int64)
    for row, size in enumerate(sizes):
        prior[row, :size] = _CHANNEL_WEIGHT
    return prior
