"""Shadows on the ground: of the sun by each thing, and the dark below a vehicle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cofeat.data.streets.canvas import Canvas
from cofeat.data.streets.light import Light
from cofeat.data.streets.texture import noise
from cofeat.image import Float32Array


@dataclass(frozen=True)
class Caster:
    """A box that keeps light from the ground."""

    x: float
    z: float
    heading: tuple[float, float]
    """Unit vector (X, Z) along the box."""
    half_width: float
    half_length: float
    bottom: float
    top: float
    """Heights between which it stands above the ground, metres."""
    contact: float = 0.0
    """Share of the sky's light that is missing below it."""
    leafy: bool = False
    """Light comes through in spots, and the outline is round."""


class GroundShade:
    """Share of sun and sky that reaches each sample of the ground, float32, 0..1."""

    def __init__(self, canvas: Canvas) -> None:
        camera = canvas.camera
        self.canvas = canvas
        self.first = int(np.count_nonzero(camera.ty >= -0.004))
        """First row of samples that belongs to the ground (nearer than some 300 m)."""
        shape = (camera.ty.size - self.first, camera.tx.size)
        self.sun: Float32Array = np.ones(shape, dtype=np.float32)
        self.sky: Float32Array = np.ones(shape, dtype=np.float32)
        self._z = np.float32(camera.height_m) / -camera.ty[self.first :]

    def cast(self, caster: Caster, light: Light) -> None:
        """Darken the ground by one thing."""
        if light.sun_color[0] > 0.0:
            self._cast_sun(caster, light)
        if caster.contact > 0.0:
            self._cast_sky(caster)

    def _local(
        self, caster: Caster, low: float, high: float, sun: tuple[float, float]
    ) -> tuple[slice, slice, Float32Array, Float32Array] | None:
        """Return the box of samples around a shadow, and (across, along) of its ground."""
        hx, hz = caster.heading
        corners = [
            (
                caster.x + i * caster.half_width * hz + j * caster.half_length * hx - sun[0] * y,
                0.0,
                caster.z - i * caster.half_width * hx + j * caster.half_length * hz - sun[1] * y,
            )
            for i in (-1, 1)
            for j in (-1, 1)
            for y in (low, high)
        ]
        nearest = min(z for _, _, z in corners)
        if nearest < 1.0:
            corners = [(x, y, max(z, 1.0)) for x, y, z in corners]
        box = self.canvas.bounds(corners)
        if box is None:
            return None
        top, bottom, left, right = box
        top = max(top - self.first, 0)
        bottom = bottom - self.first
        if bottom <= top:
            return None
        z = self._z[top:bottom, None]
        x = self.canvas.camera.tx[left:right] * z - np.float32(caster.x)
        z = z - np.float32(caster.z)
        across = x * np.float32(hz) - z * np.float32(hx)
        along = x * np.float32(hx) + z * np.float32(hz)
        return slice(top, bottom), slice(left, right), across, along

    def _cast_sun(self, caster: Caster, light: Light) -> None:
        run = (light.sun[0] / light.sun[1], light.sun[2] / light.sun[1])
        found = self._local(caster, caster.bottom, caster.top, run)
        if found is None:
            return
        rows, columns, across, along = found
        hx, hz = caster.heading
        if caster.leafy:
            middle = 0.5 * (caster.bottom + caster.top)
            tall = 0.5 * (caster.top - caster.bottom)
            i = (across + np.float32((run[0] * hz - run[1] * hx) * middle)) / np.float32(
                caster.half_width + 0.4 * tall
            )
            j = (along + np.float32((run[0] * hx + run[1] * hz) * middle)) / np.float32(
                caster.half_length + 0.4 * tall
            )
            spots = noise("leaf", across * np.float32(9.0), along * np.float32(9.0))
            dark = i * i + j * j + spots * np.float32(0.45) < 0.8
        else:
            # A point is dark if the way to the sun passes the box between bottom and top.
            low: Float32Array | np.float32 = np.float32(caster.bottom)
            high: Float32Array | np.float32 = np.float32(caster.top)
            for place, half, rate in (
                (across, caster.half_width, run[0] * hz - run[1] * hx),
                (along, caster.half_length, run[0] * hx + run[1] * hz),
            ):
                rate = rate if abs(rate) > 1e-4 else 1e-4
                first = (np.float32(-half) - place) * np.float32(1.0 / rate)
                last = (np.float32(half) - place) * np.float32(1.0 / rate)
                low = np.maximum(low, np.minimum(first, last))
                high = np.minimum(high, np.maximum(first, last))
            dark = low < high
        self.sun[rows, columns][np.asarray(dark)] = 0.0

    def _cast_sky(self, caster: Caster) -> None:
        wide = Caster(
            caster.x, caster.z, caster.heading, caster.half_width + 0.7, caster.half_length + 0.7,
            0.0, 0.0,
        )  # fmt: skip
        found = self._local(wide, 0.0, 0.0, (0.0, 0.0))
        if found is None:
            return
        rows, columns, across, along = found
        # 1 inside the base, falling to 0 at 0.7 m outside.
        outside = np.maximum(np.abs(across) - np.float32(caster.half_width), np.float32(0.0))
        outside += np.maximum(np.abs(along) - np.float32(caster.half_length), np.float32(0.0))
        depth = np.maximum(np.float32(1.0) - outside * np.float32(1.0 / 0.7), np.float32(0.0))
        self.sky[rows, columns] *= np.float32(1.0) - np.float32(caster.contact) * depth * depth
