"""One endpoint for a shell: post a bitstream or a picture, get JSON or pictures."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from cofeat.cloud import openapi
from cofeat.cloud.http import read_body, service_of
from cofeat.cloud.outputs import Format
from cofeat.errors import InvalidInputError
from cofeat.feature.bitstream import MAGIC
from cofeat.protocol.messages import InferRequest, InferResponse, RequestedOutput, bytes_tensor

router = APIRouter(tags=["plain"])

PlainFormat = Literal["json", "png", "color", "jpeg", "zip"]
_MEDIA = {"png": "image/png", "color": "image/png", "jpeg": "image/jpeg"}


@router.post("/predict", responses=openapi.PREDICT, openapi_extra=openapi.PREDICT_BODY)
async def predict(
    request: Request,
    model: Annotated[str | None, Query(description="the bitstream's own by default")] = None,
    version: Annotated[str | None, Query(description="the newest by default")] = None,
    tasks: Annotated[str | None, Query(description="separated by commas; all by default")] = None,
    form: Annotated[
        PlainFormat,
        Query(
            alias="format",
            description="json: all tasks, each as a PNG in base64; zip: the same files; "
            "png, color (drawn), jpeg (drawn): one task's picture",
        ),
    ] = "json",
) -> Response:
    """Run a model on a bitstream (.cft) or a picture (JPEG, WebP, AVIF, PNG)."""
    service = service_of(request)
    with service.admitted():
        body = await read_body(request, service.settings.max_body_bytes)
        candidates = service.repository.candidates(model, version)
        names = candidates[0].tasks if tasks is None else tuple(tasks.split(","))
        if form in _MEDIA and len(names) != 1:
            raise InvalidInputError(f"'{form}' is one task's picture: name it, tasks={names[0]}")
        picture: Format = "png" if form == "json" or form == "zip" else form
        kind = "bitstream" if body.startswith(MAGIC) else "image"
        asked = InferRequest(
            (bytes_tensor(kind, body),),
            tuple(RequestedOutput(name, {"format": picture}) for name in names),
        )
        finish: dict[str, Callable[[InferResponse], Response]] = {"json": _json, "zip": _zip}
        return await service.infer(asked, finish.get(form, _picture), model, version)


def _files(response: InferResponse) -> dict[str, bytes]:
    return {output.name: output.elements[0] for output in response.outputs}


def _json(response: InferResponse) -> Response:
    content: dict[str, Any] = {
        "model": response.model_name,
        "version": response.model_version,
        **response.parameters,
        "outputs": {
            task: {"media_type": "image/png", "base64": base64.b64encode(file).decode("ascii")}
            for task, file in _files(response).items()
        },
    }
    return JSONResponse(content)


def _zip(response: InferResponse) -> Response:
    file = io.BytesIO()
    # Stored: PNGs do not shrink further.
    with zipfile.ZipFile(file, "w") as archive:
        for task, content in _files(response).items():
            archive.writestr(f"{task}.png", content)
    return Response(file.getvalue(), media_type="application/zip")


def _picture(response: InferResponse) -> Response:
    ((_, content),) = _files(response).items()
    media = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
    return Response(content, media_type=media)
