"""The rows of houses on both sides, the gaps between them and the end of the street."""

from __future__ import annotations

from functools import partial

from cofeat.data.streets.dice import Dice
from cofeat.data.streets.facades import House, paint_house
from cofeat.data.streets.light import ROW_START_M
from cofeat.data.streets.scenery import Scenery, add_barrier, add_tree
from cofeat.data.streets.street import FAR_M, KERB_M, Street


def add_houses(scenery: Scenery, side: int, dice: Dice) -> None:
    """Line one side of the street with houses; mark where there is none."""
    street, light = scenery.street, scenery.light
    gaps = _gaps(street, dice.fork("gaps"))
    floors = {"canyon": (3, 6), "avenue": (3, 7), "suburb": (1, 3), "arterial": (2, 6)}[street.kind]
    usual = dice.integer(*floors)
    shops = street.kind in ("canyon", "avenue") and dice.chance(0.6)
    s = street.sides[side].edge
    t = -14.0
    while t < street.end:
        length = dice.uniform(8.0, 13.0) if street.kind == "suburb" else dice.uniform(9.0, 24.0)
        blocked = [gap for gap in gaps if gap[0] < t + length and gap[1] > t]
        if blocked and blocked[0][0] - t < 6.0:
            _add_gap(scenery, side, t, blocked[0], dice.fork(f"gap{t:.1f}"))
            t = max(blocked[0][1], t + 0.5)
            continue
        if blocked:
            length = blocked[0][0] - t
        count = max(usual + dice.choice((-1, 0, 0, 1)), 1)
        back = dice.uniform(0.0, 1.2) if street.kind == "suburb" else 0.0
        away = s + side * back
        house = House(
            street.place(away, t), street.place(away, t + length), side, KERB_M, count,
            dice.uniform(2.8, 3.5), t, away,
        )  # fmt: skip
        first, last = int(t - ROW_START_M), int(t + length - ROW_START_M)
        light.rows[side][max(first, 0) : max(last, 0)] = house.height
        roll = scenery.fork("house")
        scenery.add(
            max(t, 1.0) + 3.0,
            partial(paint_house, scenery.canvas, house, light, roll, shops),
        )
        t += length + (dice.uniform(3.0, 8.0) if street.kind == "suburb" else 0.0)


def _gaps(street: Street, dice: Dice) -> list[tuple[float, float]]:
    """Return stretches of t without houses: crossings, and a gap or two."""
    gaps = [(start - 1.5, end + 1.5) for start, end in street.crossings]
    share = {"canyon": 0.3, "avenue": 0.45, "suburb": 0.6, "arterial": 0.9}[street.kind]
    t = -10.0
    while t < FAR_M:
        t += dice.uniform(15.0, 60.0)
        if dice.chance(share):
            width = dice.uniform(5.0, 16.0) * (2.2 if street.kind == "arterial" else 1.0)
            gaps.append((t, t + width))
            t += width
    return gaps


def _add_gap(scenery: Scenery, side: int, t: float, gap: tuple[float, float], dice: Dice) -> None:
    """Fill a gap between houses with trees and a wall, a fence or a hedge; leave crossings open."""
    street = scenery.street
    start, end = max(t, gap[0]), min(gap[1], street.end)
    s = street.sides[side].edge
    crossed = any(a - 2.0 <= gap[0] and gap[1] <= b + 2.0 for a, b in street.crossings)
    if crossed or end - start < 1.0:
        # Houses and trees far down the side street.
        add_tree(
            scenery, s + side * dice.uniform(25.0, 40.0), start - 1.0, 0.0, dice.uniform(7, 11)
        )
        add_tree(scenery, s + side * dice.uniform(25.0, 40.0), end + 2.0, 0.0, dice.uniform(7, 11))
        return
    kind = dice.choice(("wall", "wall", "fence", "fence", "hedge"))
    add_barrier(scenery, kind, s, start, end, dice)
    for _ in range(dice.integer(1, 2 + int((end - start) / 6))):
        add_tree(
            scenery, s + side * dice.uniform(2.5, 9.0), dice.uniform(start, end), KERB_M,
            dice.uniform(5.5, 11.0),
        )  # fmt: skip


def add_end(scenery: Scenery, dice: Dice) -> None:
    """Close the view: houses across the street's end, or trees and far roofs."""
    street = scenery.street
    t = street.end
    if dice.chance(0.55):
        s = -45.0
        floors = dice.integer(2, 5)
        while s < 45.0:
            width = dice.uniform(10.0, 22.0)
            house = House(
                street.place(s, t + 12.0), street.place(s + width, t + 12.0), 0, 0.0,
                max(floors + dice.choice((-1, 0, 1)), 1), dice.uniform(2.9, 3.5), t, 0.0,
            )  # fmt: skip
            roll = scenery.fork("end")
            scenery.add(
                t + 12.0,
                partial(paint_house, scenery.canvas, house, scenery.light, roll, False),
            )
            s += width
    s = -70.0
    while s < 70.0:
        s += dice.uniform(4.0, 11.0)
        if dice.chance(0.75):
            add_tree(scenery, s, t + dice.uniform(2.0, 30.0), 0.0, dice.uniform(7.0, 14.0))
