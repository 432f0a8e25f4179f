"""The lattice of samples that things are painted on, nearest thing in front."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cofeat.data.streets.camera import NEAR_M, Camera
from cofeat.image import Float32Array, UInt8Array

Point = tuple[float, float, float]
BoolArray = npt.NDArray[np.bool_]


@dataclass
class Hits:
    """The samples that a patch covers: each field float32 (n,), n the number of samples."""

    a: Float32Array
    """Along the patch's first edge, 0..1."""
    b: Float32Array
    """Along its second edge, 0..1."""
    z: Float32Array
    """Distance along the optical axis, metres."""

    def kept(self, keep: BoolArray) -> Hits:
        """Return the hits where ``keep`` is true."""
        return Hits(self.a[keep], self.b[keep], self.z[keep])


# What a patch looks like where it is hit: label ids (one, or one a hit), linear
# color float32 (n, 3), and which hits are solid (None: all; color and labels only of those).
Paint = Callable[[Hits], tuple[UInt8Array | int, Float32Array, BoolArray | None]]


class Canvas:
    """Color, label and 1 / distance of every sample; the nearest patch wins."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        rows, columns = camera.ty.size, camera.tx.size
        self.color: Float32Array = np.zeros((rows, columns, 3), dtype=np.float32)
        self.label: UInt8Array = np.zeros((rows, columns), dtype=np.uint8)
        self.nearness: Float32Array = np.zeros((rows, columns), dtype=np.float32)

    def bounds(self, points: list[Point]) -> tuple[int, int, int, int] | None:
        """Return (top, bottom, left, right) of the lattice that a convex polygon can touch."""
        near = _cut_near(points)
        if not near:
            return None
        fx, fy = self.camera.focal
        cx, cy = self.camera.origin
        high = self.camera.height_m
        columns = [cx + fx * x / z for x, _, z in near]
        rows = [cy + fy * (high - y) / z for _, y, z in near]
        height, width = self.label.shape
        # Clamped before the cast: a point just before the camera is far outside.
        top = int(max(min(rows), 0.0))
        bottom = int(min(max(rows), height - 1.0)) + 1
        left = int(max(min(columns), 0.0))
        right = int(min(max(columns), width - 1.0)) + 1
        if top >= bottom or left >= right:
            return None
        return top, bottom, left, right

    def hidden(self, points: list[Point]) -> bool:
        """Return whether a convex thing with these corners is surely behind what is painted."""
        box = self.bounds(points)
        if box is None:
            return True
        top, bottom, left, right = box
        nearest = 1.0 / max(min(point[2] for point in points), NEAR_M)
        return bool(self.nearness[top:bottom, left:right].min() > nearest)

    def patch(
        self,
        origin: Point,
        u: Point,
        v: Point,
        paint: Paint,
        taper: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        """Paint a flat parallelogram ``origin + a * u + b * v``, a and b in [0, 1].

        Args:
            origin: one corner, metres.
            u: first edge.
            v: second edge.
            paint: gives labels and colors of the samples where the patch is in front.
            taper: width at b = 0 and at b = 1 as a share of ``u``: a trapezoid.
        """
        ox, oy, oz = origin
        far = (ox + u[0] + v[0], oy + u[1] + v[1], oz + u[2] + v[2])
        corners = [
            origin,
            (ox + u[0], oy + u[1], oz + u[2]),
            far,
            (ox + v[0], oy + v[1], oz + v[2]),
        ]
        box = self.bounds(corners)
        if box is None:
            return
        top, bottom, left, right = box
        view = self.nearness[top:bottom, left:right]
        if view.min() * max(min(corner[2] for corner in corners), NEAR_M) > 1.0:
            return
        normal = _cross(u, v)
        offset = (ox, oy - self.camera.height_m, oz)
        square = _dot(normal, normal)
        reach = _dot(normal, offset)
        if square == 0.0 or reach * reach < 1e-8 * square:
            return
        tx = self.camera.tx[left:right]
        ty = self.camera.ty[top:bottom, None]
        nearness = _affine(normal, 1.0 / reach, tx, ty)
        front = nearness > view
        if not front.any():
            return
        across = _cross(v, normal)
        along = _cross(normal, u)
        z = np.reciprocal(np.where(front, nearness, np.float32(1.0)), dtype=np.float32)
        a = _affine(across, 1.0 / square, tx, ty) * z - np.float32(_dot(across, offset) / square)
        b = _affine(along, 1.0 / square, tx, ty) * z - np.float32(_dot(along, offset) / square)
        if taper == (1.0, 1.0):
            front &= (a >= 0.0) & (a <= 1.0)
        else:
            half = b * np.float32(0.5 * (taper[1] - taper[0])) + np.float32(0.5 * taper[0])
            front &= np.abs(a - np.float32(0.5)) <= half
        front &= (b >= 0.0) & (b <= 1.0)
        chosen = np.flatnonzero(front)
        if not chosen.size:
            return
        hits = Hits(a.ravel()[chosen], b.ravel()[chosen], z.ravel()[chosen])
        label, color, keep = paint(hits)
        if keep is not None:
            chosen = chosen[keep]
        self._put(box, chosen, label, color, nearness.ravel()[chosen])

    def _put(
        self,
        box: tuple[int, int, int, int],
        chosen: npt.NDArray[np.intp],
        label: UInt8Array | int,
        color: Float32Array,
        nearness: Float32Array,
    ) -> None:
        """Write samples, given by their place in a box."""
        top, _, left, right = box
        width = right - left
        rows = chosen // width
        place = chosen + (rows * (self.label.shape[1] - width) + top * self.label.shape[1] + left)
        self.label.ravel()[place] = label
        self.nearness.ravel()[place] = nearness
        self.color.reshape(-1, 3)[place] = color


def _affine(weights: Point, scale: float, tx: Float32Array, ty: Float32Array) -> Float32Array:
    """Return scale * (weights . ray) for the rays (tx, ty, 1) of a box of samples."""
    columns = tx * np.float32(weights[0] * scale) + np.float32(weights[2] * scale)
    return columns + ty * np.float32(weights[1] * scale)


def _cross(p: Point, q: Point) -> Point:
    return (p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0])


def _dot(p: Point, q: Point) -> float:
    return p[0] * q[0] + p[1] * q[1] + p[2] * q[2]


def _cut_near(points: list[Point]) -> list[Point]:
    """Cut off what is nearer than ``NEAR_M`` of a convex polygon (Sutherland and Hodgman)."""
    if all(point[2] >= NEAR_M for point in points):
        return points
    kept: list[Point] = []
    for index, end in enumerate(points):
        start = points[index - 1]
        if (start[2] >= NEAR_M) != (end[2] >= NEAR_M):
            share = (NEAR_M - start[2]) / (end[2] - start[2])
            kept.append(
                (
                    start[0] + share * (end[0] - start[0]),
                    start[1] + share * (end[1] - start[1]),
                    NEAR_M,
                )
            )
        if end[2] >= NEAR_M:
            kept.append(end)
    return kept
