"""What the messages of the protocol are, whatever carries them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.errors import InvalidInputError

AnyArray = npt.NDArray[Any]
Scalar = bool | int | float | str
Parameters = Mapping[str, Scalar]

BYTES = "BYTES"
# The protocol's name of every fixed-size type; little-endian on the wire.
DTYPES = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_DATATYPES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor with its name.

    Args:
        name: of the model's input or output.
        datatype: a key of ``DTYPES``, or ``BYTES``.
        shape: every side at least 1.
        values: an array of that shape, or the elements of a BYTES tensor in row-major order.
        parameters: what else is said of it.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: AnyArray | tuple[bytes, ...]
    parameters: Parameters = field(default_factory=dict)

    @property
    def array(self) -> AnyArray:
        """The array.

        Raises:
            InvalidInputError: the elements are bytes.
        """
        if isinstance(self.values, tuple):
            raise InvalidInputError(f"the tensor '{self.name}' holds bytes: use its elements")
        return self.values

    @property
    def elements(self) -> tuple[bytes, ...]:
        """The elements of a BYTES tensor.

        Raises:
            InvalidInputError: it is another one.
        """
        if not isinstance(self.values, tuple):
            raise InvalidInputError(f"the tensor '{self.name}' holds {self.datatype}, not bytes")
        return self.values


def array_tensor(name: str, array: AnyArray) -> Tensor:
    """Return an array as a tensor.

    Raises:
        InvalidInputError: the protocol has no such type.
    """
    datatype = _DATATYPES.get(array.dtype.newbyteorder("<"))
    if datatype is None:
        raise InvalidInputError(f"the protocol has no {array.dtype}: use {', '.join(DTYPES)}")
    return Tensor(name, datatype, array.shape, array)


def bytes_tensor(name: str, *elements: bytes) -> Tensor:
    """Return byte strings as a tensor of one dimension."""
    return Tensor(name, BYTES, (len(elements),), elements)


@dataclass(frozen=True)
class RequestedOutput:
    """An output that is asked for.

    Args:
        name: of the output.
        parameters: how it is wanted, such as ``{"format": "png"}``.
    """

    name: str
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class InferRequest:
    """What a client asks of a model.

    Args:
        inputs: at least one.
        outputs: which are wanted; all where there is none.
        id: comes back in the response.
        parameters: such as ``{"timeout": 500_000}``, in microseconds.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[RequestedOutput, ...] = ()
    id: str = ""
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class InferResponse:
    """What a model answers.

    Args:
        model_name: who answers.
        model_version: of which version.
        outputs: in the order of the request.
        id: of the request.
        parameters: what else is said.
    """

    model_name: str
    model_version: str
    outputs: tuple[Tensor, ...]
    id: str = ""
    parameters: Parameters = field(default_factory=dict)


def count(shape: tuple[int, ...]) -> int:
    """Return the number of elements of a shape."""
    return math.prod(shape)
