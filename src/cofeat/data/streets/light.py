"""Sun, sky light, haze and the shadows that the rows of houses cast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cofeat.data.streets.canvas import BoolArray
from cofeat.data.streets.dice import Dice
from cofeat.image import Float32Array

Color = tuple[float, float, float]
# Bins of one metre along the street in which the houses' heights are kept, from this on.
ROW_START_M = -80
ROW_BINS = 320


@dataclass
class Light:
    """The light of a scene; colors are linear, 1 is about white paper in open shade."""

    sun: tuple[float, float, float]
    """Unit vector towards the sun: right, up, ahead."""
    sun_color: Color
    """(0, 0, 0) when the sky is overcast."""
    sky_color: Color
    """Light from the whole sky."""
    zenith: Color
    skyline: Color
    """Color of the sky at the horizon, and of the haze."""
    haze_per_m: float
    clouds: float
    """0 clear to 1 closed."""
    rows: dict[int, Float32Array] = field(default_factory=dict)
    """Height of the houses on each side (-1 left, 1 right) in bins along the street, metres."""
    edges: dict[int, float] = field(default_factory=dict)
    """Where the houses begin on each side, metres to the right of the camera's path."""

    def face(self, nx: float, ny: float, nz: float, lit: bool = True) -> Color:
        """Return what a surface with that unit normal receives."""
        toward = nx * self.sun[0] + ny * self.sun[1] + nz * self.sun[2]
        direct = max(toward, 0.0) if lit else 0.0
        sky = 0.62 + 0.38 * ny
        return (
            self.sky_color[0] * sky + self.sun_color[0] * direct,
            self.sky_color[1] * sky + self.sun_color[1] * direct,
            self.sky_color[2] * sky + self.sun_color[2] * direct,
        )

    def sunlit(self, s: Float32Array, t: Float32Array, y: Float32Array | float) -> BoolArray:
        """Return which points the sun reaches past the houses on its side of the street."""
        side = 1 if self.sun[0] > 0 else -1
        lateral = max(abs(self.sun[0]), 1e-3)
        away = np.maximum((self.edges[side] - s) * np.float32(side), np.float32(0.0))
        ahead = t + away * np.float32(self.sun[2] / lateral)
        above = y + away * np.float32(self.sun[1] / lateral)
        bins = np.clip(ahead - np.float32(ROW_START_M), 0, ROW_BINS - 1).astype(np.int32)
        return np.asarray(above >= self.rows[side].take(bins))

    def sunlit_at(self, s: float, t: float, y: float) -> bool:
        """Return whether the sun reaches one point."""
        side = 1 if self.sun[0] > 0 else -1
        lateral = max(abs(self.sun[0]), 1e-3)
        away = max((self.edges[side] - s) * side, 0.0)
        place = int(t + away * self.sun[2] / lateral - ROW_START_M)
        height = self.rows[side][min(max(place, 0), ROW_BINS - 1)]
        return bool(y + away * self.sun[1] / lateral >= height)


# Directions from the sun's azimuth, as (right, ahead) unit vectors with exact decimals.
_AZIMUTHS = (
    (0.96, 0.28), (0.8, 0.6), (0.6, 0.8), (0.28, 0.96),
    (0.96, -0.28), (0.8, -0.6), (0.6, -0.8), (0.28, -0.96),
)  # fmt: skip
# Elevations as (cosine, sine).
_ELEVATIONS = ((0.96, 0.28), (0.8, 0.6), (0.6, 0.8), (0.7, 0.714), (0.9, 0.436))


def rgb(values: Sequence[float]) -> Float32Array:
    """Return a color as float32 (3,)."""
    return np.asarray(values, dtype=np.float32)


def reflected(color: Color, received: Color, gain: float = 1.0) -> Float32Array:
    """Return what a surface of that color sends back, float32 (3,)."""
    return rgb([color[i] * received[i] * gain for i in range(3)])


def roll_light(dice: Dice) -> Light:
    """Choose weather and time of day."""
    right, ahead = dice.choice(_AZIMUTHS)
    if dice.chance(0.5):
        right = -right
    flat, up = dice.choice(_ELEVATIONS)
    sun = (right * flat, up, ahead * flat)
    weather = dice.uniform(0.0, 1.0)
    haze = dice.choice((0.0003, 0.0006, 0.001, 0.0016, 0.0028))
    if weather < 0.52:  # sun
        warm = dice.uniform(0.0, 1.0) * (1.0 - up) + 0.1
        power = dice.uniform(1.3, 2.3)
        sun_color = (power, power * (0.95 - 0.18 * warm), power * (0.86 - 0.42 * warm))
        blue = dice.uniform(0.7, 1.0)
        zenith = (0.25 * blue, 0.5 * blue, 1.1 * blue)
        skyline = (0.95, 1.1 - 0.1 * warm, 1.35 - 0.45 * warm)
        return Light(sun, sun_color, (0.48, 0.55, 0.68), zenith, skyline, haze,
                     dice.uniform(0.0, 0.6))  # fmt: skip
    if weather < 0.64:  # thin cloud, weak sun
        return Light(sun, (0.6, 0.56, 0.5), (0.7, 0.73, 0.8), (0.7, 0.85, 1.15),
                     (1.3, 1.35, 1.45), haze, dice.uniform(0.5, 0.9))  # fmt: skip
    gray = dice.uniform(0.85, 1.15)
    tint = dice.uniform(-0.05, 0.05)
    top = (1.15 * gray, 1.2 * gray, 1.3 * gray)
    return Light(
        sun, (0.0, 0.0, 0.0), (0.82 + tint, 0.85, 0.9 - tint), top,
        (1.5 * gray, 1.52 * gray, 1.55 * gray), haze * 1.6, dice.uniform(0.8, 1.0),
    )  # fmt: skip
