"""Cars, trucks, buses and trams: boxes of flat faces with drawings on them."""

from __future__ import annotations

from cofeat.data.streets import bodies
from cofeat.data.streets.bodies import SHAPES, Shape
from cofeat.data.streets.canvas import BoolArray, Canvas, Hits, Point
from cofeat.data.streets.dice import Dice
from cofeat.data.streets.light import Color, Light, reflected
from cofeat.data.streets.shadows import Caster
from cofeat.data.streets.sprites import Sprite, palette, sprite_paint
from cofeat.image import Float32Array, UInt8Array

CAR, TRUCK, BUS, TRAIN = 26, 27, 28, 31

# Lacquers, the frequent ones several times.
_LACQUERS: tuple[Color, ...] = (
    (0.03, 0.03, 0.035), (0.03, 0.03, 0.035), (0.30, 0.31, 0.32), (0.30, 0.31, 0.32),
    (0.13, 0.135, 0.14), (0.13, 0.135, 0.14), (0.62, 0.62, 0.61), (0.62, 0.62, 0.61),
    (0.03, 0.06, 0.18), (0.05, 0.14, 0.32), (0.32, 0.03, 0.03), (0.22, 0.02, 0.03),
    (0.04, 0.12, 0.07), (0.28, 0.22, 0.13), (0.5, 0.33, 0.04), (0.10, 0.07, 0.05),
    (0.18, 0.24, 0.3),
)  # fmt: skip
_LIVERIES: tuple[tuple[Color, Color], ...] = (
    ((0.55, 0.42, 0.04), (0.5, 0.38, 0.04)), ((0.5, 0.05, 0.04), (0.55, 0.54, 0.5)),
    ((0.6, 0.6, 0.58), (0.5, 0.05, 0.05)), ((0.1, 0.25, 0.4), (0.55, 0.55, 0.55)),
    ((0.6, 0.6, 0.58), (0.05, 0.25, 0.12)), ((0.07, 0.3, 0.2), (0.55, 0.52, 0.4)),
)  # fmt: skip


class Frame:
    """Turns a vehicle's own coordinates (across, height, along) into the world's."""

    def __init__(self, x: float, z: float, heading: tuple[float, float], base: float) -> None:
        self.x, self.z, self.base = x, z, base
        self.hx, self.hz = heading

    def point(self, across: float, height: float, along: float) -> Point:
        """Return a place in the world."""
        return (
            self.x + across * self.hz + along * self.hx,
            self.base + height,
            self.z - across * self.hx + along * self.hz,
        )

    def vector(self, across: float, height: float, along: float) -> Point:
        """Return a direction in the world."""
        return (
            across * self.hz + along * self.hx, height, -across * self.hx + along * self.hz,
        )  # fmt: skip


def _box(frame: Frame, half_width: float, height: float, half_length: float) -> list[Point]:
    """Return the corners of a vehicle."""
    return [
        frame.point(i * half_width, j * height, k * half_length)
        for i in (-1, 1)
        for j in (0, 1)
        for k in (-1, 1)
    ]


class Painter:
    """Paints the faces of one vehicle that are turned to the camera."""

    def __init__(
        self, canvas: Canvas, light: Light, frame: Frame, colors: dict[int, Color], label: int,
        lit: bool, seed: float,
    ) -> None:  # fmt: skip
        self.canvas, self.light, self.frame = canvas, light, frame
        self.colors, self.label, self.lit, self.seed = colors, label, lit, seed

    def face(
        self, sprite: Sprite | None, origin: Point, u: Point, v: Point, normal: Point,
        taper: tuple[float, float] = (1.0, 1.0),
    ) -> None:  # fmt: skip
        """Paint a face given in the vehicle's coordinates; without a sprite it is bare lacquer."""
        frame, camera = self.frame, self.canvas.camera
        start = frame.point(*origin)
        nx, ny, nz = frame.vector(*normal)
        length = (nx * nx + ny * ny + nz * nz) ** 0.5
        toward = nx * start[0] + ny * (start[1] - camera.height_m) + nz * start[2]
        if toward >= 0.0:
            return

        def paint(hits: Hits) -> tuple[UInt8Array | int, Float32Array, BoolArray | None]:
            # Only now, since many faces are behind other things.
            received = self.light.face(nx / length, ny / length, nz / length, self.lit)
            table = palette(self.colors, received)
            # Lacquer and glass mirror the sky, the more the flatter they lie.
            gloss = 0.018 + 0.1 * max(ny / length, 0.0)
            for material, share in ((bodies.BODY, 0.5), (bodies.GLASS, 1.0), (bodies.SEAT, 0.7)):
                table[material] += reflected(self.light.skyline, (gloss, gloss, gloss), share)
            if sprite is None:
                return self.label, (hits.b * 0.2 + 0.9)[:, None] * table[bodies.BODY], None
            step = camera.step * max(start[2], 2.0)
            return sprite_paint(sprite, table, self.label, grain=0.07, step=step, seed=self.seed)(
                hits
            )

        self.canvas.patch(start, frame.vector(*u), frame.vector(*v), paint, taper)


def _colors(body: Color, second: Color, dice: Dice, braking: bool) -> dict[int, Color]:
    rim = dice.uniform(0.12, 0.4)
    red = (0.9, 0.06, 0.04) if braking else (0.28, 0.02, 0.02)
    plate = (0.6, 0.6, 0.58) if dice.chance(0.8) else (0.6, 0.5, 0.1)
    return {
        bodies.BODY: body, bodies.GLASS: (0.02, 0.024, 0.028), bodies.TYRE: (0.02, 0.02, 0.021),
        bodies.RIM: (rim, rim, rim), bodies.DARK: (0.025, 0.025, 0.027), bodies.RED: red,
        bodies.LAMP: (0.55, 0.55, 0.52), bodies.PLATE: plate, bodies.SECOND: second,
        bodies.SEAT: (0.012, 0.012, 0.014),
    }  # fmt: skip


def paint_car(
    canvas: Canvas, light: Light, x: float, z: float, heading: tuple[float, float], dice: Dice,
    lit: bool,
) -> Caster:  # fmt: skip
    """Paint a car standing at (x, z); return what shades the ground."""
    index = dice.choice((0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6))
    shape = SHAPES[index]
    body = dice.choice(_LACQUERS)
    colors = _colors(body, body, dice, dice.chance(0.3))
    frame = Frame(x, z, heading, 0.0)
    if not canvas.hidden(_box(frame, shape.width / 2, shape.height, shape.length / 2)):
        painter = Painter(canvas, light, frame, colors, CAR, lit, dice.uniform(0.0, 200.0))
        _paint_body(painter, shape, index)
    return Caster(
        x, z, heading, shape.width / 2, shape.length / 2, 0.15, shape.height * 0.93, contact=0.85
    )


def _paint_body(painter: Painter, shape: Shape, index: int) -> None:
    half, rear, front = shape.width / 2, -shape.length / 2, shape.length / 2
    low, cabin = bodies.car_side(index)
    tall = shape.height - shape.belt
    for side in (-1.0, 1.0):
        painter.face(
            low, (side * half, 0.0, rear), (0.0, 0.0, shape.length), (0.0, shape.belt, 0.0),
            (side, 0.0, 0.0),
        )  # fmt: skip
        painter.face(
            cabin, (side * half, shape.belt, rear), (0.0, 0.0, shape.length),
            (-side * shape.inset, tall, 0.0), (side * tall, shape.inset, 0.0),
        )  # fmt: skip
    across = (shape.width, 0.0, 0.0)
    narrow = 1.0 - 2.0 * shape.inset / shape.width
    tail = bodies.car_end(index, True)
    painter.face(tail, (-half, 0.0, rear), across, (0.0, shape.tail, 0.06), (0.0, 0.05, -1.0))
    nose = bodies.car_end(index, False)
    high = shape.hood + 0.03
    painter.face(nose, (-half, 0.0, front), across, (0.0, high, -0.08), (0.0, 0.08, 1.0))
    # Rear window, windscreen, hood, boot lid.
    run = shape.roof[0] - shape.boot
    painter.face(
        bodies.screen(True) if not shape.blind else None,
        (-half, shape.belt, rear + shape.boot), across, (0.0, tall, run), (0.0, run, -tall),
        (1.0, narrow),
    )  # fmt: skip
    run = shape.cowl - shape.roof[1]
    painter.face(
        bodies.screen(False), (-half, shape.belt, rear + shape.cowl), across, (0.0, tall, -run),
        (0.0, run, tall), (1.0, narrow),
    )  # fmt: skip
    long = shape.length - shape.cowl - 0.08
    drop = shape.belt - high
    painter.face(
        None, (-half, high, front - 0.08), across, (0.0, drop, -long), (0.0, long, drop),
        (1.0, 1.0),
    )  # fmt: skip
    lid = shape.boot + 0.05
    painter.face(
        None, (-half, shape.tail, rear + 0.05), across, (0.0, 0.0, lid - 0.05), (0.0, 1.0, 0.0)
    )


def _paint_box(
    painter: Painter, kind: str, width: float, height: float, rear: float, front: float
) -> None:
    half, length = width / 2, front - rear
    side_kind = kind if kind != "cab" else "bus"
    flank = bodies.box_side(side_kind, round(length, 2), height)
    for side in (-1.0, 1.0):
        painter.face(
            flank, (side * half, 0.0, rear), (0.0, 0.0, length), (0.0, height, 0.0),
            (side, 0.0, 0.0),
        )  # fmt: skip
    for at, facing in ((rear, -1.0), (front, 1.0)):
        end = bodies.box_end(kind, width, height, facing < 0)
        painter.face(
            end, (-half, 0.0, at), (width, 0.0, 0.0), (0.0, height, 0.0), (0.0, 0.0, facing)
        )


def paint_long(
    canvas: Canvas, light: Light, kind: str, x: float, z: float, heading: tuple[float, float],
    dice: Dice, lit: bool,
) -> Caster:  # fmt: skip
    """Paint a "bus", a "tram" or a "truck"; return what shades the ground."""
    body, second = dice.choice(_LIVERIES)
    if kind == "truck" and dice.chance(0.5):
        body = dice.choice(((0.6, 0.6, 0.58), (0.55, 0.54, 0.5), (0.06, 0.1, 0.3), (0.2, 0.2, 0.2)))
    colors = _colors(body, second, dice, dice.chance(0.3))
    label = {"bus": BUS, "tram": TRAIN, "truck": TRUCK}[kind]
    painter = Painter(
        canvas, light, Frame(x, z, heading, 0.0), colors, label, lit, dice.uniform(0.0, 200.0)
    )
    width = 2.5
    if kind == "truck":
        length = dice.choice((6.2, 7.8, 9.6))
        height = dice.choice((2.7, 3.3, 3.7))
        cab = length / 2 - 1.9
        _paint_box(painter, "load", width, height, -length / 2, cab - 0.15)
        painter.colors = _colors(dice.choice(_LACQUERS), body, dice, False)
        _paint_box(painter, "cab", 2.35, min(height - 0.2, 2.7), cab, length / 2)
    else:
        length = dice.choice((10.5, 12.0)) if kind == "bus" else dice.choice((18.0, 26.0))
        height = 3.05 if kind == "bus" else 3.4
        _paint_box(painter, kind, width, height, -length / 2, length / 2)
    return Caster(x, z, heading, width / 2, length / 2, 0.3, height, contact=0.85)
