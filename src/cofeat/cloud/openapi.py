"""What the OpenAPI page says of bodies and answers."""

from __future__ import annotations

from typing import Any

Responses = dict[int | str, dict[str, Any]]

_SCALAR: dict[str, Any] = {"type": ["boolean", "number", "string"]}
_PARAMETERS: dict[str, Any] = {"type": "object", "additionalProperties": _SCALAR}
_TEXT: dict[str, Any] = {"type": "string"}
_HAVE = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": dict.fromkeys(("name", "version", "model_id", "tables_id"), _TEXT),
    },
}
_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "have": _HAVE},
}
_REASONS = {
    400: "the request is no valid one; the reason is told",
    401: "no token, or a wrong one",
    404: "there is no such model or version",
    408: "the deadline has passed",
    409: "the features are for a model or tables that the server does not have",
    413: "the body is too long",
    429: "the server is busy: try again after Retry-After seconds",
    503: "the server takes no requests now",
}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _object(*required: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


def _answers(success: dict[str, Any], *errors: int) -> Responses:
    return {200: success, **{status: _json(_REASONS[status], _ERROR) for status in errors}}


def _binary(*media_types: str) -> dict[str, Any]:
    schema = {"type": "string", "format": "binary"}
    return {media_type: {"schema": schema} for media_type in media_types}


_TENSOR_METADATA = {
    "type": "array",
    "items": _object(
        "name",
        "datatype",
        "shape",
        name=_TEXT,
        datatype=_TEXT,
        shape={"type": "array", "items": {"type": "integer"}},
    ),
}
_MODEL = _object(
    "name",
    "versions",
    "platform",
    "inputs",
    "outputs",
    name=_TEXT,
    versions={"type": "array", "items": _TEXT},
    platform=_TEXT,
    inputs=_TENSOR_METADATA,
    outputs=_TENSOR_METADATA,
    parameters={"type": "object"},
)
_FORMAT = {"enum": ["raw", "png", "color", "jpeg"], "default": "raw"}
_REQUEST = _object(
    "inputs",
    id=_TEXT,
    parameters={
        **_PARAMETERS,
        "properties": {
            "timeout": {"type": "integer", "minimum": 0, "description": "microseconds"},
            "binary_data_output": {"type": "boolean"},
        },
    },
    inputs={
        "type": "array",
        "minItems": 1,
        "maxItems": 1,
        "items": _object(
            "name",
            "datatype",
            "shape",
            "data",
            name={"enum": ["bitstream", "image"]},
            datatype={"const": "BYTES"},
            shape={
                "type": "array",
                "items": {"type": "integer", "minimum": 1},
                "minItems": 1,
                "maxItems": 1,
            },
            data={"type": "array", "items": {"type": "string", "format": "byte"}},
            parameters={**_PARAMETERS, "properties": {"content_type": {"const": "base64"}}},
        ),
    },
    outputs={
        "type": "array",
        "items": _object(
            "name",
            name=_TEXT,
            parameters={
                **_PARAMETERS,
                "properties": {"format": _FORMAT, "binary_data": {"type": "boolean"}},
            },
        ),
    },
)
_TENSOR = _object(
    "name",
    "datatype",
    "shape",
    name=_TEXT,
    datatype=_TEXT,
    shape={"type": "array", "items": {"type": "integer"}},
    data={"type": "array"},
    parameters=_PARAMETERS,
)
_RESPONSE = _object(
    "model_name",
    "model_version",
    "outputs",
    model_name=_TEXT,
    model_version=_TEXT,
    id=_TEXT,
    parameters=_PARAMETERS,
    outputs={"type": "array", "items": _TENSOR},
)
_PREDICTION = _object(
    "model",
    "version",
    "outputs",
    model=_TEXT,
    version=_TEXT,
    outputs={
        "type": "object",
        "additionalProperties": _object("media_type", "base64", media_type=_TEXT, base64=_TEXT),
    },
)

_WORK = (400, 401, 404, 408, 409, 413, 429)
SERVER_METADATA = _answers(
    _json(
        "what the server is",
        _object("name", name=_TEXT, version=_TEXT, extensions={"type": "array", "items": _TEXT}),
    ),
    401,
)
HEALTH = {**_answers(_json("yes", {"type": "object"})), 503: {"description": _REASONS[503]}}
MODEL_METADATA = _answers(_json("what the model takes and gives", _MODEL), 401, 404)
MODEL_HEALTH = _answers(_json("yes", {"type": "object"}), 401, 404)
INFER = _answers(
    {
        "description": "the outputs; binary behind the JSON where that was asked for",
        "content": {
            "application/json": {"schema": _RESPONSE},
            **_binary("application/octet-stream"),
        },
    },
    *_WORK,
)
INFER_BODY = {
    "requestBody": {
        "required": True,
        "description": "JSON; with Inference-Header-Content-Length, JSON and binary tensors",
        "content": {
            "application/json": {"schema": _REQUEST},
            **_binary("application/octet-stream"),
        },
    }
}
PREDICT = _answers(
    {
        "description": "all tasks, or one task's picture",
        "content": {
            "application/json": {"schema": _PREDICTION},
            **_binary("image/png", "image/jpeg", "application/zip"),
        },
    },
    *_WORK,
)
PREDICT_BODY = {
    "requestBody": {
        "required": True,
        "description": "a bitstream, or the file of a picture",
        "content": _binary("application/octet-stream"),
    }
}
METRICS: Responses = {200: {"description": "the counts", "content": {"text/plain": {}}}}
