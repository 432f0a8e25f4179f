"""The Open Inference Protocol over HTTP."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse

from cofeat import __version__
from cofeat.cloud import openapi
from cofeat.cloud.decoding import KINDS
from cofeat.cloud.repository import CloudModel
from cofeat.cloud.service import Service
from cofeat.errors import ProtocolError, TooLargeError
from cofeat.protocol.http import (
    HEADER_LENGTH,
    decode_request,
    encode_response,
    parse_header_length,
    wants_binary,
)
from cofeat.protocol.messages import DTYPES

# JSON up to here is parsed in a millisecond; more goes to the pool.
_INLINE_JSON_BYTES = 64 * 1024
_UNAVAILABLE = 503
NAME = "cofeat"
EXTENSIONS = ("binary_tensor_data",)
PLATFORM = "onnxruntime_onnx"

ModelName = Annotated[str, Path(description="name of a model", examples=["street"])]
ModelVersion = Annotated[str, Path(description="its version", examples=["1"])]

router = APIRouter(tags=["Open Inference Protocol"])


def service_of(request: Request) -> Service:
    """Return the service that the application holds."""
    service: Service = request.app.state.service
    return service


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Read a body up to a limit.

    Raises:
        TooLargeError: it is longer.
        ProtocolError: it is compressed.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ProtocolError("send the body as it is: compressed ones are not taken")
    declared = request.headers.get("Content-Length", "0")
    too_large = TooLargeError(f"a body has at most {max_bytes} bytes here")
    if not declared.isdigit() or int(declared[:18]) > max_bytes:
        raise too_large
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > max_bytes:
            raise too_large
        pieces.append(piece)
    return b"".join(pieces)


@router.get("/v2", responses=openapi.SERVER_METADATA)
async def server_metadata() -> JSONResponse:
    """Say what the server is."""
    return JSONResponse({"name": NAME, "version": __version__, "extensions": list(EXTENSIONS)})


@router.get("/v2/health/live", responses=openapi.HEALTH)
async def live() -> JSONResponse:
    """Say that the process answers."""
    return JSONResponse({"live": True})


@router.get("/v2/health/ready", responses=openapi.HEALTH)
async def ready(request: Request) -> JSONResponse:
    """Say whether the server takes requests."""
    is_ready = service_of(request).ready
    return JSONResponse({"ready": is_ready}, 200 if is_ready else _UNAVAILABLE)


@router.get("/v2/models/{name}", responses=openapi.MODEL_METADATA)
async def model_metadata(request: Request, name: ModelName) -> JSONResponse:
    """Say what the newest version of a model takes and gives."""
    return JSONResponse(describe(service_of(request).repository.candidates(name)))


@router.get("/v2/models/{name}/versions/{version}", responses=openapi.MODEL_METADATA)
async def version_metadata(
    request: Request, name: ModelName, version: ModelVersion
) -> JSONResponse:
    """Say what a version of a model takes and gives."""
    return JSONResponse(describe(service_of(request).repository.candidates(name, version)))


@router.get("/v2/models/{name}/ready", responses=openapi.MODEL_HEALTH)
async def model_ready(request: Request, name: ModelName) -> JSONResponse:
    """Say whether a model can be used."""
    service_of(request).repository.candidates(name)
    return JSONResponse({"name": name, "ready": True})


@router.get("/v2/models/{name}/versions/{version}/ready", responses=openapi.MODEL_HEALTH)
async def version_ready(request: Request, name: ModelName, version: ModelVersion) -> JSONResponse:
    """Say whether a version of a model can be used."""
    service_of(request).repository.candidates(name, version)
    return JSONResponse({"name": name, "ready": True})


@router.post("/v2/models/{name}/infer", responses=openapi.INFER, openapi_extra=openapi.INFER_BODY)
async def infer(request: Request, name: ModelName) -> Response:
    """Run a model: the version that the bitstream is for, or the newest."""
    return await _infer(request, name, None)


@router.post(
    "/v2/models/{name}/versions/{version}/infer",
    responses=openapi.INFER,
    openapi_extra=openapi.INFER_BODY,
)
async def version_infer(request: Request, name: ModelName, version: ModelVersion) -> Response:
    """Run a version of a model."""
    return await _infer(request, name, version)


async def _infer(request: Request, name: str, version: str | None) -> Response:
    service = service_of(request)
    with service.admitted():
        header_bytes = parse_header_length(request.headers.get(HEADER_LENGTH))
        body = await read_body(request, service.settings.max_body_bytes)
        if (len(body) if header_bytes is None else header_bytes) <= _INLINE_JSON_BYTES:
            asked = decode_request(body, header_bytes)
        else:
            asked = await service.in_pool(decode_request, body, header_bytes)
        finish = partial(encode_response, binary=partial(wants_binary, asked))
        content, length = await service.infer(asked, finish, name, version)
    if length is None:
        return Response(content, media_type="application/json")
    return Response(content, 200, {HEADER_LENGTH: str(length)}, "application/octet-stream")


def describe(versions: list[CloudModel]) -> dict[str, Any]:
    """Return the metadata of the first of some versions of a model."""
    model = versions[0]
    parts = {"bitstream": "heads", "image": "whole"}
    return {
        "name": model.name,
        "versions": [version.version for version in versions],
        "platform": PLATFORM,
        "inputs": [
            {"name": kind, "datatype": "BYTES", "shape": [-1]}
            for kind in KINDS
            if model.has(parts[kind])
        ],
        "outputs": [
            {"name": task.name, **_output(task.name, task.dtype, task.shape)}
            for task in model.entry.tasks
        ],
        "parameters": {
            "model_id": model.model_id.hex(),
            "tables_id": None if model.tables_id is None else model.tables_id.hex(),
            "stride": model.stride,
        },
    }


def _output(task: str, dtype: str, shape: tuple[str, ...]) -> dict[str, Any]:
    """Return datatype and shape of a raw output; its pictures are BYTES [-1]."""
    # Sent as the picture that it is.
    name = "uint8" if task == "reconstruction" else dtype
    datatype = next(key for key, value in DTYPES.items() if value == name)
    return {
        "datatype": datatype,
        "shape": [int(word) if word.isdigit() else -1 for word in shape],
    }
