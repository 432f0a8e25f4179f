"""What is asked of the server, and its answer back to arrays.

=========  ==========================  =============================  ====================
answers    segmentation                disparity                      reconstruction
=========  ==========================  =============================  ====================
``raw``    tensor                      tensor                         tensor
``png``    PNG, the same               16-bit PNG, in steps of        PNG, the same
                                       1/256 px
``jpeg``   as ``png``                  as ``png``                     JPEG
=========  ==========================  =============================  ====================

Tasks of other packages come as tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from cofeat.edge.result import AnyArray
from cofeat.errors import CofeatError, InvalidInputError, ProtocolError
from cofeat.image import open_image
from cofeat.protocol.messages import BYTES, InferResponse, RequestedOutput, Tensor
from cofeat.tasks.disparity import from_png16

Answers = Literal["raw", "png", "jpeg"]
ANSWERS: tuple[Answers, ...] = get_args(Answers)

# What a pixel's answers take at most, in tensors of tasks that are not known here too, and what
# stands around them. More is not read.
_BYTES_PER_PIXEL = 64
_BYTES_AROUND = 2**20
_KNOWN = ("segmentation", "disparity", "reconstruction")


def check_answers(answers: str) -> Answers:
    """Return the form of answers.

    Raises:
        InvalidInputError: there is none of that name.
    """
    for known in ANSWERS:
        if answers == known:
            return known
    raise InvalidInputError(f"answers '{answers}': use {', '.join(ANSWERS)}")


def max_answer_bytes(size: tuple[int, int]) -> int:
    """Return what an answer for a picture of (height, width) takes at most."""
    return _BYTES_AROUND + _BYTES_PER_PIXEL * size[0] * size[1]


def requested(tasks: Sequence[str], answers: Answers) -> tuple[RequestedOutput, ...]:
    """Return what to ask for."""
    return tuple(RequestedOutput(task, {"format": _format(task, answers)}) for task in tasks)


def _format(task: str, answers: Answers) -> str:
    if task not in _KNOWN or answers == "raw":
        return "raw"
    return "jpeg" if answers == "jpeg" and task == "reconstruction" else "png"


def outputs_of(
    response: InferResponse, tasks: Sequence[str], size: tuple[int, int]
) -> dict[str, AnyArray]:
    """Return the arrays of an answer.

    Args:
        response: for one picture.
        tasks: that were asked for.
        size: (height, width) in pixels of the picture.

    Raises:
        ProtocolError: it is no answer to what was asked.
    """
    tensors = {tensor.name: tensor for tensor in response.outputs}
    if sorted(tensors) != sorted(tasks) or len(response.outputs) != len(tasks):
        raise ProtocolError(f"the answer has {', '.join(tensors)} and not {', '.join(tasks)}")
    return {task: _array(tensors[task], size) for task in tasks}


def _array(tensor: Tensor, size: tuple[int, int]) -> AnyArray:
    """Return one task's prediction.

    Raises:
        ProtocolError: it cannot be one of a picture of that size.
    """
    if tensor.datatype == BYTES:
        array = _picture(tensor, size)
    elif tensor.shape[0] == 1:
        array = tensor.array[0]
    else:
        raise ProtocolError(f"the answer's {tensor.name} is of {tensor.shape[0]} pictures")
    if tensor.name in _KNOWN:
        ranks = {"segmentation": size, "disparity": size, "reconstruction": (*size, 3)}
        dtype = np.float32 if tensor.name == "disparity" else np.uint8
        if array.shape != ranks[tensor.name] or array.dtype != dtype:
            raise ProtocolError(
                f"the answer's {tensor.name} is {array.dtype} {list(array.shape)}, "
                f"the picture {list(size)}"
            )
    return array


def _picture(tensor: Tensor, size: tuple[int, int]) -> AnyArray:
    """Read a picture whose size is known, before its pixels take memory.

    Raises:
        ProtocolError: it is none of that size.
    """
    if len(tensor.elements) != 1:
        raise ProtocolError(f"the answer has {len(tensor.elements)} pictures of {tensor.name}")
    try:
        with open_image(tensor.elements[0], ("PNG", "JPEG")) as picture:
            if (picture.height, picture.width) != size:
                raise ProtocolError(
                    f"the answer's {tensor.name} is {picture.width}x{picture.height}, "
                    f"the picture {size[1]}x{size[0]}"
                )
            array = np.array(picture)
    except ProtocolError:
        raise
    except CofeatError:
        raise ProtocolError(f"the answer's {tensor.name} is no picture") from None
    # Pillow gives 16-bit greys as int32 in some of its versions.
    return from_png16(array.astype(np.uint16)) if tensor.name == "disparity" else array
