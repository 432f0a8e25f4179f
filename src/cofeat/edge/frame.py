"""One frame: a picture with its name, read when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cofeat.image import UInt8Array, read_image

# What a caller may give for one frame.
Picture = UInt8Array | str | Path | bytes


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture with its name.

    Args:
        name: for people and for files.
        read: gives it, uint8 (H, W, 3); InvalidInputError where it cannot be read.
    """

    name: str
    read: Callable[[], UInt8Array]


def frame_of(picture: Picture | Frame, name: str) -> Frame:
    """Return a picture as a frame; what is one already keeps its own name.

    Args:
        picture: uint8 (H, W, 3), a file, or the bytes of one.
        name: of the frame.
    """
    if isinstance(picture, Frame):
        return picture
    if isinstance(picture, np.ndarray):
        return Frame(name, lambda: picture)
    return Frame(name, lambda: read_image(picture))
