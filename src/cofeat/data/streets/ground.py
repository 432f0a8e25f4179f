"""Carriageway, markings, rails, kerb, sidewalk and verge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cofeat.data.streets.canvas import BoolArray, Canvas
from cofeat.data.streets.dice import Dice
from cofeat.data.streets.light import Light, rgb
from cofeat.data.streets.shadows import GroundShade
from cofeat.data.streets.street import KERB_M, LEFT, RIGHT, Street
from cofeat.data.streets.texture import IntArray, level_of, noise
from cofeat.image import Float32Array, UInt8Array

ROAD, SIDEWALK, TERRAIN = 7, 8, 22
_TEXELS_PER_M = np.float32(40.0)
_ONE = np.float32(1.0)


@dataclass
class Spots:
    """Samples of the ground: each field (n,)."""

    s: Float32Array
    t: Float32Array
    z: Float32Array
    level: IntArray
    """Level of noise at ``_TEXELS_PER_M``."""
    kerb: BoolArray
    raised: BoolArray

    def grain(self, kind: str, scale: float, shift: int = 0) -> Float32Array:
        """Look up noise at ``scale`` times the usual texels per metre."""
        per_m = _TEXELS_PER_M * np.float32(scale)
        return noise(kind, self.s * per_m, self.t * per_m, np.clip(self.level - shift, 0, 7))


def paint_ground(
    canvas: Canvas, street: Street, light: Light, shade: GroundShade, dice: Dice
) -> None:
    """Paint everything that is still empty below the horizon."""
    below = canvas.label[shade.first :]
    chosen = np.flatnonzero(below == 0)
    if not chosen.size:
        return
    width = below.shape[1]
    rows = chosen // width
    spots = _locate(canvas, street, shade.first, rows, chosen - rows * width)
    label, color = _surface(spots, street, dice)
    _mark(spots, street, label, color, dice)
    lit = light.sunlit(spots.s, spots.t, 0.0) & (shade.sun.ravel()[chosen] > 0)
    sky = shade.sky.ravel()[chosen]
    # Below tall houses only a slit of sky is seen.
    flat = light.face(0.0, 1.0, 0.0, lit=False)
    full = light.face(0.0, 1.0, 0.0)
    for channel in range(3):
        sun = np.float32(full[channel] - flat[channel]) * lit
        color[:, channel] *= sky * np.float32(flat[channel]) + sun
    start = shade.first * width
    canvas.label.ravel()[start:][chosen] = label
    canvas.color.reshape(-1, 3)[start:][chosen] = color
    canvas.nearness.ravel()[start:][chosen] = _ONE / spots.z


def _locate(
    canvas: Canvas,
    street: Street,
    first: int,
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
) -> Spots:
    """Intersect the rays with the raised sides, the kerbs and the carriageway."""
    camera = canvas.camera
    ty = -camera.ty[first:]
    depth_road = np.float32(camera.height_m) / ty
    depth_raised = np.float32(camera.height_m - KERB_M) / ty
    foot = np.float32(camera.step) * depth_road
    foot = foot * np.sqrt(depth_road * np.float32(1.0 / camera.height_m))
    level = level_of(foot * _TEXELS_PER_M)[rows]
    tx = camera.tx[columns]
    low, high = np.float32(street.sides[LEFT].kerb), np.float32(street.sides[RIGHT].kerb)

    def lateral(depth: Float32Array) -> Float32Array:
        course = depth * np.float32(street.slope) + depth * depth * np.float32(0.5 * street.bend)
        return (tx * depth[rows] - course[rows]) * np.float32(1.0 / street.stretch)

    s_raised = lateral(depth_raised)
    s = lateral(depth_road)
    z_raised, z = depth_raised[rows], depth_road[rows]
    open_raised, open_road = (
        _crossed(street, depth_raised)[rows],
        _crossed(street, depth_road)[rows],
    )
    raised = ((s_raised < low) | (s_raised > high)) & ~open_raised
    kerb = ((s < low) | (s > high)) & ~open_road & ~raised
    # On the kerb's face: between the two planes, where the ray is at the kerb.
    edge = np.where(s < low, low, high)
    between = s - s_raised
    between = np.where(np.abs(between) < 1e-6, np.float32(1e-6), between)
    share = np.clip((edge - s_raised) / between, 0.0, 1.0)
    z = np.where(raised, z_raised, np.where(kerb, z_raised + share * (z - z_raised), z))
    s = np.where(raised, s_raised, np.where(kerb, edge, s))
    return Spots(s, z, z, level, kerb, raised)


def _crossed(street: Street, t: Float32Array) -> BoolArray:
    inside = np.zeros(t.shape, dtype=np.bool_)
    for start, end in street.crossings:
        inside |= (t > start) & (t < end)
    return inside


def _surface(spots: Spots, street: Street, dice: Dice) -> tuple[UInt8Array, Float32Array]:
    """Return label and unlit color of the bare ground."""
    n = spots.s.size
    fine = spots.grain("grain", 1.0)
    wide = spots.grain("cloud", 0.25, 2)
    label: UInt8Array = np.full(n, ROAD, dtype=np.uint8)
    tone = dice.uniform(0.10, 0.19)
    warm = dice.uniform(-0.03, 0.05)
    rough = dice.uniform(0.28, 0.6)
    gray = np.float32(tone) * (_ONE + fine * np.float32(rough) + wide * np.float32(0.16))
    # Wheels polish two tracks in each lane.
    lane = (spots.s + np.float32(0.5 * street.lane_m)) * np.float32(1.0 / street.lane_m)
    lane = np.abs(lane - np.floor(lane) - np.float32(0.5))
    gray *= _ONE + np.float32(dice.uniform(-0.14, 0.12)) * (np.abs(lane - np.float32(0.25)) < 0.1)
    crack = np.abs(spots.grain("cloud", 0.6, 1)) < np.float32(dice.choice((0.0, 0.008, 0.018)))
    gray *= _ONE - np.float32(0.4) * (crack & (spots.z < 25.0))
    _repair(spots, gray, dice)
    color: Float32Array = np.empty((n, 3), dtype=np.float32)
    for channel, tint in enumerate((1.0 + warm, 1.0, 1.0 - warm)):
        color[:, channel] = gray * np.float32(tint)
    for side in (LEFT, RIGHT):
        _bands(spots, street, side, label, color, fine, wide, dice.fork(f"band{side}"))
    kerb = np.flatnonzero(spots.kerb)
    label[kerb] = SIDEWALK
    color[kerb] = np.float32(dice.uniform(0.22, 0.34)) * (
        _ONE + np.float32(0.15) * fine[kerb, None]
    )
    return label, color


def _repair(spots: Spots, gray: Float32Array, dice: Dice) -> None:
    """Lay a few mended rectangles and manholes."""
    for _ in range(dice.integer(0, 4)):
        s, t = dice.uniform(-5.0, 3.0), dice.uniform(5.0, 30.0)
        half, long = dice.uniform(0.3, 1.4), dice.uniform(1.0, 9.0)
        inside = (np.abs(spots.s - np.float32(s)) < half) & (np.abs(spots.t - np.float32(t)) < long)
        gray[inside] *= np.float32(dice.choice((0.68, 0.8, 1.2)))
    for _ in range(dice.integer(0, 2)):
        s, t = dice.uniform(-4.0, 2.5), dice.uniform(6.0, 25.0)
        ds, dt = spots.s - np.float32(s), spots.t - np.float32(t)
        gray[ds * ds + dt * dt < 0.14] *= np.float32(0.55)


def _bands(
    spots: Spots,
    street: Street,
    side: int,
    label: UInt8Array,
    color: Float32Array,
    fine: Float32Array,
    wide: Float32Array,
    dice: Dice,
) -> None:
    """Paint what is raised on one side."""
    border = street.sides[side]
    chosen = np.flatnonzero(spots.raised & ((spots.s > 0) == (side > 0)))
    if not chosen.size:
        return
    s, t = spots.s[chosen], spots.t[chosen]
    away = (s - np.float32(border.kerb)) * np.float32(side)
    fine, wide = fine[chosen], wide[chosen]
    green = np.full(chosen.size, border.beyond == "terrain")
    total = sum(width for _, width in border.bands)
    for kind, width in reversed(border.bands):
        green[away < total] = kind == "terrain"
        total -= width
    green &= away > 0.15
    # Paving stones with dark joints, which fade where they are finer than a sample.
    stone = dice.choice((0.3, 0.5, 0.5, 1.0))
    tone = dice.uniform(0.2, 0.36)
    i, j = away * np.float32(1.0 / stone), t * np.float32(1.0 / stone)
    joint = (i - np.floor(i) < 0.07) | (j - np.floor(j) < 0.07)
    fade = np.clip(np.float32(1.6) - t * np.float32(0.09 / stone), 0.0, 1.0)
    one = noise("grain", np.floor(i), np.floor(j))
    value = np.float32(tone) * (
        _ONE + np.float32(0.13) * fine + np.float32(0.12) * wide
        + (np.float32(0.09) * one - np.float32(0.3) * joint) * fade
    )  # fmt: skip
    value[away < 0.15] = np.float32(dice.uniform(0.26, 0.4))
    tint = dice.choice(((1.0, 0.97, 0.92), (1.0, 1.0, 1.0), (1.06, 0.97, 0.9)))
    patch: Float32Array = value[:, None] * rgb(tint)
    if border.parking is False and dice.chance(0.25) and total < 0.1:
        red = (away > 0.5) & (away < 1.6) & ~green
        patch[red] *= rgb((1.1, 0.7, 0.62))
    grass = np.flatnonzero(green)
    if grass.size:
        level = spots.level[chosen][grass]
        leaf = noise("leaf", s[grass] * 60, t[grass] * 45, level)
        dry = np.clip(wide[grass] * np.float32(0.7) + np.float32(dice.uniform(0.0, 0.6)), 0, 1)
        light = np.float32(0.6) * (_ONE + np.float32(0.5) * leaf + np.float32(0.25) * fine[grass])
        fresh, stale = rgb((0.085, 0.125, 0.045)), rgb((0.2, 0.185, 0.11))
        patch[grass] = light[:, None] * 1.5 * (fresh + (stale - fresh) * dry[:, None])
    color[chosen] = patch
    label[chosen] = np.where(green, TERRAIN, SIDEWALK)


def _mark(spots: Spots, street: Street, label: UInt8Array, color: Float32Array, dice: Dice) -> None:
    """Paint lines, crossings, arrows and rails on the carriageway."""
    s, t = spots.s, spots.t
    paint = np.zeros(s.size, dtype=np.bool_)
    crossed = _crossed(street, t)
    dash = t * np.float32(1.0 / 9.0) + np.float32(dice.uniform(0.0, 1.0))
    dashed = dash - np.floor(dash) < dice.choice((0.33, 0.5, 0.5))
    for at, style in street.lines:
        away = np.abs(s - np.float32(at))
        if style == "double":
            paint |= np.abs(away - np.float32(0.14)) < 0.06
        elif style == "solid":
            paint |= away < 0.07
        else:
            paint |= (away < 0.07) & dashed
    paint &= ~crossed
    for start, end in street.zebras:
        inside = (t > start) & (t < end)
        bars = s * np.float32(1.0) + np.float32(50.25)
        paint = np.where(inside, bars - np.floor(bars) < 0.5, paint)
    for start, _ in street.crossings:
        stop = (t > start - 5.6) & (t < start - 5.1)
        paint |= stop & (s > -0.5 * street.lane_m) & (s < street.sides[RIGHT].kerb)
    if dice.chance(0.35):
        paint |= _arrow(s, t, dice)
    wear = spots.grain("grain", 0.7) * np.float32(0.5) + spots.grain("cloud", 0.5, 1)
    paint &= (label == ROAD) & (wear < np.float32(dice.uniform(0.6, 1.4)))
    color[paint] = np.float32(dice.uniform(0.5, 0.72)) * (
        _ONE + np.float32(0.12) * wear[paint, None]
    )
    for middle in street.rails:
        away = np.abs(np.abs(s - np.float32(middle)) - np.float32(0.72))
        road = label == ROAD
        color[road & (np.abs(s - np.float32(middle)) < 1.15)] *= rgb((1.2, 1.17, 1.1))
        color[road & (away < 0.12)] *= np.float32(0.5)
        color[road & (away < 0.05)] = rgb((0.3, 0.29, 0.28))


def _arrow(s: Float32Array, t: Float32Array, dice: Dice) -> BoolArray:
    """Draw an arrow straight on, with or without a branch to the right."""
    along = (t - np.float32(dice.uniform(7.0, 22.0))) * np.float32(1.0 / 4.0)
    shaft = (np.abs(s) < 0.09) & (along > 0.0) & (along < 0.7)
    head = (along >= 0.6) & (np.abs(s) < (_ONE - along) * np.float32(0.95))
    if dice.chance(0.5):
        bent = s - np.float32(0.09)
        up = along - np.float32(0.25) - bent * np.float32(0.1)
        shaft |= (bent > 0) & (bent < 0.35) & (np.abs(up) < 0.06)
        head |= (bent >= 0.3) & (np.abs(up) < (np.float32(0.75) - bent) * np.float32(0.4))
    return np.asarray(shaft | (head & (along > 0.0)))
