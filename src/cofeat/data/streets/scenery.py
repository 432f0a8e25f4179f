"""Collects the things of a scene and paints them from near to far."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cofeat.data.streets.canvas import Canvas
from cofeat.data.streets.dice import Dice
from cofeat.data.streets.furniture import paint_barrier
from cofeat.data.streets.light import Light
from cofeat.data.streets.people import paint_cycle, paint_person
from cofeat.data.streets.plants import paint_bush, paint_tree
from cofeat.data.streets.shadows import Caster, GroundShade
from cofeat.data.streets.street import KERB_M, Street

# Paints one thing; returns what shades the ground, if anything.
Thing = Callable[[], Caster | None]
# Shadows farther off than this are not seen.
_SHADOW_M = 60.0


class Scenery:
    """Collects the things of a scene, then paints them from near to far."""

    def __init__(self, canvas: Canvas, street: Street, light: Light, dice: Dice) -> None:
        self.canvas, self.street, self.light, self.dice = canvas, street, light, dice
        self._things: list[tuple[float, Thing]] = []
        self._count = 0
        # Stretches of t per lane of objects that are taken, so that nothing stands in another.
        self._taken: list[tuple[float, float, float, float]] = []

    def add(self, z: float, thing: Thing) -> None:
        """Add a thing whose nearest point is about at ``z``."""
        self._things.append((z, thing))

    def fork(self, name: str) -> Dice:
        """Return dice of its own for one thing."""
        self._count += 1
        return self.dice.fork(f"{name}{self._count}")

    def claim(self, s0: float, s1: float, t0: float, t1: float) -> bool:
        """Take a rectangle of ground unless some of it is taken."""
        for a0, a1, b0, b1 in self._taken:
            if s0 < a1 and a0 < s1 and t0 < b1 and b0 < t1:
                return False
        self._taken.append((s0, s1, t0, t1))
        return True

    def lit(self, s: float, t: float, y: float = 1.0) -> bool:
        """Return whether the sun reaches a place."""
        return self.light.sun_color[0] > 0 and self.light.sunlit_at(s, t, y)

    def paint(self, shade: GroundShade) -> None:
        """Paint everything and cast the shadows."""
        self._things.sort(key=lambda entry: entry[0])
        for z, thing in self._things:
            caster = thing()
            if caster is not None and z < _SHADOW_M:
                shade.cast(caster, self.light)


def add_barrier(
    scenery: Scenery, kind: str, s: float, start: float, end: float, dice: Dice
) -> None:
    """Set up a fence, wall or hedge along the street, in pieces that follow its bend."""
    street = scenery.street
    height = {"wall": dice.uniform(1.2, 2.8), "fence": dice.uniform(1.0, 2.0),
              "hedge": dice.uniform(0.9, 2.0), "rail": 0.85}[kind]  # fmt: skip
    t = start
    style = dice.fork("style").name
    while t < end - 0.3:
        stop = min(t + 12.0, end)
        a, b = street.place(s, t), street.place(s, stop)
        lit = scenery.lit(s, 0.5 * (t + stop))
        scenery.add(
            max(t, 1.0) + 1.0,
            partial(
                paint_barrier,
                scenery.canvas,
                scenery.light,
                kind,
                a,
                b,
                KERB_M,
                height,
                Dice(style),
                lit,
            ),
        )
        t = stop


def add_tree(scenery: Scenery, s: float, t: float, base: float, height: float) -> None:
    """Plant a tree of that height."""
    if t < 3.0:
        return
    x, z = scenery.street.place(s, t)
    roll, lit = scenery.fork("tree"), scenery.lit(s, t, 5.0)
    scenery.add(
        z, partial(paint_tree, scenery.canvas, scenery.light, x, z, base, height, roll, lit)
    )


def add_bush(scenery: Scenery, s: float, t: float, dice: Dice) -> None:
    """Plant a bush."""
    if t < 3.0:
        return
    x, z = scenery.street.place(s, t)
    roll, lit = scenery.fork("bush"), scenery.lit(s, t)
    width, height = dice.uniform(1.2, 3.0), dice.uniform(0.8, 2.0)
    scenery.add(
        z,
        partial(paint_bush, scenery.canvas, scenery.light, x, z, KERB_M, width, height, roll, lit),
    )


def add_person(scenery: Scenery, s: float, t: float, base: float) -> None:
    """Put someone on foot there, unless the place is taken."""
    if scenery.street.crossed(t):
        base = 0.0
    if not scenery.claim(s - 0.35, s + 0.35, t - 0.3, t + 0.3):
        return
    x, z = scenery.street.place(s, t)
    roll, lit = scenery.fork("person"), scenery.lit(s, t)
    scenery.add(z, partial(paint_person, scenery.canvas, scenery.light, x, z, base, roll, lit))


def add_cyclist(scenery: Scenery, s: float, t: float, motor: bool, dice: Dice) -> None:
    """Let someone ride a bicycle or a motorcycle there."""
    if not scenery.claim(s - 0.5, s + 0.5, t - 1.2, t + 1.2):
        return
    x, z = scenery.street.place(s, t)
    roll, lit = scenery.fork("cyclist"), scenery.lit(s, t)
    side = dice.chance(0.3)
    along = (0.8, 0.6) if side else (1.0, 0.0)
    scenery.add(
        z,
        partial(paint_cycle, scenery.canvas, scenery.light, x, z, 0.0, along, roll, lit,
            motor=motor, ridden=True, side=side,
        ),
    )  # fmt: skip


def add_parked_cycle(
    scenery: Scenery, s: float, t: float, base: float, motor: bool, dice: Dice
) -> None:
    """Park a bicycle or a motorcycle there, unless the place is taken."""
    if t < 4.0 or not scenery.claim(s - 0.3, s + 0.3, t - 1.0, t + 1.0):
        return
    x, z = scenery.street.place(s, t)
    hx, hz = scenery.street.heading(t)
    along = (hx, hz) if dice.chance(0.5) else (0.8, 0.6) if s > 0 else (0.8, -0.6)
    roll, lit = scenery.fork("parked"), scenery.lit(s, t)
    scenery.add(
        z - 0.5,
        partial(paint_cycle, scenery.canvas, scenery.light, x, z, base, along, roll, lit,
            motor=motor, ridden=False, side=True,
        ),
    )  # fmt: skip
