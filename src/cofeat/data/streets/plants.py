"""Trees, bushes and hedges."""

from __future__ import annotations

from functools import cache

import numpy as np

from cofeat.data.streets.canvas import BoolArray, Canvas, Hits, Paint, Point
from cofeat.data.streets.dice import Dice
from cofeat.data.streets.light import Color, Light, reflected, rgb
from cofeat.data.streets.shadows import Caster
from cofeat.data.streets.texture import level_of, noise
from cofeat.image import Float32Array, UInt8Array

VEGETATION = 21
CROWNS = 10
_SIDE = 160
_ONE = np.float32(1.0)

_GREENS: tuple[Color, ...] = (
    (0.085, 0.15, 0.04), (0.10, 0.16, 0.05), (0.065, 0.12, 0.04), (0.12, 0.155, 0.045),
    (0.075, 0.115, 0.05), (0.16, 0.15, 0.05), (0.20, 0.12, 0.04),
)  # fmt: skip


@cache
def _crown(kind: int) -> tuple[Float32Array, Float32Array]:
    """Return (density, brightness) of a crown, float32 (_SIDE * _SIDE,); leaves where density > 0.

    Kinds 0-5 are round crowns, 6-7 tall, 8-9 bushes that stand on the ground.
    """
    dice = Dice(f"crown/{kind}")
    axis = ((np.arange(_SIDE) + 0.5) * (2.0 / _SIDE) - 1.0).astype(np.float32)
    x, y = axis[None, :], axis[:, None]
    density: Float32Array = np.full((_SIDE, _SIDE), -1.0, dtype=np.float32)
    bright: Float32Array = np.full((_SIDE, _SIDE), 0.5, dtype=np.float32)
    blobs = 26 if kind < 8 else 18
    for _ in range(blobs):
        spread = 0.4 if kind in (6, 7) else 0.68
        px, py = dice.around(0.0, 1.15 * spread), dice.around(0.02, 0.85)
        if kind >= 8:
            px, py = dice.around(0.0, 0.95), dice.uniform(-1.0, 0.3)
        radius = dice.uniform(0.2, 0.42)
        i, j = (x - px) / np.float32(radius), (y - py) / np.float32(radius)
        depth = _ONE - i * i - j * j
        front = depth > density
        density = np.where(front, depth, density)
        # Each clump is lit from above and dark below.
        bright = np.where(
            front, np.float32(0.62) + np.float32(0.42) * j + np.float32(0.2) * y, bright
        )
    columns = np.arange(_SIDE, dtype=np.float32)[None, :] + np.zeros_like(density)
    rows = np.arange(_SIDE, dtype=np.float32)[:, None] + np.zeros_like(density)
    density = density + noise("leaf", columns * 1.3 + 31 * kind, rows * 1.3) * np.float32(0.4)
    density -= np.float32(0.12)
    return density.ravel(), np.maximum(bright, np.float32(0.25)).ravel()


def _leaf_color(
    x: Float32Array, y: Float32Array, z: Float32Array, bright: Float32Array, color: Float32Array,
    step: float, seed: float,
) -> tuple[Float32Array, Float32Array]:  # fmt: skip
    """Return the color of leaves and the noise that made it."""
    per_m = np.float32(30.0)
    level = level_of(z * np.float32(step * 30.0))
    leaf = noise("leaf", x * per_m + np.float32(seed), y * per_m, level)
    clump = noise("leaf", x * np.float32(7.0) + np.float32(seed), y * np.float32(7.0))
    lightness = bright * (_ONE + np.float32(0.85) * leaf) * (_ONE + np.float32(0.35) * clump)
    lightness = np.maximum(lightness, np.float32(0.12))
    out = lightness[:, None] * color
    # Bright leaves are yellower, dark ones bluer.
    out[:, 0] *= np.float32(0.9) + np.float32(0.25) * lightness
    return out, leaf


def paint_tree(
    canvas: Canvas, light: Light, x: float, z: float, base: float, height: float, dice: Dice,
    lit: bool,
) -> Caster:  # fmt: skip
    """Paint a tree; return what shades the ground."""
    kind = dice.integer(0, 7)
    wide = height * (dice.uniform(0.3, 0.4) if kind in (6, 7) else dice.uniform(0.5, 0.75))
    low = dice.uniform(2.0, 2.9) if kind < 6 else dice.uniform(0.8, 1.8)
    low = min(low, 0.4 * height)
    thick = 0.10 + 0.022 * height
    _trunk(canvas, light, x, z, base, low + 0.25 * height, thick, dice, lit)
    _leaves(canvas, light, (x, base + low, z), wide, height - low, kind, dice, lit)
    return Caster(x, z, (0.0, 1.0), wide * 0.3, wide * 0.3, base + low, base + height, leafy=True)


def paint_bush(
    canvas: Canvas, light: Light, x: float, z: float, base: float, width: float, height: float,
    dice: Dice, lit: bool,
) -> Caster:  # fmt: skip
    """Paint a bush that stands on the ground; return what shades the ground."""
    _leaves(canvas, light, (x, base - 0.05, z), width, height, dice.choice((8, 9)), dice, lit)
    return Caster(x, z, (0.0, 1.0), width * 0.35, width * 0.3, base, base + height * 0.7,
                  contact=0.5, leafy=True)  # fmt: skip


def _trunk(
    canvas: Canvas, light: Light, x: float, z: float, base: float, height: float, thick: float,
    dice: Dice, lit: bool,
) -> None:  # fmt: skip
    received = rgb(light.face(-0.5 * light.sun[0], 0.2, -0.7, lit))
    bark = received * rgb(dice.choice(((0.13, 0.1, 0.075), (0.2, 0.18, 0.15), (0.08, 0.065, 0.05))))
    seed = np.float32(dice.uniform(0.0, 200.0))
    side = 0.3 if light.sun[0] > 0 else -0.3

    def paint(hits: Hits) -> tuple[UInt8Array | int, Float32Array, BoolArray | None]:
        away = hits.a - np.float32(0.5)
        bright = np.float32(1.05) - np.float32(2.0) * away * away + away * np.float32(side)
        rough = noise("grain", hits.a * np.float32(22.0) + seed, hits.b * np.float32(height * 22.0))
        return VEGETATION, (bright * (_ONE + np.float32(0.35) * rough))[:, None] * bark, None

    lean = dice.around(0.0, 0.25)
    canvas.patch(
        (x - thick / 2, base, z), (thick, 0.0, 0.0), (lean, height, 0.0), paint, (1.15, 0.6)
    )


def _leaves(
    canvas: Canvas, light: Light, foot: Point, width: float, height: float, kind: int, dice: Dice,
    lit: bool,
) -> None:  # fmt: skip
    density, brightness = _crown(kind)
    received = light.face(0.0, 0.75, -0.3, lit)
    green = dice.choice(_GREENS)
    tone = dice.uniform(0.9, 1.35)
    color = reflected(green, received, tone)
    step = canvas.camera.step
    seed = dice.uniform(0.0, 200.0)
    flip = dice.chance(0.5)
    tilt = np.float32(0.22 if light.sun[0] > 0 else -0.22) * np.float32(light.sun_color[0] > 0.7)

    def paint(hits: Hits) -> tuple[UInt8Array | int, Float32Array, BoolArray | None]:
        i = np.clip(((_ONE - hits.a) if flip else hits.a) * np.float32(_SIDE), 0, _SIDE - 1)
        j = np.clip(hits.b * np.float32(_SIDE), 0, _SIDE - 1)
        place = j.astype(np.int32) * _SIDE + i.astype(np.int32)
        x, y = hits.a * np.float32(width), hits.b * np.float32(height)
        dense = density.take(place)
        # Leaves at the rim, finer than the drawing.
        fringe = noise("leaf", x * 14 + np.float32(seed), y * 14)
        keep = dense + fringe * np.float32(0.22) > 0
        bright = brightness.take(place[keep])
        bright = bright * (_ONE + tilt * (hits.a[keep] * 2 - 1))
        out, _ = _leaf_color(x[keep], y[keep], hits.z[keep], bright, color, step, seed)
        return VEGETATION, out, keep

    canvas.patch(
        (foot[0] - width / 2, foot[1], foot[2]), (width, 0.0, 0.0), (0.0, height, 0.0), paint
    )


def hedge_paint(light: Light, width: float, height: float, step: float, dice: Dice, lit: bool,
                normal: Point) -> Paint:  # fmt: skip
    """Return the paint of a clipped hedge."""
    received = light.face(normal[0], 0.4, normal[2], lit)
    green = dice.choice(_GREENS[:5])
    color = reflected(green, received, 1.1)
    seed = dice.uniform(0.0, 200.0)

    def paint(hits: Hits) -> tuple[UInt8Array | int, Float32Array, BoolArray | None]:
        x, y = hits.a * np.float32(width), hits.b * np.float32(height)
        keep = hits.b + noise("leaf", x * 12, y * 12) * np.float32(0.06) < 0.94
        bright = np.float32(0.55) + np.float32(0.45) * hits.b[keep]
        out, _ = _leaf_color(x[keep], y[keep], hits.z[keep], bright, color, step, seed)
        return VEGETATION, out, keep

    return paint
