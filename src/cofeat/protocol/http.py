"""Messages to the bodies of HTTP requests and responses, and back.

A body is JSON, and behind it the binary tensors one after the other::

    {"inputs": [{..., "parameters": {"binary_data_size": 8}}]} 01 02 03 04 05 06 07 08
    └────────────── Inference-Header-Content-Length ─────────┘ └── binary tensors ───┘

Without that header the whole body is JSON. Whatever the bytes are, decoding them
gives a message or raises ProtocolError, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from cofeat.errors import ProtocolError
from cofeat.protocol.messages import (
    InferRequest,
    InferResponse,
    Parameters,
    RequestedOutput,
    Scalar,
    Tensor,
)
from cofeat.protocol.tensors import from_binary, from_json, to_binary, to_json

HEADER_LENGTH = "Inference-Header-Content-Length"
_BINARY_SIZE = "binary_data_size"
_BINARY = "binary_data"
_BINARY_ALL = "binary_data_output"
# Far more than a picture's tensors have, or a request of several pictures asks for.
_MAX_RANK = 8
_MAX_SIDE = 2**31 - 1
_MAX_TENSORS = 64
_MAX_PARAMETERS = 64
_MAX_TEXT = 1024


def encode_request(request: InferRequest) -> tuple[bytes, int]:
    """Return a body with binary tensors, which asks for binary outputs, and its header's length."""
    head: dict[str, Any] = {
        **({"id": request.id} if request.id else {}),
        "parameters": {**request.parameters, _BINARY_ALL: True},
        "inputs": [_head(tensor, binary=True) for tensor in request.inputs],
    }
    if request.outputs:
        head["outputs"] = [
            {"name": output.name, "parameters": {**output.parameters, _BINARY: True}}
            for output in request.outputs
        ]
    return _join(head, request.inputs)


def decode_request(body: bytes, header_bytes: int | None = None) -> InferRequest:
    """Read a request.

    Args:
        body: all of it.
        header_bytes: the length of its JSON, where something follows.

    Raises:
        ProtocolError: the body is no request, whatever it is.
    """
    head, tail = _split(body, header_bytes)
    return InferRequest(
        inputs=_tensors(head, "inputs", tail),
        outputs=_requested(head),
        id=_text(head.get("id", ""), "id"),
        parameters=_parameters(head),
    )


def wants_binary(request: InferRequest, output: str) -> bool:
    """Whether a request wants an output as a binary tensor."""
    everything = request.parameters.get(_BINARY_ALL, False)
    for asked in request.outputs:
        if asked.name == output:
            return bool(asked.parameters.get(_BINARY, everything))
    return bool(everything)


def encode_response(
    response: InferResponse, binary: Callable[[str], bool] = lambda _: True
) -> tuple[bytes, int | None]:
    """Return a body and its header's length, None where all of it is JSON.

    Args:
        response: the message.
        binary: whether the output of a name is wanted as a binary tensor.
    """
    head = {
        "model_name": response.model_name,
        "model_version": response.model_version,
        **({"id": response.id} if response.id else {}),
        **({"parameters": dict(response.parameters)} if response.parameters else {}),
        "outputs": [_head(tensor, binary(tensor.name)) for tensor in response.outputs],
    }
    tail = [tensor for tensor in response.outputs if binary(tensor.name)]
    body, header_bytes = _join(head, tail)
    return body, header_bytes if tail else None


def decode_response(body: bytes, header_bytes: int | None = None) -> InferResponse:
    """Read a response, the inverse of ``encode_response``.

    Raises:
        ProtocolError: the body is no response, whatever it is.
    """
    head, tail = _split(body, header_bytes)
    return InferResponse(
        model_name=_text(head.get("model_name"), "model_name"),
        model_version=_text(head.get("model_version", ""), "model_version"),
        outputs=_tensors(head, "outputs", tail),
        id=_text(head.get("id", ""), "id"),
        parameters=_parameters(head),
    )


def parse_header_length(text: str | None) -> int | None:
    """Read the value of the header ``Inference-Header-Content-Length``.

    Raises:
        ProtocolError: it is no length.
    """
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ProtocolError(f"{HEADER_LENGTH} is a number of bytes")
    return int(text)


def _head(tensor: Tensor, binary: bool) -> dict[str, Any]:
    """Return what the JSON says of a tensor."""
    head = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
    parameters = dict(tensor.parameters)
    if binary:
        parameters[_BINARY_SIZE] = _binary_bytes(tensor)
    else:
        head["data"] = to_json(tensor.values)
        if isinstance(tensor.values, tuple):
            parameters["content_type"] = "base64"
    return {**head, "parameters": parameters} if parameters else head


def _binary_bytes(tensor: Tensor) -> int:
    if isinstance(tensor.values, tuple):
        return sum(4 + len(item) for item in tensor.values)
    return tensor.values.nbytes


def _join(head: dict[str, Any], tensors: list[Tensor] | tuple[Tensor, ...]) -> tuple[bytes, int]:
    text = json.dumps(head, separators=(",", ":"), allow_nan=False).encode("ascii")
    return b"".join((text, *(to_binary(tensor.values) for tensor in tensors))), len(text)


def _split(body: bytes, header_bytes: int | None) -> tuple[dict[str, Any], memoryview]:
    """Read the JSON of a body.

    Returns:
        The JSON object and what stands behind it.

    Raises:
        ProtocolError: there is none.
    """
    length = len(body) if header_bytes is None else header_bytes
    if not 0 <= length <= len(body):
        raise ProtocolError(f"a header of {length} bytes in a body of {len(body)}")
    try:
        head = json.loads(body[:length].decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise ProtocolError("the body does not begin with JSON of the declared length") from None
    if not isinstance(head, dict):
        raise ProtocolError("the message is a JSON object")
    return head, memoryview(body)[length:]


def _no_number(_: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError


def _tensors(head: dict[str, Any], key: str, tail: memoryview) -> tuple[Tensor, ...]:
    """Read the tensors, in the order in which their bytes follow.

    Raises:
        ProtocolError: they are none, or do not fill the bytes.
    """
    tensors, position = [], 0
    for entry in _objects(head, key):
        name = _text(entry.get("name"), f"the name in {key}")
        datatype = _text(entry.get("datatype"), f"the datatype of {name!r}")
        shape = _shape(entry.get("shape"), name)
        parameters = _parameters(entry)
        size = parameters.get(_BINARY_SIZE)
        if size is None:
            content_type = parameters.get("content_type")
            kind = content_type if isinstance(content_type, str) else None
            values = from_json(datatype, shape, entry.get("data"), kind)
        elif type(size) is not int or not 0 <= size <= len(tail) - position or "data" in entry:
            raise ProtocolError(f"{_BINARY_SIZE} of {name!r} does not fit the body")
        else:
            values = from_binary(datatype, shape, tail[position : position + size])
            position += size
        tensors.append(Tensor(name, datatype, shape, values, parameters))
    if not tensors:
        raise ProtocolError(f"the message has no {key}")
    if position != len(tail):
        raise ProtocolError(f"{len(tail) - position} bytes of the body belong to no tensor")
    return tuple(tensors)


def _requested(head: dict[str, Any]) -> tuple[RequestedOutput, ...]:
    """Read which outputs are asked for.

    Raises:
        ProtocolError: it says so in no valid way.
    """
    entries = _objects(head, "outputs") if "outputs" in head else []
    return tuple(
        RequestedOutput(_text(entry.get("name"), "the name in outputs"), _parameters(entry))
        for entry in entries
    )


def _objects(head: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return a list of objects.

    Raises:
        ProtocolError: it is none, or too long.
    """
    entries = head.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ProtocolError(f"{key} is a list of objects")
    if len(entries) > _MAX_TENSORS:
        raise ProtocolError(f"{len(entries)} {key}, allowed {_MAX_TENSORS}")
    return entries


def _shape(value: Any, name: str) -> tuple[int, ...]:
    """Read a shape.

    Raises:
        ProtocolError: it is none.
    """
    sides = value if isinstance(value, list) else []
    if not 1 <= len(sides) <= _MAX_RANK or not all(
        type(side) is int and 1 <= side <= _MAX_SIDE for side in sides
    ):
        raise ProtocolError(f"the shape of {name!r} is a list of 1 to {_MAX_RANK} sides from 1 on")
    return tuple(sides)


def _parameters(entry: dict[str, Any]) -> Parameters:
    """Read the parameters of a message, a tensor or an output.

    Raises:
        ProtocolError: they are no object of scalars.
    """
    value = entry.get("parameters", {})
    if not isinstance(value, dict) or len(value) > _MAX_PARAMETERS:
        raise ProtocolError(f"parameters are an object of at most {_MAX_PARAMETERS}")
    for key, item in value.items():
        _text(key, "the name of a parameter")
        if isinstance(item, str):
            _text(item, f"the parameter {key!r}")
        elif not isinstance(item, Scalar):
            raise ProtocolError(f"the parameter {key!r} is a boolean, a number or a string")
    return value


def _text(value: Any, what: str) -> str:
    """Return a string that can be written again.

    Raises:
        ProtocolError: it is none, too long, or half of a surrogate pair.
    """
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise ProtocolError(f"{what} is a string of at most {_MAX_TEXT} characters")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ProtocolError(f"{what} holds half of a character") from None
    return value
