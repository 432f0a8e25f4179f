"""Poles, lamps, traffic lights, signs, fences and walls."""

from __future__ import annotations

from functools import cache

import numpy as np

from cofeat.data.streets.canvas import BoolArray, Canvas, Hits, Paint, Point
from cofeat.data.streets.dice import Dice
from cofeat.data.streets.light import Color, Light, reflected, rgb
from cofeat.data.streets.plants import hedge_paint
from cofeat.data.streets.shadows import Caster
from cofeat.data.streets.sprites import Sprite, palette, sprite_paint
from cofeat.data.streets.texture import level_of, noise
from cofeat.image import Float32Array, UInt8Array

WALL, FENCE, POLE, LIGHT, SIGN = 12, 13, 17, 19, 20
_ONE = np.float32(1.0)
# Materials of lights and signs.
CASE, LIT, OFF, WHITE, COLOR, INK = range(1, 7)


def paint_pole(
    canvas: Canvas, light: Light, x: float, z: float, base: float, height: float, thick: float,
    color: Color, lit: bool,
) -> Caster:  # fmt: skip
    """Paint an upright round pole; return what shades the ground."""
    received = light.face(-0.4 * light.sun[0], 0.2, -0.7, lit)
    tone = reflected(color, received)
    side = np.float32(0.5 if light.sun[0] > 0 else -0.5)

    def paint(hits: Hits) -> tuple[UInt8Array | int, Float32Array, BoolArray | None]:
        away = hits.a - np.float32(0.5)
        bright = np.float32(1.1) - np.float32(2.4) * away * away + away * side
        return POLE, bright[:, None] * tone, None

    canvas.patch(
        (x - thick / 2, base, z), (thick, 0.0, 0.0), (0.0, height, 0.0), paint, (1.0, 0.75)
    )
    return Caster(x, z, (0.0, 1.0), thick / 2, thick / 2, 0.0, base + height, contact=0.3)


def paint_lamp(
    canvas: Canvas, light: Light, x: float, z: float, base: float, side: int, dice: Dice,
    lit: bool,
) -> Caster:  # fmt: skip
    """Paint a street lamp whose arm reaches over the road."""
    height = dice.uniform(5.5, 9.0)
    gray = dice.choice(((0.2, 0.21, 0.21), (0.08, 0.1, 0.09), (0.3, 0.3, 0.3)))
    caster = paint_pole(canvas, light, x, z, base, height, 0.16, gray, lit)
    received = light.face(0.0, -0.4, -0.5, lit)
    tone = reflected(gray, received)

    def paint(hits: Hits) -> tuple[UInt8Array | int, Float32Array, BoolArray | None]:
        head = hits.a > 0.68
        keep = head | (np.abs(hits.b - np.float32(0.55)) < 0.17)
        return POLE, (_ONE + head[keep] * np.float32(0.4))[:, None] * tone, keep

    reach = dice.uniform(1.4, 2.4)
    canvas.patch((x, base + height - 0.12, z), (-side * reach, 0.25, 0.0), (0.0, 0.22, 0.0), paint)
    return caster


@cache
def _signal(state: int) -> Sprite:
    sprite = Sprite(0.36, 0.98, 90.0)
    sprite.rect(0.0, 0.0, 0.36, 0.98, CASE)
    for index, y in enumerate((0.82, 0.49, 0.16)):
        sprite.ellipse(0.18, y, 0.125, 0.125, CASE, 0.4)
        sprite.ellipse(0.18, y, 0.105, 0.105, LIT if index == state else OFF)
    return sprite


def paint_signal(
    canvas: Canvas, light: Light, x: float, z: float, base: float, side: int, dice: Dice,
    lit: bool,
) -> Caster:  # fmt: skip
    """Paint a traffic light on its pole, perhaps with a second one above the road."""
    state = dice.choice((0, 0, 2, 2, 1))
    glow = ((2.2, 0.22, 0.12), (2.0, 1.1, 0.1), (0.15, 1.7, 0.7))[state]
    received = light.face(0.0, 0.1, -0.9, lit)
    colors = palette(
        {CASE: (0.035, 0.035, 0.035), LIT: (0.0, 0.0, 0.0), OFF: (0.05, 0.04, 0.035)}, received
    )
    colors[LIT] = glow
    paint = sprite_paint(_signal(state), colors, LIGHT, grain=0.05, step=canvas.camera.step * z)
    arm = dice.chance(0.35)
    height = 5.6 if arm else 3.3
    gray = (0.22, 0.23, 0.22) if dice.chance(0.6) else (0.08, 0.1, 0.09)

    def head(px: float, top: float) -> None:
        canvas.patch((px - 0.2, top - 1.05, z - 0.14), (0.4, 0.0, 0.0), (0.0, 1.05, 0.0), paint)

    head(x, base + 3.35)
    if arm:
        reach = dice.uniform(2.5, 4.5)
        head(x - side * reach, base + 5.6)
        tone = reflected(gray, received)

        def bar(hits: Hits) -> tuple[UInt8Array | int, Float32Array, BoolArray | None]:
            return POLE, (_ONE + np.float32(0.2) * hits.b)[:, None] * tone, None

        canvas.patch((x, base + 5.3, z), (-side * reach, 0.1, 0.0), (0.0, 0.13, 0.0), bar)
    return paint_pole(canvas, light, x, z, base, height, 0.13, gray, lit)


@cache
def _sign(kind: int) -> Sprite:
    size = (0.75, 0.75) if kind < 5 else (1.5, 0.5) if kind == 5 else (2.6, 1.5)
    sprite = Sprite(*size, 70.0)
    c = 0.375
    if kind == 0:  # limit: red ring
        sprite.ellipse(c, c, 0.37, 0.37, COLOR)
        sprite.ellipse(c, c, 0.27, 0.27, WHITE)
        sprite.rect(0.22, 0.25, 0.35, 0.5, INK)
        sprite.rect(0.4, 0.25, 0.53, 0.5, INK)
        sprite.rect(0.44, 0.3, 0.49, 0.45, WHITE)
    elif kind == 1:  # give way
        sprite.polygon([(0.0, 0.72), (0.75, 0.72), (c, 0.03)], COLOR)
        sprite.polygon([(0.15, 0.63), (0.6, 0.63), (c, 0.22)], WHITE)
    elif kind == 2:  # blue disc with arrow
        sprite.ellipse(c, c, 0.37, 0.37, WHITE)
        sprite.ellipse(c, c, 0.34, 0.34, COLOR)
        sprite.polygon([(0.33, 0.15), (0.42, 0.15), (0.42, 0.42), (0.54, 0.42), (c, 0.64),
                        (0.21, 0.42), (0.33, 0.42)], WHITE)  # fmt: skip
    elif kind == 3:  # blue square, crossing
        sprite.rect(0.0, 0.0, 0.75, 0.75, COLOR)
        sprite.polygon([(0.1, 0.1), (0.65, 0.1), (c, 0.66)], WHITE)
        sprite.limb(0.36, 0.45, 0.4, 0.2, 0.05, 0.04, INK)
    elif kind == 4:  # right of way: diamond
        sprite.polygon([(c, 0.0), (0.75, c), (c, 0.75), (0.0, c)], WHITE)
        sprite.polygon([(c, 0.14), (0.61, c), (c, 0.61), (0.14, c)], COLOR)
    else:  # signpost
        wide, high = size
        sprite.rect(0.0, 0.0, wide, high, WHITE)
        sprite.rect(0.03, 0.03, wide - 0.03, high - 0.03, COLOR)
        for row in range(1 if kind == 5 else 3):
            y = high - 0.35 - row * 0.42
            for column in range(int((wide - 0.5) / 0.16)):
                if (column * 7 + row * 3) % 5:
                    sprite.rect(0.3 + column * 0.16, y, 0.42 + column * 0.16, y + 0.17, WHITE)
    return sprite


def paint_sign(
    canvas: Canvas, light: Light, x: float, z: float, base: float, dice: Dice, lit: bool
) -> Caster:
    """Paint one or two traffic signs on a pole."""
    received = light.face(-0.3 * light.sun[0], 0.1, -0.9, lit)
    high = base + dice.uniform(2.2, 2.7)
    top = high
    for _ in range(dice.choice((1, 1, 2))):
        kind = dice.choice((0, 0, 1, 2, 3, 4, 4, 5, 6))
        ground = {0: (0.5, 0.03, 0.03), 1: (0.5, 0.03, 0.03), 4: (0.55, 0.36, 0.03),
                  5: (0.5, 0.38, 0.03)}.get(kind, (0.02, 0.1, 0.38))  # fmt: skip
        ink = (0.02, 0.02, 0.02)
        colors = palette(
            {WHITE: (0.62, 0.62, 0.6) if kind != 5 else ink, COLOR: ground, INK: ink}, received
        )
        sprite = _sign(kind)
        paint = sprite_paint(sprite, colors, SIGN, grain=0.05, step=canvas.camera.step * z)
        canvas.patch(
            (x - sprite.width / 2, top, z - 0.06), (sprite.width, 0.0, 0.0),
            (0.0, sprite.height, 0.0), paint,
        )  # fmt: skip
        top += sprite.height + 0.04
    return paint_pole(canvas, light, x, z, base, top - base, 0.08, (0.28, 0.28, 0.28), lit)


def paint_barrier(
    canvas: Canvas, light: Light, kind: str, a: tuple[float, float], b: tuple[float, float],
    base: float, height: float, dice: Dice, lit: bool,
) -> None:  # fmt: skip
    """Paint a "fence", "rail", "wall" or "hedge" from a to b on the ground."""
    run = (b[0] - a[0], b[1] - a[1])
    width = float((run[0] * run[0] + run[1] * run[1]) ** 0.5)
    nx, nz = run[1] / width, -run[0] / width
    if nx * a[0] + nz * a[1] > 0:
        nx, nz = -nx, -nz
    step = canvas.camera.step
    normal = (nx, 0.0, nz)
    if kind == "hedge":
        paint = hedge_paint(light, width, height, step, dice, lit, normal)
    elif kind == "wall":
        paint = _wall_paint(light, width, height, step, dice, lit, normal)
    else:
        paint = _fence_paint(light, kind, width, height, dice, lit, normal)
    canvas.patch((a[0], base, a[1]), (run[0], 0.0, run[1]), (0.0, height, 0.0), paint)


def _wall_paint(
    light: Light, width: float, height: float, step: float, dice: Dice, lit: bool, normal: Point
) -> Paint:
    received = light.face(*normal, lit)
    stone = dice.choice(((0.33, 0.31, 0.28), (0.3, 0.3, 0.3), (0.4, 0.38, 0.34), (0.3, 0.18, 0.13)))
    color = reflected(stone, received)
    blocks = dice.choice(((0.5, 0.25), (2.5, 9.0), (0.3, 0.1), (1.0, 0.5)))
    seed = np.float32(dice.uniform(0.0, 200.0))
    scrawl = dice.chance(0.3)

    def paint(hits: Hits) -> tuple[UInt8Array | int, Float32Array, BoolArray | None]:
        x, y = hits.a * np.float32(width), hits.b * np.float32(height)
        level = level_of(hits.z * np.float32(step * 45.0))
        grain = noise("grain", x * 45 + seed, y * 45, level)
        stain = noise("cloud", x * 10 + seed, y * 5)
        j = y * np.float32(1.0 / blocks[1])
        row = np.floor(j)
        i = x * np.float32(1.0 / blocks[0]) + row * np.float32(0.5)
        joint = (i - np.floor(i) < 0.05) | (j - row < 0.08)
        fade = np.clip(np.float32(1.5) - hits.z * np.float32(0.035), 0.0, 1.0)
        own = noise("grain", np.floor(i), row)
        bright = _ONE + np.float32(0.2) * grain + np.float32(0.22) * stain
        bright += (np.float32(0.15) * own - np.float32(0.3) * joint) * fade
        bright = np.where(hits.b > 0.94, bright * np.float32(1.25), bright)
        out = bright[:, None] * color
        if scrawl:
            line = np.abs(noise("cloud", x * 12 + seed, y * 14 + seed)) < 0.05
            wild = line & (hits.b < 0.7) & (hits.b > 0.2) & (noise("cloud", x * 3, seed + x) > 0.3)
            out[wild] = color * rgb((0.5, 0.7, 1.5))
        return WALL, out, None

    return paint


def _fence_paint(
    light: Light, kind: str, width: float, height: float, dice: Dice, lit: bool, normal: Point
) -> Paint:
    received = light.face(normal[0], 0.2, normal[2], lit)
    style = "rail" if kind == "rail" else dice.choice(("bars", "pickets", "mesh", "boards"))
    tones: dict[str, tuple[Color, ...]] = {
        "rail": ((0.34, 0.35, 0.36),), "mesh": ((0.1, 0.16, 0.12), (0.25, 0.25, 0.25)),
        "bars": ((0.04, 0.045, 0.045), (0.06, 0.1, 0.08), (0.2, 0.2, 0.2)),
        "pickets": ((0.25, 0.17, 0.1), (0.55, 0.54, 0.5), (0.14, 0.1, 0.07)),
        "boards": ((0.22, 0.15, 0.09), (0.28, 0.24, 0.19), (0.15, 0.1, 0.06)),
    }  # fmt: skip
    tone = dice.choice(tones[style])
    color = reflected(tone, received)
    pitch = {"bars": 0.13, "pickets": 0.16, "mesh": 0.07, "boards": 0.15, "rail": 1.0}[style]
    share = {"bars": 0.28, "pickets": 0.62, "mesh": 0.16, "boards": 0.94, "rail": 0.0}[style]

    def paint(hits: Hits) -> tuple[UInt8Array | int, Float32Array, BoolArray | None]:
        x, y = hits.a * np.float32(width), hits.b * np.float32(height)
        i = x * np.float32(1.0 / pitch)
        whole = np.floor(i)
        keep = i - whole < share
        if style == "mesh":
            j = y * np.float32(1.0 / pitch)
            keep |= j - np.floor(j) < share
            posts = x * np.float32(1.0 / 2.4)
            keep |= posts - np.floor(posts) < 0.03
            keep |= hits.b > 0.96
        elif style == "rail":
            posts = x * np.float32(0.5)
            keep = (posts - np.floor(posts) < 0.06) | (np.abs(hits.b - np.float32(0.75)) < 0.24)
        else:
            keep |= (np.abs(hits.b - np.float32(0.86)) < 0.04) | (
                np.abs(hits.b - np.float32(0.15)) < 0.04
            )
        own = noise("grain", whole, np.zeros_like(whole))
        bright = _ONE + np.float32(0.18) * own + np.float32(0.12) * noise("grain", x * 30, y * 8)
        if style == "rail":
            bright *= np.float32(0.65) + np.float32(1.3) * np.abs(hits.b - np.float32(0.75)) * 2
        return FENCE, bright[keep, None] * color, keep

    return paint
