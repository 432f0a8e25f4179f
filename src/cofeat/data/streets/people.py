"""People on foot, on bicycles and on motorcycles; parked two-wheelers."""

from __future__ import annotations

from functools import cache

import numpy as np

from cofeat.data.streets.canvas import Canvas
from cofeat.data.streets.dice import Dice
from cofeat.data.streets.light import Color, Light
from cofeat.data.streets.shadows import Caster
from cofeat.data.streets.sprites import Sprite, palette, sprite_paint
from cofeat.image import UInt8Array

PERSON, RIDER, MOTORCYCLE, BICYCLE = 24, 25, 32, 33
SKIN, HAIR, TOP, LEGS, SHOES, BAG = range(1, 7)
TYRE, METAL, PAINT, SEAT, LAMP, GLOSS = range(7, 13)
_PER_M = 56.0
POSES = 12

_CLOTHES: tuple[Color, ...] = (
    (0.03, 0.03, 0.035), (0.05, 0.05, 0.06), (0.04, 0.06, 0.14), (0.3, 0.3, 0.3),
    (0.35, 0.04, 0.04), (0.05, 0.16, 0.3), (0.5, 0.5, 0.48), (0.28, 0.22, 0.13),
    (0.08, 0.14, 0.07), (0.5, 0.36, 0.08), (0.3, 0.08, 0.18), (0.12, 0.09, 0.07),
    (0.45, 0.2, 0.06),
)  # fmt: skip
_TROUSERS: tuple[Color, ...] = (
    (0.03, 0.04, 0.09), (0.02, 0.02, 0.024), (0.06, 0.08, 0.14), (0.25, 0.2, 0.14),
    (0.1, 0.1, 0.1), (0.14, 0.16, 0.2),
)  # fmt: skip
_SKINS: tuple[Color, ...] = (
    (0.5, 0.33, 0.25),
    (0.42, 0.26, 0.18),
    (0.25, 0.14, 0.09),
    (0.1, 0.06, 0.04),
)
_HAIRS: tuple[Color, ...] = (
    (0.02, 0.015, 0.012),
    (0.08, 0.045, 0.02),
    (0.25, 0.17, 0.07),
    (0.2, 0.2, 0.2),
)


@cache
def walker(pose: int) -> Sprite:
    """Draw a person of 1.75 m, standing or at some phase of a step."""
    sprite = Sprite(0.9, 1.78, _PER_M)
    stride = (0.0, 0.1, 0.2, 0.3)[pose % 4]
    coat = pose % 3 == 0
    bag = pose % 5 == 1
    x, hip = 0.45, 0.88
    for sign, shade in ((-1.0, 0.75), (1.0, 1.0)):
        foot = x + sign * (stride * 0.5 + 0.07)
        knee = x + sign * (stride * 0.35 + 0.07) + 0.03
        lift = 0.05 if sign < 0 and stride > 0.15 else 0.0
        sprite.limb(x + sign * 0.06, hip, knee, 0.48, 0.085, 0.065, LEGS, shade)
        sprite.limb(knee, 0.48, foot, 0.1 + lift, 0.065, 0.048, LEGS, shade)
        sprite.limb(foot - 0.02, 0.05 + lift, foot + 0.1, 0.04 + lift, 0.045, 0.035, SHOES, shade)
    swing = stride * 0.6
    sprite.limb(x - 0.17, 1.38, x - 0.2 - swing, 1.08, 0.055, 0.045, TOP, 0.8)
    sprite.limb(x - 0.2 - swing, 1.08, x - 0.19 - swing * 0.9, 0.84, 0.045, 0.035, TOP, 0.8)
    sprite.ellipse(x - 0.19 - swing * 0.9, 0.8, 0.035, 0.045, SKIN)
    sprite.limb(x, 1.36, x, 0.95, 0.2, 0.165, TOP)
    if coat:
        sprite.polygon(
            [(x - 0.17, 1.0), (x + 0.17, 1.0), (x + 0.21, 0.55), (x - 0.21, 0.55)], TOP, 0.9
        )
    sprite.limb(x + 0.17, 1.38, x + 0.2 + swing, 1.08, 0.055, 0.045, TOP, 0.92)
    sprite.limb(x + 0.2 + swing, 1.08, x + 0.2 + swing * 0.8, 0.84, 0.045, 0.035, TOP, 0.92)
    sprite.ellipse(x + 0.2 + swing * 0.8, 0.8, 0.035, 0.045, SKIN)
    if bag:
        sprite.limb(x - 0.16, 1.3, x - 0.15, 1.02, 0.1, 0.11, BAG)
    _head(sprite, x, 1.62, pose)
    return sprite


def _head(sprite: Sprite, x: float, y: float, pose: int) -> None:
    sprite.limb(x, y - 0.22, x, y - 0.1, 0.055, 0.055, SKIN, 0.8)
    sprite.ellipse(x, y, 0.105, 0.135, HAIR)
    if pose % 2:
        sprite.ellipse(x + 0.015, y - 0.025, 0.08, 0.105, SKIN)
        sprite.rect(x - 0.05, y + 0.02, x + 0.08, y + 0.035, HAIR)
    elif pose % 3 == 1:
        sprite.limb(x, y, x, y - 0.2, 0.1, 0.09, HAIR)


@cache
def cycle(motor: bool, side: bool, ridden: bool, pose: int = 0) -> Sprite:
    """Draw a bicycle or a motorcycle, from its side or from behind, with or without its rider."""
    if side:
        return _side_motor(ridden) if motor else _side_bicycle(ridden, pose)
    return _behind(motor, ridden)


def _side_bicycle(ridden: bool, pose: int) -> Sprite:
    sprite = Sprite(1.8, 1.8 if ridden else 1.12, _PER_M)
    for x in (0.38, 1.42):
        sprite.ellipse(x, 0.34, 0.34, 0.34, TYRE, 1.0, 0.88)
        for dx, dy in ((0.0, 1.0), (0.87, 0.5), (0.87, -0.5)):
            sprite.line([(x - dx * 0.31, 0.34 - dy * 0.31), (x + dx * 0.31, 0.34 + dy * 0.31)],
                        0.014, METAL)  # fmt: skip
    sprite.line([(0.38, 0.34), (0.82, 0.32), (0.7, 0.86), (0.38, 0.34)], 0.045, PAINT)
    sprite.line([(0.82, 0.32), (1.28, 0.78), (0.72, 0.78)], 0.045, PAINT)
    sprite.line([(1.42, 0.34), (1.25, 0.95)], 0.04, PAINT)
    sprite.line([(1.25, 0.97), (1.12, 1.03), (1.08, 1.0)], 0.035, METAL)
    sprite.limb(0.6, 0.92, 0.8, 0.92, 0.045, 0.03, SEAT)
    sprite.ellipse(0.82, 0.32, 0.09, 0.09, METAL)
    if ridden:
        down = (0.16, 0.5)[pose % 2]
        for foot, shade in ((0.66 - down, 0.7), (down, 1.0)):
            sprite.limb(0.72, 0.98, 1.0, 0.78 - 0.2 * foot, 0.09, 0.07, LEGS, shade)
            sprite.limb(1.0, 0.78 - 0.2 * foot, 0.86, 0.48 - 0.5 * foot, 0.07, 0.05, LEGS, shade)
            sprite.limb(0.84, 0.43 - 0.5 * foot, 0.98, 0.42 - 0.5 * foot, 0.045, 0.035, SHOES)
        sprite.limb(0.72, 1.02, 0.9, 1.4, 0.15, 0.16, TOP)
        sprite.limb(0.93, 1.4, 1.08, 1.18, 0.055, 0.045, TOP, 0.9)
        sprite.limb(1.08, 1.18, 1.18, 1.05, 0.045, 0.04, TOP, 0.9)
        _head(sprite, 0.99, 1.64, 1)
        if pose >= 2:
            sprite.ellipse(0.97, 1.7, 0.13, 0.09, GLOSS)
    return sprite


def _side_motor(ridden: bool) -> Sprite:
    sprite = Sprite(2.1, 1.72 if ridden else 1.2, _PER_M)
    for x in (0.34, 1.7):
        sprite.ellipse(x, 0.32, 0.32, 0.32, TYRE, 1.0, 0.6)
        sprite.ellipse(x, 0.32, 0.16, 0.16, METAL, 0.8, 0.5)
    sprite.polygon([(0.4, 0.34), (1.25, 0.26), (1.35, 0.62), (0.6, 0.66)], METAL, 0.6)
    sprite.ellipse(0.92, 0.42, 0.24, 0.17, METAL)
    sprite.polygon([(0.12, 0.86), (0.9, 0.72), (1.3, 0.74), (1.42, 0.92), (0.95, 0.98)], PAINT)
    sprite.polygon([(0.1, 0.84), (0.28, 0.9), (0.95, 0.84), (0.9, 0.74), (0.3, 0.76)], SEAT)
    sprite.line([(1.7, 0.32), (1.42, 0.95)], 0.07, METAL)
    sprite.line([(1.42, 0.95), (1.28, 1.06)], 0.05, METAL)
    sprite.ellipse(1.52, 0.88, 0.1, 0.1, LAMP)
    sprite.limb(0.2, 0.3, 0.8, 0.28, 0.05, 0.04, METAL, 1.3)
    if ridden:
        sprite.limb(0.7, 0.92, 1.08, 0.74, 0.1, 0.08, LEGS)
        sprite.limb(1.08, 0.74, 0.95, 0.38, 0.075, 0.055, LEGS)
        sprite.limb(0.94, 0.34, 1.08, 0.32, 0.05, 0.04, SHOES)
        sprite.limb(0.68, 0.98, 0.84, 1.36, 0.16, 0.17, TOP)
        sprite.limb(0.88, 1.36, 1.12, 1.12, 0.065, 0.05, TOP, 0.9)
        sprite.limb(1.12, 1.12, 1.3, 1.06, 0.05, 0.045, TOP, 0.9)
        sprite.ellipse(0.94, 1.57, 0.15, 0.155, GLOSS)
        sprite.ellipse(1.02, 1.56, 0.07, 0.06, SEAT)
    return sprite


def _behind(motor: bool, ridden: bool) -> Sprite:
    sprite = Sprite(0.9, 1.75 if ridden else 1.15, _PER_M)
    x = 0.45
    wide = 0.085 if motor else 0.03
    sprite.limb(x, 0.08, x, 0.6, wide, wide, TYRE)
    sprite.line([(x - 0.3, 1.03), (x + 0.3, 1.03)], 0.045, METAL)
    if motor:
        sprite.limb(x, 0.45, x, 0.92, 0.14, 0.16, PAINT)
        sprite.rect(x - 0.07, 0.68, x + 0.07, 0.76, LAMP, 0.7)
        sprite.rect(x - 0.09, 0.48, x + 0.09, 0.6, LAMP, 1.2)
    else:
        sprite.limb(x, 0.6, x, 0.92, 0.025, 0.025, PAINT)
        sprite.limb(x - 0.06, 0.95, x + 0.06, 0.95, 0.05, 0.05, SEAT)
        sprite.rect(x - 0.025, 0.7, x + 0.025, 0.76, LAMP, 0.8)
    if ridden:
        for sign, low in ((-1.0, 0.3), (1.0, 0.5)):
            sprite.limb(x + sign * 0.09, 0.95, x + sign * 0.14, 0.62, 0.09, 0.07, LEGS, 0.9)
            sprite.limb(x + sign * 0.14, 0.62, x + sign * 0.12, low, 0.065, 0.05, LEGS, 0.8)
            sprite.limb(x + sign * 0.12, low - 0.05, x + sign * 0.12, low, 0.05, 0.05, SHOES)
        sprite.limb(x, 1.35, x, 0.98, 0.2, 0.16, TOP)
        for sign in (-1.0, 1.0):
            sprite.limb(x + sign * 0.18, 1.36, x + sign * 0.27, 1.06, 0.055, 0.045, TOP, 0.85)
        if motor:
            sprite.ellipse(x, 1.59, 0.145, 0.155, GLOSS)
        else:
            _head(sprite, x, 1.6, 0)
            sprite.ellipse(x, 1.66, 0.13, 0.1, GLOSS)
    return sprite


def _dress(dice: Dice) -> dict[int, Color]:
    clothes = dice.choice(_CLOTHES)
    metal = dice.uniform(0.15, 0.35)
    return {
        SKIN: dice.choice(_SKINS), HAIR: dice.choice(_HAIRS), TOP: clothes,
        LEGS: dice.choice(_TROUSERS), SHOES: dice.choice(((0.03, 0.03, 0.03), (0.4, 0.4, 0.4))),
        BAG: dice.choice(_CLOTHES), TYRE: (0.025, 0.025, 0.025), METAL: (metal, metal, metal),
        PAINT: dice.choice(_CLOTHES), SEAT: (0.02, 0.02, 0.02), LAMP: (0.4, 0.06, 0.05),
        GLOSS: dice.choice(_CLOTHES),
    }  # fmt: skip


def _stand(
    canvas: Canvas, light: Light, sprite: Sprite, labels: UInt8Array | int, x: float, z: float,
    base: float, along: tuple[float, float], scale: float, dice: Dice, lit: bool,
) -> Caster:  # fmt: skip
    """Set a drawing upright at (x, z), its left-right axis along a direction."""
    width, height = sprite.width * scale, sprite.height * scale
    ux, uz = along
    received = light.face(-0.4 * light.sun[0], 0.3, -0.6, lit)
    received = (received[0], received[1], received[2])
    colors = palette(_dress(dice), received)
    paint = sprite_paint(
        sprite, colors, labels, flip=dice.chance(0.5), grain=0.18, step=canvas.camera.step * z,
        seed=dice.uniform(0.0, 200.0),
    )  # fmt: skip
    canvas.patch(
        (x - 0.5 * width * ux, base, z - 0.5 * width * uz),
        (width * ux, 0.0, width * uz), (0.0, height, 0.0), paint,
    )  # fmt: skip
    return Caster(x, z, (ux, uz), 0.12, 0.3 * width, 0.0, height, contact=0.5)


def paint_person(
    canvas: Canvas, light: Light, x: float, z: float, base: float, dice: Dice, lit: bool
) -> Caster:
    """Paint someone on foot; return what shades the ground."""
    sprite = walker(dice.integer(0, POSES - 1))
    scale = dice.around(0.98, 0.1) if dice.chance(0.9) else dice.uniform(0.6, 0.8)
    return _stand(canvas, light, sprite, PERSON, x, z, base, (1.0, 0.0), scale, dice, lit)


def paint_cycle(
    canvas: Canvas, light: Light, x: float, z: float, base: float, along: tuple[float, float],
    dice: Dice, lit: bool, *, motor: bool, ridden: bool, side: bool,
) -> Caster:  # fmt: skip
    """Paint a two-wheeler; return what shades the ground."""
    sprite = cycle(motor, side, ridden, dice.integer(0, 3))
    labels = np.full(GLOSS + 1, MOTORCYCLE if motor else BICYCLE, dtype=np.uint8)
    labels[[SKIN, HAIR, TOP, LEGS, SHOES, BAG]] = RIDER
    if ridden:
        labels[GLOSS] = RIDER
    return _stand(canvas, light, sprite, labels, x, z, base, along, 1.0, dice, lit)
