"""What stands where in a street."""

from __future__ import annotations

import numpy as np

from cofeat.data.streets.canvas import Canvas
from cofeat.data.streets.dice import Dice
from cofeat.data.streets.light import ROW_BINS, Light
from cofeat.data.streets.roadside import add_border, add_sidewalk, add_signals
from cofeat.data.streets.rows import add_end, add_houses
from cofeat.data.streets.scenery import Scenery
from cofeat.data.streets.shadows import GroundShade
from cofeat.data.streets.street import LEFT, RIGHT, Street
from cofeat.data.streets.traffic import add_parked, add_traffic


def fill_street(
    canvas: Canvas, street: Street, light: Light, shade: GroundShade, dice: Dice
) -> None:
    """Choose and paint everything that stands in the street."""
    scenery = Scenery(canvas, street, light, dice)
    for side in (LEFT, RIGHT):
        light.edges[side] = street.sides[side].edge
        light.rows[side] = np.zeros(ROW_BINS, dtype=np.float32)
    for side in (LEFT, RIGHT):
        add_houses(scenery, side, dice.fork(f"houses{side}"))
    add_end(scenery, dice.fork("end"))
    add_traffic(scenery, dice.fork("traffic"))
    for side in (LEFT, RIGHT):
        add_parked(scenery, side, dice.fork(f"parked{side}"))
        add_border(scenery, side, dice.fork(f"border{side}"))
        add_sidewalk(scenery, side, dice.fork(f"walk{side}"))
    add_signals(scenery, dice.fork("signals"))
    scenery.paint(shade)
