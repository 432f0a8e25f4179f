"""A tensor's values to bytes and back.

Binary, an array is its elements in row-major order, little-endian; BYTES is each
element's length as four bytes and the element. In JSON, an array is a list of its
elements, flat or nested; BYTES is a list of strings, of which the tensor's parameter
``content_type`` says whether they are ``base64`` or (without it) text.
"""

from __future__ import annotations

import base64
import binascii
import struct
from typing import Any

import numpy as np

from cofeat.errors import ProtocolError
from cofeat.protocol.messages import BYTES, DTYPES, AnyArray, count

_LENGTH = struct.Struct("<I")
# What a scalar of each kind of dtype may be in JSON; True is no number here.
_JSON_TYPES: dict[str, tuple[type, ...]] = {"b": (bool,), "u": (int,), "i": (int,)}
_JSON_FLOATS: tuple[type, ...] = (int, float)


def to_binary(values: AnyArray | tuple[bytes, ...]) -> bytes:
    """Return the binary form."""
    if isinstance(values, tuple):
        return b"".join(part for item in values for part in (_LENGTH.pack(len(item)), item))
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def from_binary(
    datatype: str, shape: tuple[int, ...], data: memoryview
) -> AnyArray | tuple[bytes, ...]:
    """Read the binary form, the inverse of ``to_binary``.

    Raises:
        ProtocolError: the bytes are no such tensor.
    """
    if datatype == BYTES:
        return _elements(count(shape), data)
    dtype = _dtype(datatype)
    if len(data) != count(shape) * dtype.itemsize:
        raise ProtocolError(
            f"{len(data)} bytes are not the {count(shape) * dtype.itemsize} of a "
            f"{datatype} tensor of shape {list(shape)}"
        )
    if dtype.kind == "b" and np.frombuffer(data, np.uint8).max() > 1:
        raise ProtocolError("a BOOL is 0 or 1")
    return np.frombuffer(data, dtype).reshape(shape)


def to_json(values: AnyArray | tuple[bytes, ...]) -> list[Any]:
    """Return the flat list for JSON; BYTES as base64."""
    if isinstance(values, tuple):
        return [base64.b64encode(item).decode("ascii") for item in values]
    flat: list[Any] = values.ravel().tolist()
    return flat


def from_json(
    datatype: str, shape: tuple[int, ...], data: Any, content_type: str | None
) -> AnyArray | tuple[bytes, ...]:
    """Read what stands in JSON.

    Raises:
        ProtocolError: it is no such tensor.
    """
    flat = _flat(data, count(shape))
    if len(flat) != count(shape):
        raise ProtocolError(f"{len(flat)} elements do not fill the shape {list(shape)}")
    if datatype == BYTES:
        return tuple(_text_bytes(item, content_type) for item in flat)
    dtype = _dtype(datatype)
    allowed = _JSON_TYPES.get(dtype.kind, _JSON_FLOATS)
    # The type itself, since True is an instance of int.
    if not all(type(item) in allowed for item in flat):
        raise ProtocolError(f"the data of a {datatype} tensor hold something else")
    try:
        # A float beyond the type becomes infinite, which whoever computes with it refuses.
        with np.errstate(over="ignore"):
            return np.array(flat, dtype).reshape(shape)
    except OverflowError:
        raise ProtocolError(f"a number does not fit {datatype}") from None


def _dtype(datatype: str) -> np.dtype[Any]:
    """Return the numpy type.

    Raises:
        ProtocolError: there is none.
    """
    if datatype not in DTYPES:
        raise ProtocolError(f"there is no datatype {datatype!r}: use {BYTES}, {', '.join(DTYPES)}")
    return DTYPES[datatype]


def _elements(number: int, data: memoryview) -> tuple[bytes, ...]:
    """Cut the elements of a BYTES tensor apart.

    Raises:
        ProtocolError: they do not fill the bytes.
    """
    # So that no declared shape makes us walk further than the bytes.
    if number * _LENGTH.size > len(data):
        raise ProtocolError(f"{len(data)} bytes cannot hold {number} elements")
    elements, position = [], 0
    for _ in range(number):
        start = position + _LENGTH.size
        end = start + _LENGTH.unpack_from(data, position)[0] if start <= len(data) else -1
        if not start <= end <= len(data):
            raise ProtocolError("the lengths of a BYTES tensor go beyond its bytes")
        elements.append(bytes(data[start:end]))
        position = end
    if position != len(data):
        raise ProtocolError(f"{len(data) - position} bytes follow a BYTES tensor's elements")
    return tuple(elements)


def _flat(data: Any, most: int) -> list[Any]:
    """Flatten nested lists in order, going no further than what fills the shape.

    Raises:
        ProtocolError: it is no list.
    """
    if not isinstance(data, list):
        raise ProtocolError("a tensor's data are a list")
    flat: list[Any] = []
    open_lists = [iter(data)]
    while open_lists and len(flat) <= most:
        for item in open_lists[-1]:
            if isinstance(item, list):
                open_lists.append(iter(item))
                break
            flat.append(item)
            if len(flat) > most:
                break
        else:
            open_lists.pop()
    return flat


def _text_bytes(item: Any, content_type: str | None) -> bytes:
    """Turn a string of JSON into the bytes that it stands for.

    Raises:
        ProtocolError: it is no such string.
    """
    if not isinstance(item, str):
        raise ProtocolError("the data of a BYTES tensor are strings")
    try:
        if content_type == "base64":
            return base64.b64decode(item, validate=True)
        return item.encode("utf-8")
    except (binascii.Error, ValueError):
        # ValueError: not ASCII in base64, or half of a surrogate pair in text.
        raise ProtocolError(f"a string is no {content_type or 'text'}") from None
