"""One scene from its seed: image, labels, disparity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cofeat.data.streets.camera import roll_camera
from cofeat.data.streets.canvas import Canvas
from cofeat.data.streets.dice import Dice
from cofeat.data.streets.ground import paint_ground
from cofeat.data.streets.layout import fill_street
from cofeat.data.streets.light import roll_light
from cofeat.data.streets.sensor import expose
from cofeat.data.streets.shadows import GroundShade
from cofeat.data.streets.sky import SKY, paint_haze, paint_sky
from cofeat.data.streets.stereo import measure
from cofeat.data.streets.street import roll_street
from cofeat.errors import InvalidInputError
from cofeat.image import Float32Array, UInt8Array, format_size

# Grows whenever any pixel of any scene changes.
RENDERER_VERSION = 1
EGO_VEHICLE = 1
MIN_SIDE_PX, MAX_SIDE_PX = 16, 4096


@dataclass(frozen=True)
class Scene:
    """One image and its truths."""

    image: UInt8Array
    """uint8 (H, W, 3), RGB."""
    label_ids: UInt8Array
    """uint8 (H, W), Cityscapes' label ids, 0..33."""
    disparity: Float32Array
    """float32 (H, W), pixels of the 2048 px wide image; 0 invalid."""


def check_size(size: tuple[int, int]) -> None:
    """Refuse sizes, (height, width) in pixels, that no scene has.

    Raises:
        InvalidInputError: a side is out of range.
    """
    if not all(MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in size):
        raise InvalidInputError(
            f"a street scene of {format_size(size)} cannot be rendered: "
            f"each side is {MIN_SIDE_PX} to {MAX_SIDE_PX} pixels"
        )


def render_scene(seed: int, size: tuple[int, int]) -> Scene:
    """Render a scene.

    What stands where depends on the seed alone; labels and disparity are
    those of the points at the pixels' centres.

    Args:
        seed: any integer; each is a scene of its own.
        size: (height, width) in pixels; the frame of 2048 x 1024 is resized to it.

    Raises:
        InvalidInputError: a side is out of range.
    """
    check_size(size)
    dice = Dice(f"scene/{seed}")
    canvas = Canvas(roll_camera(dice.fork("camera"), size))
    light = roll_light(dice.fork("light"))
    street = roll_street(dice.fork("street"))
    shade = GroundShade(canvas)
    fill_street(canvas, street, light, shade, dice.fork("layout"))
    paint_ground(canvas, street, light, shade, dice.fork("ground"))
    paint_haze(canvas, light)
    paint_sky(canvas, light, dice.fork("sky"))
    _paint_hood(canvas, dice.fork("hood"))
    image = expose(canvas, dice.fork("sensor"))
    label_ids = canvas.label[1::2, 1::2].copy()
    nearness = canvas.nearness[1::2, 1::2]
    empty = (label_ids == SKY) | (label_ids == EGO_VEHICLE)
    return Scene(image, label_ids, measure(nearness, empty, image, dice.fork("stereo")))


def _paint_hood(canvas: Canvas, dice: Dice) -> None:
    """Paint the bonnet of our own car along the lower edge of some frames."""
    if not dice.chance(0.3):
        return
    rows, columns = canvas.label.shape
    x = (np.arange(columns, dtype=np.float32) / np.float32(columns) - np.float32(0.52)) * 2
    edge = np.float32(1.0 - dice.uniform(0.03, 0.075)) + np.float32(0.045) * x * x
    y = np.arange(rows, dtype=np.float32)[:, None] / np.float32(rows)
    inside = y > edge
    tone = np.float32(dice.uniform(0.02, 0.12))
    bright = np.float32(1.0) + (y - edge)[inside] * np.float32(-6.0)
    canvas.color[inside] = np.maximum(bright, np.float32(0.3))[:, None] * tone
    canvas.label[inside] = EGO_VEHICLE
    canvas.nearness[inside] = 0.0
