"""What stands between the kerb and the houses, and the people there."""

from __future__ import annotations

from functools import partial

from cofeat.data.streets.dice import Dice
from cofeat.data.streets.furniture import paint_lamp, paint_pole, paint_sign, paint_signal
from cofeat.data.streets.scenery import (
    Scenery,
    add_barrier,
    add_bush,
    add_parked_cycle,
    add_person,
    add_tree,
)
from cofeat.data.streets.street import KERB_M, LEFT, RIGHT

_IRON = (0.07, 0.07, 0.07)


def add_border(scenery: Scenery, side: int, dice: Dice) -> None:
    """Set front gardens, guard rails and a row of trees beside the carriageway."""
    street = scenery.street
    border = street.sides[side]
    outer = abs(border.kerb) + sum(width for _, width in border.bands)
    last = min(street.end, 110.0)
    if abs(border.edge) - outer > 0.9:
        _add_gardens(scenery, side, outer, last, dice.fork("gardens"))
    if street.kind == "arterial" and dice.chance(0.6):
        add_barrier(scenery, "rail", border.kerb + side * 0.7, 1.0, last, dice.fork("rail"))
    elif dice.chance(0.08):
        add_barrier(scenery, "fence", border.kerb + side * 0.3, 1.0, 28.0, dice.fork("low"))
    if dice.chance({"canyon": 0.55, "avenue": 0.9, "suburb": 0.6, "arterial": 0.75}[street.kind]):
        _add_alley(scenery, border.kerb + side * 0.85, last, dice.fork("alley"))


def _add_gardens(scenery: Scenery, side: int, outer: float, last: float, dice: Dice) -> None:
    """Line front gardens with fences, walls and hedges; plant them."""
    street = scenery.street
    deep = abs(street.sides[side].edge) - outer
    t = 2.0
    while t < last:
        stop = min(t + dice.uniform(9.0, 18.0), last)
        if not (street.crossed(t, 1.0) or street.crossed(stop, 1.0)) and dice.chance(0.8):
            kind = dice.choice(("fence", "fence", "wall", "hedge", "hedge"))
            add_barrier(scenery, kind, side * (outer + 0.1), t, stop - 1.2, dice.fork(f"{t:.2f}"))
        trees, bushes = (dice.integer(0, 2), dice.integer(0, 2)) if deep > 2.5 else (0, 0)
        for _ in range(trees):
            s, at = side * (outer + dice.uniform(1.2, deep)), dice.uniform(t, stop)
            add_tree(scenery, s, at, KERB_M, dice.uniform(4.0, 8.5))
        for _ in range(bushes):
            s, at = side * (outer + dice.uniform(0.8, deep)), dice.uniform(t, stop)
            add_bush(scenery, s, at, dice)
        t = max(stop, t + 1.0)


def _add_alley(scenery: Scenery, s: float, last: float, dice: Dice) -> None:
    """Plant a row of trees of like height."""
    pitch, tall = dice.uniform(7.0, 14.0), dice.uniform(5.5, 10.5)
    t = dice.uniform(4.0, 14.0)
    while t < last:
        if not scenery.street.crossed(t, 2.5) and dice.chance(0.85):
            add_tree(scenery, s, t, KERB_M, tall * dice.around(1.0, 0.2))
        t += pitch * dice.around(1.0, 0.15)


def add_sidewalk(scenery: Scenery, side: int, dice: Dice) -> None:
    """Put people, parked bicycles, lamps, signs and posts beside the road."""
    border = scenery.street.sides[side]
    inner = abs(border.kerb) + 0.5
    outer = max(abs(border.kerb) + sum(width for _, width in border.bands) - 0.3, inner + 0.5)
    _add_people(scenery, side * inner, side * outer, dice.fork("people"))
    if dice.chance(0.4):
        t, s = dice.uniform(7.0, 30.0), side * (outer if dice.chance(0.6) else inner)
        for index in range(dice.integer(1, 6)):
            add_parked_cycle(scenery, s, t + index * dice.uniform(0.8, 2.2), KERB_M, False, dice)
    _add_lamps(scenery, side, dice.fork("lamps"))
    _add_signs(scenery, side, dice.fork("signs"))
    if dice.chance(0.22) and not border.parking:
        _add_posts(scenery, side)


def _add_people(scenery: Scenery, inner: float, outer: float, dice: Dice) -> None:
    street = scenery.street
    crowd = dice.choice((1, 2, 4, 7)) if street.kind in ("canyon", "avenue") else dice.integer(0, 3)
    for _ in range(crowd):
        add_person(scenery, dice.uniform(inner, outer), dice.uniform(7.0, 50.0), KERB_M)
    for start, end in street.zebras:
        for _ in range(dice.choice((0, 0, 1, 2))):
            add_person(scenery, dice.uniform(-5.0, 4.0), dice.uniform(start, end), 0.0)


def _add_lamps(scenery: Scenery, side: int, dice: Dice) -> None:
    street = scenery.street
    pitch = dice.uniform(18.0, 32.0)
    s, t = street.sides[side].kerb + side * 0.45, dice.uniform(5.0, 25.0)
    while t < 100.0 and dice.chance(0.9):
        if not street.crossed(t, 1.0):
            x, z = street.place(s, t)
            roll, lit = scenery.fork("lamp"), scenery.lit(s, t, 4.0)
            scenery.add(
                z,
                partial(paint_lamp, scenery.canvas, scenery.light, x, z, KERB_M, side, roll, lit),
            )
        t += pitch


def _add_signs(scenery: Scenery, side: int, dice: Dice) -> None:
    street = scenery.street
    for _ in range(dice.choice((0, 1, 1, 2, 3))):
        s = street.sides[side].kerb + side * dice.uniform(0.3, 0.7)
        t = dice.uniform(8.0, 45.0)
        if street.crossed(t):
            continue
        x, z = street.place(s, t)
        roll, lit = scenery.fork("sign"), scenery.lit(s, t, 2.5)
        scenery.add(z, partial(paint_sign, scenery.canvas, scenery.light, x, z, KERB_M, roll, lit))


def _add_posts(scenery: Scenery, side: int) -> None:
    """Set a row of low posts along the kerb."""
    street = scenery.street
    for index in range(10):
        t = 5.0 + index * 2.2
        if street.crossed(t):
            continue
        s = street.sides[side].kerb + side * 0.3
        x, z = street.place(s, t)
        lit = scenery.lit(s, t)
        scenery.add(
            z,
            partial(paint_pole, scenery.canvas, scenery.light, x, z, KERB_M, 0.95, 0.1, _IRON, lit),
        )


def add_signals(scenery: Scenery, dice: Dice) -> None:
    """Traffic lights at crossings."""
    street = scenery.street
    canvas, light = scenery.canvas, scenery.light
    for start, end in street.crossings:
        if not dice.chance(0.7):
            continue
        for side, t in ((RIGHT, start - 1.0), (LEFT, start - 1.0), (RIGHT, end + 1.0)):
            s = street.sides[side].kerb + side * 0.4
            x, z = street.place(s, t)
            roll, lit = scenery.fork("signal"), scenery.lit(s, t, 3.0)
            scenery.add(
                z,
                partial(paint_signal, canvas, light, x, z, KERB_M, side, roll, lit),
            )
