"""Sky with clouds, and the haze that lies before far things."""

from __future__ import annotations

import numpy as np

from cofeat.data.streets.canvas import Canvas
from cofeat.data.streets.dice import Dice
from cofeat.data.streets.light import Light, rgb
from cofeat.data.streets.texture import noise

SKY = 23
# The sky is brighter than a camera set for the street can show; this keeps it within range.
_SKY_GAIN = np.float32(0.72)
_ONE = np.float32(1.0)


def paint_haze(canvas: Canvas, light: Light) -> None:
    """Blend everything painted so far into the light of the haze, more the farther it is."""
    distance = _ONE / np.maximum(canvas.nearness, np.float32(1e-3))
    x = distance * np.float32(light.haze_per_m)
    # 1 / (1 + x + x^2 / 2) stands for exp(-x).
    clear = _ONE / (_ONE + x + np.float32(0.5) * x * x)
    rest = _ONE - clear
    for channel in range(3):
        plane = canvas.color[:, :, channel]
        plane *= clear
        plane += rest * np.float32(0.7 * light.skyline[channel])


def paint_sky(canvas: Canvas, light: Light, dice: Dice) -> None:
    """Paint the sky wherever nothing else is."""
    chosen = np.flatnonzero(canvas.label == 0)
    if not chosen.size:
        return
    width = canvas.label.shape[1]
    rows = chosen // width
    ty = np.maximum(canvas.camera.ty, np.float32(0.0))
    up = ty[rows]
    x = canvas.camera.tx[chosen - rows * width]
    zenith, skyline = rgb(light.zenith), rgb(light.skyline)
    share = (up / (up + np.float32(0.22)))[:, None]
    color = skyline + (zenith - skyline) * share
    color *= _SKY_GAIN
    # Clouds lie on a plane high above: they close up towards the horizon.
    far = _ONE / (up + np.float32(0.12))
    shift = np.float32(dice.uniform(0.0, 256.0))
    cover = noise("cloud", x * far * np.float32(26.0) + shift, far * np.float32(34.0) + shift)
    wisp = noise("cloud", x * far * np.float32(90.0), far * np.float32(110.0) + shift)
    cover = cover + np.float32(0.3) * wisp
    dense = np.clip((cover + np.float32(2.4 * light.clouds - 1.25)) * np.float32(1.6), 0.0, 1.0)
    white = (rgb(light.skyline) + rgb(light.sun_color) * np.float32(0.3)) * _SKY_GAIN
    shading = np.float32(0.84) + np.float32(0.22) * cover
    color += (white * shading[:, None] - color) * (dense * np.float32(0.85))[:, None]
    canvas.color.reshape(-1, 3)[chosen] = color
    canvas.label.ravel()[chosen] = SKY
