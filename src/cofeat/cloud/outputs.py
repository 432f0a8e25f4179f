"""A model's predictions to what is sent: tensors, or files of pictures.

============  =====================  ==================================  =================
``format``    segmentation           disparity                           reconstruction
============  =====================  ==================================  =================
``raw``       train ids, UINT8       pixels, FP32                        RGB, UINT8
``png``       train ids, grey        16 bits: round(256 d) + 1,          RGB
                                     0 where d is 0, as Cityscapes
``color``     as the task draws it, PNG
``jpeg``      as the task draws it, JPEG
============  =====================  ==================================  =================

Tasks of other packages have ``raw``, ``color`` and ``jpeg``.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Literal, cast, get_args

import numpy as np
from PIL import Image

from cofeat.cloud.repository import AnyArray
from cofeat.errors import InvalidInputError
from cofeat.protocol.messages import Tensor, array_tensor, bytes_tensor
from cofeat.tasks import load_task
from cofeat.tasks.disparity import to_png16

Format = Literal["raw", "png", "color", "jpeg"]
FORMATS: tuple[Format, ...] = get_args(Format)
# Artefacts below what one sees; the picture is for looking at.
_JPEG_QUALITY = 90
# Label maps shrink well at any level; 3 takes half of the time of 6 for photographs.
_PNG_LEVEL = 3


def check_format(name: Any) -> Format:
    """Return a format.

    Raises:
        InvalidInputError: there is none of that name.
    """
    if name not in FORMATS:
        raise InvalidInputError(f"there is no format of outputs {name!r:.40}: use {_ALLOWED}")
    return cast(Format, name)


def check_finite(task: str, array: AnyArray) -> None:
    """Refuse what came of features that are no network's.

    Raises:
        InvalidInputError: a prediction is not finite.
    """
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidInputError(f"the {task} is not finite: the features are far from the model's")


def output_tensor(task: str, arrays: Sequence[AnyArray], form: Format) -> Tensor:
    """Return one task's predictions as a tensor.

    Args:
        task: its name.
        arrays: one a picture, cropped, as the task measures it.
        form: how they are wanted.

    Raises:
        InvalidInputError: pictures of several sizes do not fit a raw tensor, or the task has
            no such format.
    """
    if form != "raw":
        return bytes_tensor(task, *(picture_file(task, array, form) for array in arrays))
    if len({array.shape for array in arrays}) > 1:
        raise InvalidInputError("pictures of several sizes do not fit one tensor: ask for 'png'")
    return array_tensor(task, np.stack([_raw(task, array) for array in arrays]))


def picture_file(task: str, array: AnyArray, form: Format) -> bytes:
    """Return a prediction as the file of a picture.

    Raises:
        InvalidInputError: the task has no such format.
    """
    file = io.BytesIO()
    if form == "png":
        _picture(task, array).save(file, "PNG", compress_level=_PNG_LEVEL)
    elif form == "color":
        _drawn(task, array).save(file, "PNG", compress_level=_PNG_LEVEL)
    else:
        _drawn(task, array).save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()


def _raw(task: str, array: AnyArray) -> AnyArray:
    return load_task(task).draw(array) if task == "reconstruction" else array


def _drawn(task: str, array: AnyArray) -> Image.Image:
    return Image.fromarray(load_task(task).draw(array))


def _picture(task: str, array: AnyArray) -> Image.Image:
    if task == "segmentation":
        return Image.fromarray(np.ascontiguousarray(array))
    if task == "disparity":
        return Image.fromarray(to_png16(array))
    if task == "reconstruction":
        return _drawn(task, array)
    raise InvalidInputError(f"the task '{task}' has no format 'png': use raw, color or jpeg")


_ALLOWED = ", ".join(FORMATS)
