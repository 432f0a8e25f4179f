"""Flat drawings in materials, drawn once a process and colored anew in each scene."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from cofeat.data.streets.canvas import BoolArray, Hits, Paint
from cofeat.data.streets.light import Color
from cofeat.data.streets.texture import level_for, noise
from cofeat.image import Float32Array, UInt8Array

# Material 0 is nothing: one sees through.
EMPTY = 0


class Sprite:
    """A drawing of width x height metres; x from the left, y from the bottom.

    Each texel holds a material and a shade (how bright its surface is turned).
    """

    def __init__(self, width: float, height: float, per_m: float) -> None:
        self.width, self.height = width, height
        columns, rows = max(round(width * per_m), 1), max(round(height * per_m), 1)
        self.material: UInt8Array = np.zeros((rows, columns), dtype=np.uint8)
        self.shade: Float32Array = np.ones((rows, columns), dtype=np.float32)
        self.x = ((np.arange(columns) + 0.5) * (width / columns)).astype(np.float32)
        self.y = ((np.arange(rows) + 0.5) * (height / rows)).astype(np.float32)[:, None]

    def put(self, inside: BoolArray, material: int, shade: Float32Array | float = 1.0) -> None:
        """Cover the texels of a mask (rows, columns)."""
        inside = np.broadcast_to(inside, self.material.shape)
        self.material[inside] = material
        self.shade[inside] = np.broadcast_to(np.float32(shade), self.shade.shape)[inside]

    def rect(
        self, left: float, bottom: float, right: float, top: float, material: int,
        shade: float = 1.0,
    ) -> None:  # fmt: skip
        """Draw a rectangle."""
        inside = (self.x >= left) & (self.x < right) & (self.y >= bottom) & (self.y < top)
        self.put(inside, material, shade)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, material: int, shade: float = 1.0,
        hole: float = 0.0,
    ) -> None:  # fmt: skip
        """Draw an ellipse, or a ring with an inner radius of ``hole`` times the outer."""
        i, j = (self.x - x) / rx, (self.y - y) / ry
        square = i * i + j * j
        self.put((square <= 1.0) & (square >= hole * hole), material, shade)

    def limb(
        self, x0: float, y0: float, x1: float, y1: float, r0: float, r1: float, material: int,
        shade: float = 1.0,
    ) -> None:  # fmt: skip
        """Draw a rounded, tapering bar that is darker at its edges."""
        dx, dy = x1 - x0, y1 - y0
        square = max(dx * dx + dy * dy, 1e-9)
        along = np.clip(((self.x - x0) * dx + (self.y - y0) * dy) / square, 0.0, 1.0)
        i, j = self.x - x0 - along * dx, self.y - y0 - along * dy
        radius = r0 + (r1 - r0) * along
        edge = (i * i + j * j) / (radius * radius)
        # Brighter towards the upper left of a round limb.
        turned = 1.0 - 0.35 * edge - 0.12 * i / radius + 0.1 * j / radius
        self.put(edge <= 1.0, material, np.asarray(turned * shade, dtype=np.float32))

    def polygon(
        self, points: Sequence[tuple[float, float]], material: int, shade: float = 1.0
    ) -> None:
        """Draw a polygon (even-odd rule)."""
        inside = np.zeros(self.material.shape, dtype=np.bool_)
        for index, (x1, y1) in enumerate(points):
            x0, y0 = points[index - 1]
            if y0 == y1:
                continue
            spans = (self.y > min(y0, y1)) & (self.y <= max(y0, y1))
            inside ^= spans & (self.x < x0 + (self.y - y0) * ((x1 - x0) / (y1 - y0)))
        self.put(inside, material, shade)

    def line(
        self, points: Sequence[tuple[float, float]], thick: float, material: int,
        shade: float = 1.0,
    ) -> None:  # fmt: skip
        """Draw a chain of bars of one thickness."""
        for (x0, y0), (x1, y1) in pairwise(points):
            self.limb(x0, y0, x1, y1, thick / 2, thick / 2, material, shade)


def palette(colors: dict[int, Color], light: Color) -> Float32Array:
    """Return float32 (max material + 1, 3): what each material sends back of ``light``."""
    table = np.zeros((max(colors) + 1, 3), dtype=np.float32)
    for material, color in colors.items():
        table[material] = [color[i] * light[i] for i in range(3)]
    return table


def sprite_paint(
    sprite: Sprite,
    colors: Float32Array,
    labels: UInt8Array | int,
    *,
    flip: bool = False,
    grain: float = 0.12,
    step: float = 0.01,
    seed: float = 0.0,
) -> Paint:
    """Return a paint that shows a sprite.

    Args:
        sprite: the drawing.
        colors: float32 (materials, 3), lit, as from ``palette``.
        labels: a label id, or uint8 (materials,).
        flip: whether left and right change places.
        grain: strength of the surface's texture.
        step: size of a sample there, metres.
        seed: shifts the texture, so that two things differ.
    """
    rows, columns = sprite.material.shape
    material, shade = sprite.material.ravel(), sprite.shade.ravel()
    level = level_for(step * 60.0)
    solid = bool((material > 0).all())

    def paint(hits: Hits) -> tuple[UInt8Array | int, Float32Array, BoolArray | None]:
        a = np.float32(1.0) - hits.a if flip else hits.a
        i = np.minimum((a * np.float32(columns)).astype(np.int32), columns - 1)
        j = np.minimum((hits.b * np.float32(rows)).astype(np.int32), rows - 1)
        place = np.maximum(i, 0) + np.maximum(j, 0) * columns
        found = material.take(place)
        keep = None
        if not solid:
            keep = found > 0
            place, found, a = place[keep], found[keep], a[keep]
            b = hits.b[keep]
        else:
            b = hits.b
        bright = shade.take(place)
        if grain:
            x = a * np.float32(sprite.width * 60.0) + np.float32(seed)
            bright = bright * (
                np.float32(1.0)
                + noise("grain", x, b * np.float32(sprite.height * 60.0), level) * np.float32(grain)
            )
        color = colors.take(found, axis=0)
        color *= bright[:, None]
        return labels if isinstance(labels, int) else labels.take(found), color, keep

    return paint
