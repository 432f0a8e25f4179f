"""The course and the cross-section of a street, and the coordinates along it.

Street coordinates: s metres to the right of the camera's path, t metres ahead
along the optical axis. The path is a parabola: X = slope * t + bend * t^2 / 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cofeat.data.streets.dice import Dice

KERB_M = 0.12
LEFT, RIGHT = -1, 1
FAR_M = 150.0


@dataclass
class Side:
    """What lies beside the carriageway, from the kerb outwards."""

    kerb: float
    """s of the kerb."""
    bands: list[tuple[str, float]]
    """("sidewalk" or "terrain", width in metres)."""
    edge: float = 0.0
    """s of the line on which the fronts of the houses stand."""
    beyond: str = "sidewalk"
    """What the ground is behind the bands."""
    parking: bool = False
    """Whether cars stand along the kerb."""


@dataclass
class Street:
    """One street as seen from a car driving on the right."""

    kind: str
    slope: float
    bend: float
    lane_m: float
    lines: list[tuple[float, str]]
    """(s, "dashed" or "solid" or "double") of the lines between lanes."""
    lanes: list[tuple[float, int]]
    """(s of the middle, +1 with us or -1 against us)."""
    sides: dict[int, Side]
    crossings: list[tuple[float, float]] = field(default_factory=list)
    """t from, to of the streets that cross."""
    zebras: list[tuple[float, float]] = field(default_factory=list)
    rails: list[float] = field(default_factory=list)
    """s of the middle of each tram track."""
    end: float = FAR_M
    """t where the street runs into a row of houses."""

    @property
    def stretch(self) -> float:
        """Metres in X for one metre in s."""
        return float((1.0 + self.slope * self.slope) ** 0.5)

    def place(self, s: float, t: float) -> tuple[float, float]:
        """Return (X, Z) of a place in street coordinates."""
        return self.slope * t + 0.5 * self.bend * t * t + s * self.stretch, t

    def heading(self, t: float) -> tuple[float, float]:
        """Return the unit vector (X, Z) along the street at t."""
        slope = self.slope + self.bend * t
        length = float((1.0 + slope * slope) ** 0.5)
        return slope / length, 1.0 / length

    def crossed(self, t: float, margin: float = 0.0) -> bool:
        """Return whether a crossing street is at t."""
        return any(start - margin < t < end + margin for start, end in self.crossings)


def roll_street(dice: Dice) -> Street:
    """Choose a street: a canyon of houses, an avenue, a suburb, an arterial road."""
    kind = dice.choice(("canyon", "canyon", "canyon", "avenue", "avenue", "suburb", "suburb",
                        "arterial"))  # fmt: skip
    lane = dice.uniform(2.8, 3.4)
    wide = kind in ("avenue", "arterial")
    ours = dice.choice((1, 2)) if wide else 1
    theirs = dice.choice((1, 2)) if wide else dice.choice((1, 1, 1, 0))
    rails = kind in ("avenue", "canyon") and dice.chance(0.42)
    position = dice.integer(0, ours - 1)  # lanes to our right
    right = lane * (position + 0.5)
    left = -lane * (ours - position - 0.5)
    lines: list[tuple[float, str]] = []
    lanes = [(left + lane * (index + 0.5), 1) for index in range(ours)]
    lines += [(left + lane * (index + 1), "dashed") for index in range(ours - 1)]
    marked = dice.chance(0.8) or wide
    tracks: list[float] = []
    if rails:
        tracks = [left - 1.7, left - 4.9] if theirs else [left - 1.7]
        if marked:
            lines.append((left, "solid"))
        left -= 3.4 * len(tracks)
    if theirs and marked:
        lines.append((left, dice.choice(("dashed", "solid", "double"))))
    for index in range(theirs):
        lanes.append((left - lane * (index + 0.5), -1))
        if index:
            lines.append((left - lane * index, "dashed"))
    left -= lane * theirs
    sides = {
        RIGHT: _roll_side(dice.fork("right"), kind, RIGHT, right),
        LEFT: _roll_side(dice.fork("left"), kind, LEFT, left),
    }
    for side, at in ((RIGHT, right), (LEFT, left)):
        if sides[side].parking and dice.chance(0.5) and marked:
            lines.append((at, "dashed"))
        elif wide and marked:
            lines.append((sides[side].kerb - side * 0.25, "solid"))
    street = Street(
        kind, dice.around(0.0, 0.09), dice.around(0.0, 0.006) * dice.choice((0, 1, 1)),
        lane, lines, lanes, sides, rails=tracks,
    )  # fmt: skip
    _roll_crossings(dice.fork("crossings"), street)
    return street


def _roll_side(dice: Dice, kind: str, side: int, lane_edge: float) -> Side:
    parking = dice.chance({"canyon": 0.6, "avenue": 0.4, "suburb": 0.4, "arterial": 0.05}[kind])
    kerb = abs(lane_edge) + (dice.uniform(2.0, 2.3) if parking else dice.uniform(0.2, 0.6))
    walk = dice.uniform(2.2, 5.5 if kind in ("canyon", "avenue") else 3.6)
    verge = dice.uniform(1.4, 3.2)
    bands = [("sidewalk", walk)]
    beyond = "sidewalk"
    setback = 0.0
    if kind == "avenue" and dice.chance(0.6):
        bands = [("terrain", verge), ("sidewalk", walk)]
    elif kind == "suburb":
        bands = [("terrain", verge * 0.7), ("sidewalk", walk)] if dice.chance(0.4) else bands
        beyond = "terrain"
        setback = dice.uniform(2.5, 7.0)
    elif kind == "arterial":
        bands = [("terrain", verge * 1.5), ("sidewalk", walk)]
        beyond = "terrain"
        setback = dice.uniform(4.0, 12.0)
    elif dice.chance(0.2):
        setback = dice.uniform(1.0, 3.0)
        beyond = "terrain"
    edge = kerb + sum(width for _, width in bands) + setback
    return Side(side * kerb, bands, side * edge, beyond, parking)


def _roll_crossings(dice: Dice, street: Street) -> None:
    """Place crossing streets, zebra crossings and the far end."""
    if dice.chance(0.6):
        start = dice.uniform(13.0, 55.0)
        width = dice.uniform(7.0, 13.0)
        street.crossings.append((start, start + width))
        if dice.chance(0.5):
            street.zebras.append((start - 4.5, start - 1.5))
        if dice.chance(0.4):
            street.zebras.append((start + width + 1.5, start + width + 4.5))
    elif dice.chance(0.3):
        start = dice.uniform(8.0, 40.0)
        street.zebras.append((start, start + 3.5))
    street.end = dice.uniform(65.0, 150.0)
