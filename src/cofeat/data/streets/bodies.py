"""Drawings of vehicles' sides, fronts and rears."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from cofeat.data.streets.sprites import Sprite

BODY, GLASS, TYRE, RIM, DARK, RED, LAMP, PLATE, SECOND, SEAT = range(1, 11)
_PER_M = 52.0


@dataclass(frozen=True)
class Shape:
    """Measures of a car body, metres; ``along`` is counted from the rear bumper."""

    length: float
    width: float
    height: float
    belt: float
    """Height of the lower edge of the windows."""
    hood: float
    """Height of the nose."""
    tail: float
    """Height of the lid at the rear; equal to ``belt`` without a boot."""
    boot: float
    """along at the foot of the rear window."""
    roof: tuple[float, float]
    """along of the roof's rear and front end."""
    cowl: float
    """along of the foot of the windscreen."""
    wheel: float
    axles: tuple[float, float]
    inset: float = 0.17
    blind: bool = False
    """A van without windows behind the front doors."""


SHAPES = (
    Shape(4.05, 1.74, 1.47, 0.93, 0.78, 0.93, 0.10, (0.55, 1.95), 2.95, 0.31, (0.68, 3.25)),
    Shape(4.60, 1.80, 1.43, 0.92, 0.76, 0.95, 0.85, (1.55, 2.65), 3.45, 0.32, (0.95, 3.75)),
    Shape(4.65, 1.80, 1.48, 0.93, 0.77, 0.93, 0.12, (0.60, 2.60), 3.45, 0.32, (0.90, 3.75)),
    Shape(4.45, 1.86, 1.70, 1.05, 0.95, 1.05, 0.10, (0.50, 2.35), 3.25, 0.36, (0.85, 3.55), 0.14),
    Shape(3.60, 1.64, 1.50, 0.93, 0.80, 0.93, 0.08, (0.40, 1.85), 2.70, 0.29, (0.55, 2.95)),
    Shape(4.90, 1.92, 1.95, 1.15, 1.00, 1.15, 0.04, (0.15, 3.30), 4.10, 0.34, (0.95, 3.95), 0.1),
    Shape(5.40, 2.00, 2.30, 1.20, 1.05, 1.20, 0.02, (0.10, 3.90), 4.65, 0.35, (1.05, 4.40), 0.07,
          True),
)  # fmt: skip


@cache
def car_side(index: int) -> tuple[Sprite, Sprite]:
    """Draw a car's side below and above the belt."""
    shape = SHAPES[index]
    long, belt = shape.length, shape.belt
    body = Sprite(long, belt, _PER_M)
    # The outline meets the planes of tail, lid, hood and nose, so that no slit is left.
    body.polygon(
        [(0.015, 0.2), (0.06, shape.tail), (shape.boot, belt), (shape.boot, belt + 0.1),
         (shape.cowl, belt + 0.1), (shape.cowl, belt), (long - 0.08, shape.hood + 0.03),
         (long - 0.01, 0.2)], BODY)  # fmt: skip
    body.rect(0.02, 0.2, long - 0.02, 0.32, DARK)
    lit = body.material == BODY
    # A crease and the shade of the lower flank.
    body.shade[lit] = (0.72 + 0.38 * (body.y / belt) + 0.0 * body.x)[lit]
    body.put(lit & (abs(body.y - 0.72 * belt) < 0.018), BODY, 0.72)
    door = shape.boot + 0.55 if shape.length < 4.2 else shape.boot + 0.95
    for at in (door, 0.5 * (door + shape.cowl) + 0.1, shape.cowl - 0.12):
        body.put((abs(body.x - at) < 0.014) & (body.y > 0.34) & (body.material == BODY), BODY, 0.4)
    for at in (door + 0.1, 0.5 * (door + shape.cowl) + 0.2):
        body.rect(at, belt - 0.16, at + 0.17, belt - 0.12, DARK)
    body.rect(0.0, belt - 0.3, 0.16, belt - 0.08, RED)
    body.rect(long - 0.3, shape.hood - 0.24, long - 0.03, shape.hood - 0.08, LAMP)
    for axle in shape.axles:
        body.ellipse(axle, shape.wheel, shape.wheel + 0.07, shape.wheel + 0.07, DARK, 0.5)
        body.ellipse(axle, shape.wheel, shape.wheel, shape.wheel, TYRE)
        body.ellipse(axle, shape.wheel, shape.wheel * 0.66, shape.wheel * 0.66, RIM)
        for dx, dy in ((0.0, 1.0), (0.95, 0.31), (0.59, -0.81), (-0.59, -0.81), (-0.95, 0.31)):
            reach = shape.wheel * 0.42
            body.ellipse(axle + dx * reach, shape.wheel + dy * reach, 0.045, 0.045, TYRE, 0.8)
        body.ellipse(axle, shape.wheel, 0.05, 0.05, RIM, 0.6)
    return body, _cabin(shape)


def _cabin(shape: Shape) -> Sprite:
    tall = shape.height - shape.belt
    cabin = Sprite(shape.length, tall, _PER_M)
    rear, front = shape.roof
    cabin.polygon([(shape.boot, 0.0), (rear, tall), (front, tall), (shape.cowl, 0.0)], BODY, 0.95)
    low, high = 0.03, tall - 0.07
    start = shape.boot + 0.14 if not shape.blind else front - 0.75
    cabin.polygon(
        [(start, low), (max(rear + 0.05, start), high), (front - 0.03, high),
         (shape.cowl - 0.14, low)], GLASS)  # fmt: skip
    middle = 0.5 * (shape.boot + shape.cowl)
    if not shape.blind:
        for at in (middle + 0.05, shape.boot + 0.6):
            glass = (cabin.material == GLASS) & (abs(cabin.x - at) < 0.045)
            cabin.put(glass, DARK)
    for at in (middle - 0.6, middle + 0.4):
        seat = (abs(cabin.x - at) < 0.16) & (cabin.y < 0.28) & (cabin.material == GLASS)
        cabin.put(seat, SEAT)
    return cabin


@cache
def car_end(index: int, rear: bool) -> Sprite:
    """Draw a car's nose or tail up to the lid, wheels below included."""
    shape = SHAPES[index]
    wide, tall = shape.width, shape.tail if rear else shape.hood + 0.03
    sprite = Sprite(wide, tall, _PER_M)
    sprite.rect(0.12, 0.0, 0.34, 0.4, TYRE)
    sprite.rect(wide - 0.34, 0.0, wide - 0.12, 0.4, TYRE)
    sprite.rect(0.0, 0.2, wide, tall, BODY)
    lit = sprite.material == BODY
    sprite.shade[lit] = (0.7 + 0.4 * (sprite.y / tall) + 0.0 * sprite.x)[lit]
    sprite.rect(0.04, 0.18, wide - 0.04, 0.3, DARK)
    middle = 0.5 * wide
    if rear:
        sprite.rect(0.0, 0.5, wide, 0.52, BODY, 0.45)
        low = tall - 0.33
        for left in (0.05, wide - 0.37):
            sprite.rect(left, low, left + 0.32, low + 0.2, RED)
            sprite.rect(left + 0.04, low + 0.05, left + 0.28, low + 0.09, LAMP, 0.7)
        sprite.rect(middle - 0.27, low + 0.02, middle + 0.27, low + 0.14, PLATE)
        sprite.rect(middle - 0.22, low + 0.05, middle + 0.2, low + 0.11, DARK)
        sprite.rect(0.3, 0.22, 0.45, 0.27, RIM)
    else:
        low = tall - 0.26
        for left in (0.06, wide - 0.42):
            sprite.rect(left, low, left + 0.36, low + 0.16, LAMP)
            sprite.ellipse(left + 0.18, low + 0.08, 0.07, 0.06, LAMP, 1.5)
        sprite.rect(0.45, low - 0.02, wide - 0.45, low + 0.14, DARK)
        sprite.rect(0.47, low + 0.05, wide - 0.47, low + 0.07, RIM)
        sprite.ellipse(middle, low + 0.06, 0.07, 0.06, RIM, 1.2)
        sprite.rect(0.25, 0.3, wide - 0.25, 0.42, DARK)
        sprite.rect(middle - 0.26, 0.36, middle + 0.26, 0.47, PLATE)
        sprite.rect(middle - 0.21, 0.39, middle + 0.2, 0.44, DARK)
    return sprite


@cache
def screen(rear: bool) -> Sprite:
    """Draw a windscreen or a rear window, with what shows through it."""
    sprite = Sprite(1.4, 0.7, _PER_M)
    sprite.rect(0.0, 0.0, 1.4, 0.7, BODY)
    sprite.rect(0.06, 0.03, 1.34, 0.66, GLASS)
    for left in (0.28, 0.86):
        sprite.rect(left, 0.03, left + 0.26, 0.34, SEAT)
        sprite.ellipse(left + 0.13, 0.4, 0.09, 0.1, SEAT, 1.3)
    if rear:
        sprite.rect(0.4, 0.03, 1.0, 0.045, DARK)
    return sprite


@cache
def box_side(kind: str, length: float, height: float) -> Sprite:
    """Draw the side of a bus, a tram or a truck's load, wheels included."""
    sprite = Sprite(length, height, 24.0)
    base = 0.32 if kind != "load" else 0.95
    sprite.rect(0.0, base, length, height, BODY)
    sprite.shade *= 0.9 + 0.14 * (sprite.y / height) + 0.0 * sprite.x
    if kind == "load":
        sprite.rect(0.0, 0.75, length, 0.95, DARK)
        sprite.rect(0.0, height * 0.48, length, height * 0.62, SECOND)
        for index in range(int(length / 0.55)):
            sprite.put(
                (abs(sprite.x - index * 0.55) < 0.02) & (sprite.material == BODY), BODY, 0.82
            )
        wheels: tuple[float, ...] = (0.9, 2.1) if length > 5 else (0.9,)
        radius = 0.48
    else:
        sprite.rect(0.0, base, length, base + 0.45, SECOND)
        sprite.rect(0.15, 1.35, length - 0.1, height - 0.5, GLASS)
        pillar = 1.45 if kind == "bus" else 1.7
        for index in range(1, int(length / pillar) + 1):
            at = index * pillar
            sprite.rect(at - 0.05, 1.35, at + 0.05, height - 0.5, DARK)
            if index % 3 == 1:
                sprite.rect(at + 0.08, base + 0.02, at + pillar - 0.08, height - 0.45, DARK)
                sprite.rect(at + 0.14, base + 0.15, at + pillar / 2 - 0.03, height - 0.55, GLASS)
                sprite.rect(
                    at + pillar / 2 + 0.03, base + 0.15, at + pillar - 0.14, height - 0.55, GLASS
                )
        wheels = (2.2, length - 2.6) if kind == "bus" else ()
        radius = 0.47
        if kind == "tram":
            for at in (1.5, length - 3.3):
                sprite.rect(at, 0.08, at + 1.8, 0.4, DARK)
    for axle in wheels:
        sprite.ellipse(axle, radius, radius + 0.08, radius + 0.08, DARK, 0.5)
        sprite.ellipse(axle, radius, radius, radius, TYRE)
        sprite.ellipse(axle, radius, 0.27, 0.27, RIM)
    return sprite


@cache
def box_end(kind: str, width: float, height: float, rear: bool) -> Sprite:
    """Draw the front or the rear of a bus, a tram, a truck's load or its cab."""
    sprite = Sprite(width, height, 30.0)
    base = 0.35 if kind != "load" else 0.95
    for left in (0.1, width - 0.4):
        if kind != "tram":
            sprite.rect(left, 0.0, left + 0.3, 0.6, TYRE)
    sprite.rect(0.0, base, width, height, BODY)
    middle = 0.5 * width
    if kind == "load":
        _load_doors(sprite)
        return sprite
    sprite.rect(0.0, base, width, base + 0.4, SECOND)
    top = height - (0.55 if kind != "cab" else 0.4)
    sprite.rect(0.1, 1.25 if not rear else 1.7, width - 0.1, top, GLASS)
    if kind in ("bus", "tram"):
        sprite.rect(0.35, top + 0.08, width - 0.35, top + 0.36, DARK)
        sprite.rect(0.5, top + 0.13, width - 0.6, top + 0.3, LAMP, 0.9)
    for left in (0.12, width - 0.45):
        sprite.rect(left, base + 0.32, left + 0.33, base + 0.5, RED if rear else LAMP)
    if rear:
        sprite.rect(0.5, 0.95, width - 0.5, 1.5, DARK, 1.5)
    elif kind == "cab":
        for index in range(5):
            sprite.rect(0.5, 0.6 + index * 0.12, width - 0.5, 0.66 + index * 0.12, DARK)
    sprite.rect(middle - 0.02, 1.3, middle + 0.02, top, DARK)
    sprite.rect(middle - 0.26, base + 0.06, middle + 0.26, base + 0.17, PLATE)
    return sprite


def _load_doors(sprite: Sprite) -> None:
    """Draw the doors at the rear of a truck's load, its bumper and lights."""
    width, height = sprite.width, sprite.height
    middle = 0.5 * width
    sprite.rect(0.05, 0.55, width - 0.05, 0.68, DARK)
    sprite.rect(0.0, 0.8, width, 0.95, DARK)
    sprite.rect(middle - 0.012, 0.95, middle + 0.012, height, DARK)
    for at in (0.35, width - 0.35):
        sprite.rect(at - 0.02, 0.95, at + 0.02, height, RIM, 0.8)
    for left in (0.08, width - 0.38):
        sprite.rect(left, 0.8, left + 0.3, 0.92, RED)
    sprite.rect(middle - 0.26, 0.55, middle + 0.26, 0.66, PLATE)
    sprite.rect(0.4, height * 0.5, width - 0.4, height * 0.66, SECOND)
