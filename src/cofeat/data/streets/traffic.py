"""Vehicles on the lanes and along the kerbs."""

from __future__ import annotations

from functools import partial

from cofeat.data.streets.dice import Dice
from cofeat.data.streets.scenery import Scenery, add_cyclist, add_parked_cycle
from cofeat.data.streets.vehicles import paint_car, paint_long

# What drives, the frequent several times.
_MIX = ("car",) * 15 + ("truck", "truck", "bus", "bicycle", "bicycle", "motorcycle", "motorcycle")


def add_traffic(scenery: Scenery, dice: Dice) -> None:
    """Drive cars, trucks, buses, trams and riders along the lanes."""
    street = scenery.street
    for s in street.rails:
        if dice.chance(0.5):
            t = dice.uniform(17.0, 50.0)
            claim_vehicle(scenery, "tram", s, t, 1 if s == street.rails[0] else -1)
    for s, way in street.lanes:
        t = dice.uniform(9.0, 26.0) if way > 0 else dice.uniform(7.0, 22.0)
        busy = dice.uniform(0.25, 0.9)
        while t < 110.0:
            if dice.chance(busy):
                kind = dice.choice(_MIX)
                shift = 0.9 if kind == "bicycle" else dice.uniform(-0.25, 0.25)
                if kind in ("bicycle", "motorcycle"):
                    add_cyclist(scenery, s + way * shift, t * 0.8, kind == "motorcycle", dice)
                else:
                    far = t if kind == "car" else t + 6.0
                    claim_vehicle(scenery, kind, s + shift, far, way)
                    t = far
            t += dice.uniform(9.0, 24.0)
    for start, end in street.crossings:
        if dice.chance(0.45):  # someone drives across
            s, t = dice.choice((-1, 1)) * dice.uniform(4.0, 16.0), 0.5 * (start + end)
            if scenery.claim(s - 3.0, s + 3.0, t - 1.2, t + 1.2):
                x, z = street.place(s, t)
                add_vehicle(scenery, "car", x, z, (float(dice.choice((-1, 1))), 0.0), s, t)


def add_parked(scenery: Scenery, side: int, dice: Dice) -> None:
    """Park cars along the kerb."""
    street = scenery.street
    border = street.sides[side]
    if not border.parking:
        return
    s = border.kerb - side * 1.05
    full = dice.uniform(0.45, 0.95)
    t = dice.uniform(4.0, 10.0)
    while t < min(90.0, street.end):
        if dice.chance(full) and not street.crossed(t, 4.0):
            kind = dice.choice(("car",) * 20 + ("truck", "motorcycle", "motorcycle"))
            way = side if dice.chance(0.9) else -side
            if kind == "motorcycle":
                add_parked_cycle(scenery, s + side * 0.4, t, 0.0, True, dice)
            elif all(abs(t - 0.5 * (a + b)) > 5.0 for a, b in street.zebras):
                claim_vehicle(scenery, kind, s, t + (2.5 if kind == "truck" else 0.0), way)
        t += dice.uniform(5.3, 6.6)


def claim_vehicle(scenery: Scenery, kind: str, s: float, t: float, way: int) -> None:
    """Add a vehicle along the street unless its place is taken; ``way`` -1 comes towards us."""
    long = {"car": 2.6, "truck": 5.2, "bus": 6.5, "tram": 13.5}[kind]
    wide = 1.0 if kind == "car" else 1.35
    if not scenery.claim(s - wide, s + wide, t - long, t + long):
        return
    x, z = scenery.street.place(s, t)
    hx, hz = scenery.street.heading(t)
    add_vehicle(scenery, kind, x, z, (hx * way, hz * way), s, t)


def add_vehicle(
    scenery: Scenery, kind: str, x: float, z: float, heading: tuple[float, float], s: float,
    t: float,
) -> None:  # fmt: skip
    """Add a vehicle with any heading."""
    roll, lit = scenery.fork(kind), scenery.lit(s, t)
    canvas, light = scenery.canvas, scenery.light
    if kind == "car":
        scenery.add(z - 2.0, partial(paint_car, canvas, light, x, z, heading, roll, lit))
    else:
        scenery.add(z - 5.0, partial(paint_long, canvas, light, kind, x, z, heading, roll, lit))
