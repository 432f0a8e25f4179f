"""Real pictures that come inside the scikit-image package: one stereo pair, four photographs.

They are read from the package's own files; nothing is ever downloaded.

Source: the stereo pair is "Motorcycle" of Scharstein et al., "High-Resolution
Stereo Datasets with Subpixel-Accurate Ground Truth", GCPR 2014 (Middlebury
2014), reduced by four. The photographs: astronaut (NASA), chelsea (S. van der
Walt), coffee (R. Michetti), rocket (SpaceX).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from cofeat.data.base import Sample
from cofeat.errors import InvalidInputError, MissingPackageError
from cofeat.image import Float32Array, UInt8Array, read_image, resize_image
from cofeat.tasks.disparity import FULL_WIDTH_PX, resize_disparity

PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")

# Calibration of the reduced pair, from the documentation of skimage.data.stereo_motorcycle.
FOCAL_LENGTH_PX = 994.978
BASELINE_M = 0.193001
# The right camera's principal point lies this much to the right of the left one's.
PRINCIPAL_POINT_OFFSET_PX = 31.086


def motorcycle(size: tuple[int, int] | None = None) -> Sample:
    """Return the left picture with its true disparity.

    The file holds, for each pixel (y, x) of the left picture, the d for which
    (y, x - d) is the same point on the right (``stereo_motorcycle``'s own
    documentation says it of the right picture; the pictures themselves say left).
    Its two principal points differ, so a point at infinity has d = -31.086 px.
    As in Cityscapes, infinity is 0 here and the unit a pixel of a picture of
    full width::

        disparity = (d + 31.086 px) * 2048 / 741      invalid (infinite) -> 0

    so that depth = f * B / disparity with f = 994.978 px * 2048 / 741 = 2750 px
    and B = 0.193001 m.

    Args:
        size: (height, width) in pixels, or None for the picture's own, (500, 741).

    Returns:
        The sample "motorcycle" with truths "disparity" and "reconstruction".

    Raises:
        MissingPackageError: scikit-image is not installed.
        InvalidInputError: it is installed without its pictures.
    """
    image = read_image(_find("motorcycle_left.png"))
    disparity = disparity_of_motorcycle()
    if size is not None:
        image = resize_image(image, size)
        disparity = resize_disparity(disparity, size)
    return Sample("motorcycle", image, {"disparity": disparity, "reconstruction": image})


def disparity_of_motorcycle() -> Float32Array:
    """Return the true disparity as ``motorcycle`` has it, float32 (500, 741), 0 invalid.

    Raises:
        MissingPackageError: scikit-image is not installed.
        InvalidInputError: it is installed without its pictures.
    """
    with np.load(_find("motorcycle_disp.npz"), allow_pickle=False) as data:
        moved = data["arr_0"].astype(np.float64)
    full = (moved + PRINCIPAL_POINT_OFFSET_PX) * (FULL_WIDTH_PX / moved.shape[1])
    return np.where(np.isfinite(moved), full, 0.0).astype(np.float32)


def stereo_pictures() -> tuple[UInt8Array, UInt8Array]:
    """Return the left and the right picture of the pair, uint8 (500, 741, 3) each.

    Raises:
        MissingPackageError: scikit-image is not installed.
        InvalidInputError: it is installed without its pictures.
    """
    return read_image(_find("motorcycle_left.png")), read_image(_find("motorcycle_right.png"))


def photographs(size: tuple[int, int] | None = None) -> tuple[Sample, ...]:
    """Return ordinary photographs; their only truth is the picture itself.

    Args:
        size: (height, width) in pixels, or None for each picture's own.

    Raises:
        MissingPackageError: scikit-image is not installed.
        InvalidInputError: it is installed without its pictures.
    """
    samples = []
    for file in PHOTOGRAPHS:
        image = read_image(_find(file))
        if size is not None:
            image = resize_image(image, size)
        samples.append(Sample(Path(file).stem, image, {"reconstruction": image}))
    return tuple(samples)


def _find(file: str) -> Path:
    """Return the path of a file of scikit-image's, without importing the package."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise MissingPackageError("scikit-image", "train", "a real picture")
    path = Path(spec.origin).parent / "data" / file
    if not path.is_file():
        raise InvalidInputError(
            f"this scikit-image comes without its picture '{path}': "
            "install it from PyPI, pip install --force-reinstall scikit-image"
        )
    return path
