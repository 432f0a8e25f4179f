"""Houses: fronts with windows, doors, shops and balconies; side walls; roofs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from cofeat.data.streets.canvas import BoolArray, Canvas, Hits, Paint, Point
from cofeat.data.streets.dice import Dice, hash_bits
from cofeat.data.streets.light import Color, Light, reflected, rgb
from cofeat.data.streets.sprites import Sprite
from cofeat.data.streets.texture import level_of, noise
from cofeat.image import Float32Array, UInt8Array

BUILDING = 11
# Materials of a bay of a front.
WALL, GLASS, FRAME, TRIM, DOOR, IRON, SHOP, SIGN, DARK, SHUTTER = range(1, 11)
_MATERIALS = 11
_ONE = np.float32(1.0)

_WALLS: tuple[Color, ...] = (
    (0.52, 0.48, 0.40), (0.56, 0.50, 0.34), (0.42, 0.40, 0.37), (0.60, 0.57, 0.52),
    (0.48, 0.36, 0.26), (0.50, 0.31, 0.23), (0.33, 0.34, 0.36), (0.55, 0.46, 0.42),
    (0.38, 0.40, 0.34), (0.62, 0.60, 0.57), (0.45, 0.42, 0.33), (0.30, 0.26, 0.23),
)  # fmt: skip
_BRICKS: tuple[Color, ...] = (
    (0.32, 0.15, 0.10), (0.36, 0.20, 0.13), (0.27, 0.14, 0.11), (0.40, 0.29, 0.19),
    (0.24, 0.20, 0.18),
)  # fmt: skip
_SIGNS: tuple[Color, ...] = (
    (0.45, 0.05, 0.05), (0.05, 0.12, 0.35), (0.04, 0.22, 0.10), (0.55, 0.40, 0.05),
    (0.55, 0.54, 0.5), (0.05, 0.05, 0.06), (0.35, 0.08, 0.25), (0.5, 0.22, 0.04),
)  # fmt: skip


@dataclass
class House:
    """One house of a row: its front from place ``a`` to ``b`` on the ground."""

    a: tuple[float, float]
    """(X, Z) of the front's near end."""
    b: tuple[float, float]
    side: int
    """-1 left, 1 right of the street; 0: across its end, facing us."""
    base: float
    floors: int
    floor_m: float
    t: float
    s: float

    @property
    def height(self) -> float:
        """Height of the eaves above the road, metres."""
        return self.base + self.floors * self.floor_m + 0.7


@cache
def _bays() -> tuple[UInt8Array, Float32Array]:
    """Draw the bays, 0 to 1 wide and high: uint8 and float32 (kinds, 64, 48)."""
    sprites = [_window_bay(kind) for kind in range(8)] + [_ground_bay(kind) for kind in range(6)]
    return (
        np.stack([sprite.material for sprite in sprites]),
        np.stack([sprite.shade for sprite in sprites]),
    )


def _blank() -> Sprite:
    sprite = Sprite(1.0, 1.0, 64.0)
    sprite.material = np.ones((64, 48), dtype=np.uint8)
    sprite.shade = np.ones((64, 48), dtype=np.float32)
    sprite.x = ((np.arange(48) + 0.5) / 48).astype(np.float32)
    return sprite


def _pane(sprite: Sprite, left: float, bottom: float, right: float, top: float, cross: int) -> None:
    """Draw a window: frame, panes, the shadow of the reveal."""
    sprite.rect(left, bottom, right, top, FRAME)
    sprite.rect(left + 0.035, bottom + 0.03, right - 0.035, top - 0.03, GLASS)
    sprite.rect(left + 0.035, top - 0.075, right - 0.035, top - 0.03, GLASS, 0.45)
    middle = 0.5 * (left + right)
    if cross >= 1:
        sprite.rect(middle - 0.02, bottom, middle + 0.02, top, FRAME, 0.9)
    if cross >= 2:
        level = bottom + 0.68 * (top - bottom)
        sprite.rect(left, level - 0.015, right, level + 0.015, FRAME, 0.9)


def _window_bay(kind: int) -> Sprite:
    sprite = _blank()
    if kind == 0:  # plain with sill
        _pane(sprite, 0.27, 0.3, 0.73, 0.82, 1)
        sprite.rect(0.22, 0.265, 0.78, 0.3, TRIM, 1.1)
        sprite.rect(0.22, 0.245, 0.78, 0.265, WALL, 0.7)
    elif kind == 1:  # tall, with surround and lintel
        sprite.rect(0.24, 0.2, 0.76, 0.9, TRIM)
        sprite.rect(0.2, 0.9, 0.8, 0.945, TRIM, 1.15)
        sprite.rect(0.2, 0.885, 0.8, 0.9, TRIM, 0.6)
        _pane(sprite, 0.3, 0.22, 0.7, 0.86, 2)
        sprite.rect(0.2, 0.17, 0.8, 0.21, TRIM, 1.1)
    elif kind == 2:  # balcony
        _pane(sprite, 0.24, 0.05, 0.76, 0.8, 1)
        sprite.rect(0.06, 0.0, 0.94, 0.055, TRIM, 0.75)
        for index in range(12):
            x = 0.08 + index * 0.0755
            sprite.rect(x, 0.05, x + 0.024, 0.36, IRON)
        sprite.rect(0.06, 0.34, 0.94, 0.375, IRON)
    elif kind == 3:  # broad, modern
        _pane(sprite, 0.08, 0.28, 0.92, 0.8, 1)
        sprite.rect(0.0, 0.0, 1.0, 0.04, TRIM, 0.85)
    else:
        _rare_window(sprite, kind)
    return sprite


def _rare_window(sprite: Sprite, kind: int) -> None:
    if kind == 4:  # with shutters
        _pane(sprite, 0.31, 0.27, 0.69, 0.83, 2)
        sprite.rect(0.13, 0.26, 0.3, 0.84, SHUTTER)
        sprite.rect(0.7, 0.26, 0.87, 0.84, SHUTTER)
        for index in range(14):
            level = 0.28 + index * 0.04
            sprite.rect(0.14, level, 0.29, level + 0.012, SHUTTER, 0.7)
            sprite.rect(0.71, level, 0.86, level + 0.012, SHUTTER, 0.7)
    elif kind == 5:  # round-headed
        sprite.ellipse(0.5, 0.66, 0.26, 0.24, TRIM)
        sprite.rect(0.24, 0.25, 0.76, 0.66, TRIM)
        sprite.ellipse(0.5, 0.66, 0.2, 0.19, FRAME)
        sprite.ellipse(0.5, 0.66, 0.165, 0.16, GLASS)
        _pane(sprite, 0.3, 0.28, 0.7, 0.66, 1)
    elif kind == 6:  # office: all glass between pillars
        sprite.rect(0.05, 0.1, 0.95, 0.96, FRAME)
        for left in (0.07, 0.37, 0.67):
            sprite.rect(left, 0.38, left + 0.27, 0.93, GLASS)
            sprite.rect(left, 0.13, left + 0.27, 0.35, DARK, 1.6)
    else:  # two narrow windows
        _pane(sprite, 0.14, 0.28, 0.42, 0.82, 0)
        _pane(sprite, 0.58, 0.28, 0.86, 0.82, 0)
        sprite.rect(0.1, 0.25, 0.9, 0.28, TRIM, 1.1)


def _ground_bay(kind: int) -> Sprite:
    sprite = _blank()
    sprite.rect(0.0, 0.0, 1.0, 0.12, TRIM, 0.65)
    if kind == 0:  # shop window with awning board
        sprite.rect(0.03, 0.1, 0.97, 0.78, FRAME, 0.5)
        sprite.rect(0.06, 0.16, 0.49, 0.74, SHOP)
        sprite.rect(0.52, 0.16, 0.94, 0.74, SHOP)
        sprite.rect(0.0, 0.78, 1.0, 0.96, SIGN)
        sprite.rect(0.0, 0.75, 1.0, 0.78, DARK)
        for index, wide in enumerate((0.05, 0.08, 0.04, 0.07, 0.06)):
            x = 0.2 + index * 0.125
            sprite.rect(x, 0.83, x + wide, 0.91, FRAME, 1.2)
    elif kind == 1:  # shop door
        sprite.rect(0.1, 0.0, 0.9, 0.78, FRAME, 0.45)
        sprite.rect(0.14, 0.05, 0.5, 0.74, SHOP)
        sprite.rect(0.54, 0.16, 0.87, 0.74, SHOP)
        sprite.rect(0.0, 0.78, 1.0, 0.96, SIGN)
    elif kind == 2:  # house door
        sprite.rect(0.28, 0.0, 0.72, 0.8, TRIM)
        sprite.rect(0.33, 0.0, 0.67, 0.66, DOOR)
        sprite.rect(0.37, 0.38, 0.48, 0.6, DOOR, 0.65)
        sprite.rect(0.52, 0.38, 0.63, 0.6, DOOR, 0.65)
        sprite.rect(0.33, 0.67, 0.67, 0.76, GLASS)
    elif kind == 3:  # garage
        sprite.rect(0.08, 0.0, 0.92, 0.7, SHUTTER)
        for index in range(9):
            sprite.rect(0.08, index * 0.075, 0.92, index * 0.075 + 0.02, SHUTTER, 0.72)
    elif kind == 4:  # window
        _pane(sprite, 0.24, 0.33, 0.76, 0.8, 1)
        sprite.rect(0.2, 0.29, 0.8, 0.33, TRIM, 1.1)
    else:  # passage
        sprite.rect(0.2, 0.0, 0.8, 0.6, DARK, 0.8)
        sprite.ellipse(0.5, 0.6, 0.3, 0.2, DARK, 0.8)
    return sprite


@dataclass
class _Style:
    """How one house is dressed."""

    colors: Float32Array
    """(materials, 3), unlit."""
    brick: bool
    bay_m: float
    upper: tuple[int, int]
    ground: tuple[int, int]
    rough: float
    seed: int
    bands: bool


def _roll_style(dice: Dice, shops: bool) -> _Style:
    brick = dice.chance(0.3)
    wall = dice.choice(_BRICKS if brick else _WALLS)
    tone = dice.uniform(0.75, 1.15)
    white = dice.uniform(0.5, 0.75)
    colors: Float32Array = np.zeros((_MATERIALS, 3), dtype=np.float32)
    colors[WALL] = [channel * tone for channel in wall]
    colors[GLASS] = (0.06, 0.07, 0.085)
    colors[FRAME] = (white, white, white * 0.96) if dice.chance(0.7) else (0.1, 0.09, 0.08)
    trim = dice.uniform(0.35, 0.7)
    colors[TRIM] = (trim, trim * 0.96, trim * 0.9) if dice.chance(0.6) else colors[WALL] * 1.1
    colors[DOOR] = dice.choice(((0.16, 0.08, 0.04), (0.05, 0.1, 0.07), (0.05, 0.07, 0.14),
                                (0.3, 0.05, 0.04), (0.4, 0.38, 0.35)))  # fmt: skip
    colors[IRON] = (0.05, 0.05, 0.055)
    colors[SHOP] = (0.11, 0.1, 0.085)
    colors[SIGN] = dice.choice(_SIGNS)
    colors[DARK] = (0.035, 0.035, 0.04)
    colors[SHUTTER] = dice.choice(((0.12, 0.2, 0.13), (0.22, 0.12, 0.07), (0.4, 0.4, 0.4),
                                   (0.14, 0.18, 0.26)))  # fmt: skip
    main = dice.integer(0, 7)
    other = main if dice.chance(0.5) else dice.choice((0, 1, 2, 4))
    ground = (
        (dice.choice((0, 0, 1)), dice.choice((0, 1, 2)))
        if shops
        else (4, dice.choice((2, 2, 3, 5)))
    )
    return _Style(
        colors, brick, dice.uniform(1.9, 3.4), (main, other), ground,
        dice.uniform(0.1, 0.24), dice.integer(0, 1 << 30), dice.chance(0.5),
    )  # fmt: skip


def _front_paint(house: House, style: _Style, light: Light, width: float, windows: bool,
                 normal: Point, step: float) -> Paint:  # fmt: skip
    """Return the paint of a wall of the house, with bays or bare."""
    bays, bay_shades = _bays()
    across = max(round(width / style.bay_m), 1)
    top = house.height
    bare = light.face(*normal, lit=False)
    full = light.face(*normal)
    direct = full != bare
    bright_sky = rgb([0.45 * channel for channel in light.skyline])
    shift = np.float32(style.seed & 1023)

    def paint(hits: Hits) -> tuple[UInt8Array | int, Float32Array, BoolArray | None]:
        y = hits.b * np.float32(top - house.base)
        x = hits.a * np.float32(width)
        level = level_of(hits.z * np.float32(step * 50.0))
        grain = noise("grain", x * 50 + shift, y * 50, level)
        stain = noise("cloud", x * 9 + shift, y * 5, np.clip(level - 2, 0, 7))
        bright = _ONE + np.float32(style.rough) * grain + np.float32(0.12) * stain
        found = np.full(x.size, WALL, dtype=np.uint8)
        mirror: Float32Array | None = None
        if windows:
            found, turned, mirror = _bay_lookup(house, style, bays, bay_shades, across, hits.a, y)
            bright *= turned
        wall = found == WALL
        if style.brick:
            bright = np.where(wall, bright * _bricks(x, y, hits.z), bright)
        # Dirt at the foot, shade below the eaves.
        bright *= np.minimum(np.float32(0.78) + y * np.float32(0.16), _ONE)
        bright *= np.where(y > top - house.base - 0.7, np.float32(0.86), _ONE)
        color = style.colors.take(found, axis=0)
        sky = rgb(bare)
        if direct:
            s = np.float32(house.s)
            t = np.float32(house.t) + hits.z - np.float32(house.a[1])
            lit = light.sunlit(np.full_like(x, s - 0.5 * house.side), t, y + np.float32(house.base))
            color *= np.where(lit[:, None], rgb(full), sky) * bright[:, None]
        else:
            color *= sky * bright[:, None]
        if mirror is not None:
            glass = np.flatnonzero(mirror > 0)
            color[glass] += mirror[glass, None] * bright_sky
        return BUILDING, color, None

    return paint


def _bay_lookup(
    house: House, style: _Style, bays: UInt8Array, shades: Float32Array, across: int,
    a: Float32Array, y: Float32Array,
) -> tuple[UInt8Array, Float32Array, Float32Array]:  # fmt: skip
    """Return material, shade and the share of mirrored sky at each place of a front."""
    i = np.clip(a, 0.0, np.float32(0.99999)) * np.float32(across)
    j = np.maximum(y, np.float32(0.0)) * np.float32(1.0 / house.floor_m)
    column, floor = i.astype(np.int32), j.astype(np.int32)
    code = (column * 131 + floor * 7919 + style.seed).astype(np.uint64)
    chance = (hash_bits(code) >> np.uint64(48)).astype(np.int32)
    kind = np.where(column % 3 == 1, style.upper[1], style.upper[0])
    ground = np.where(chance % 3 == 0, style.ground[1], style.ground[0]) + 8
    kind = np.where(floor == 0, ground, kind)
    row = ((j - floor) * np.float32(64)).astype(np.int32)
    place = (kind * 64 + row) * 48 + ((i - column) * np.float32(48)).astype(np.int32)
    found = bays.take(place, mode="clip")
    shade = shades.take(place, mode="clip")
    attic = floor >= house.floors
    found = np.where(attic, np.uint8(TRIM), found)
    shade = np.where(attic, np.float32(0.9), shade)
    if style.bands:
        found = np.where((row < 3) & (floor > 0) & (found == WALL), np.uint8(TRIM), found)
    # Each window mirrors its own part of the sky, or hangs curtains behind it.
    glass = (found == GLASS) | (found == SHOP)
    mirror = (chance & 255).astype(np.float32) * np.float32(1.0 / 255.0)
    mirror = mirror * mirror * (np.float32(0.35) + np.float32(0.5) * (j - floor))
    streak = noise("cloud", a * np.float32(across * 20), y * np.float32(14.0))
    mirror = np.where(glass, mirror * (_ONE + np.float32(0.5) * streak), np.float32(0.0))
    return found, shade, mirror


def _bricks(x: Float32Array, y: Float32Array, z: Float32Array) -> Float32Array:
    """Return the brightness of bricks and mortar, which blend far away."""
    j = y * np.float32(1.0 / 0.09)
    row = np.floor(j)
    i = x * np.float32(1.0 / 0.26) + np.float32(0.5) * (row - np.float32(2.0) * np.floor(row * 0.5))
    column = np.floor(i)
    mortar = (j - row < 0.16) | (i - column < 0.06)
    fade = np.clip(np.float32(1.5) - z * np.float32(0.045), 0.0, 1.0)
    own = noise("grain", column, row)
    return (
        _ONE + (np.where(mortar, np.float32(0.45), np.float32(0.0)) + own * np.float32(0.25)) * fade
    )


def paint_house(canvas: Canvas, house: House, light: Light, dice: Dice, shops: bool) -> None:
    """Paint the front, the two side walls and the roof of a house."""
    style = _roll_style(dice, shops)
    step = canvas.camera.step
    ax, az = house.a
    bx, bz = house.b
    run = (bx - ax, bz - az)
    width = float((run[0] * run[0] + run[1] * run[1]) ** 0.5)
    # The normal points towards the street.
    nx, nz = run[1] / width, -run[0] / width
    if (house.side and nx * house.side > 0) or (house.side == 0 and nz > 0):
        nx, nz = -nx, -nz
    height = house.height - house.base
    up = (0.0, height, 0.0)
    front = _front_paint(house, style, light, width, True, (nx, 0.0, nz), step)
    canvas.patch((ax, house.base, az), (run[0], 0.0, run[1]), up, front)
    deep = dice.uniform(9.0, 14.0)
    back = (-nx * deep, 0.0, -nz * deep)
    bare = dice.chance(0.45)
    pitch = dice.uniform(0.5, 1.0) if dice.chance(0.6) else 0.0
    for x, z in ((ax, az), (bx, bz)):
        toward = -1.0 if (x, z) == (ax, az) else 1.0
        normal = (toward * run[0] / width, 0.0, toward * run[1] / width)
        if normal[0] * x + normal[2] * z >= 0.0:
            continue
        wall = _front_paint(house, style, light, deep, not bare, normal, step)
        canvas.patch((x, house.base, z), back, up, wall)
        if pitch:
            rise = 0.5 * deep * pitch
            origin = (x, house.height, z)
            gable = _front_paint(house, style, light, deep, False, normal, step)
            canvas.patch(origin, back, (0.0, rise, 0.0), gable, (1.0, 0.0))
    if pitch:
        _roof(canvas, house, (nx, nz), run, light, dice, deep, pitch)


def _roof(
    canvas: Canvas, house: House, normal: tuple[float, float], run: tuple[float, float],
    light: Light, dice: Dice, house_deep: float, pitch: float,
) -> None:  # fmt: skip
    """Paint the slope of a tiled roof above the front."""
    deep = 0.5 * house_deep
    rise = deep * pitch
    slope = float((1.0 + pitch * pitch) ** 0.5)
    facing = (normal[0] * pitch / slope, 1.0 / slope, normal[1] * pitch / slope)
    tile = dice.choice(((0.30, 0.12, 0.07), (0.22, 0.11, 0.08), (0.12, 0.12, 0.13),
                        (0.2, 0.17, 0.15)))  # fmt: skip
    light_on = light.face(*facing)
    color = reflected(tile, light_on)
    out = 0.35
    origin = (
        house.a[0] + normal[0] * out,
        house.height - out * pitch * 0.5,
        house.a[1] + normal[1] * out,
    )
    step = canvas.camera.step
    width = float((run[0] * run[0] + run[1] * run[1]) ** 0.5)

    def paint(hits: Hits) -> tuple[UInt8Array | int, Float32Array, BoolArray | None]:
        x, y = hits.a * np.float32(width), hits.b * np.float32(deep * slope)
        level = level_of(hits.z * np.float32(step * 40.0))
        row = y * np.float32(1.0 / 0.3)
        line = (row - np.floor(row)) * np.float32(0.25)
        bright = _ONE + np.float32(0.25) * noise("grain", x * 40, y * 40, level) - line
        bright += np.float32(0.2) * noise("cloud", x * 8, y * 8)
        return BUILDING, color * bright[:, None], None

    canvas.patch(
        origin, (run[0], 0.0, run[1]),
        (-normal[0] * (deep + out), rise + out * pitch * 0.5, -normal[1] * (deep + out)), paint,
    )  # fmt: skip
