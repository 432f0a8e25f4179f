"""One endpoint for a shell: post a bitstream or a picture, get JSON or pictures."""

from __future__ import annotations

import base64
import functools
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
        names = () if tasks is None else tuple(tasks.split(","))
        # Which model it is, and so which tasks there are, only the bitstream tells.
        possible = [names] if names else [candidate.tasks for candidate in candidates]
        if form in _MEDIA and not any(len(wanted) == 1 for wanted in possible):
            raise _not_one(form, possible[0][0])
        picture: Format = "png" if form == "json" or form == "zip" else form
        kind = "bitstream" if body.startswith(MAGIC) else "image"
        asked = InferRequest(
            (bytes_tensor(kind, body),),
            tuple(RequestedOutput(name, {"format": picture}) for name in names),
            parameters={"format": picture},
        )
        finish: dict[str, Callable[[InferResponse], Response]] = {"json": _json, "zip": _zip}
        one = functools.partial(_picture, form)
        return await service.infer(asked, finish.get(form, one), model, version)


def _not_one(form: str, task: str) -> InvalidInputError:
    return InvalidInputError(f"'{form}' is one task's picture: name it, tasks={task}")


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


def _picture(form: str, response: InferResponse) -> Response:
    """Return the picture of the one task.

    Raises:
        InvalidInputError: there are several.
    """
    files = _files(response)
    if len(files) != 1:
        raise _not_one(form, next(iter(files)))
    (content,) = files.values()
    media = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
    return Response(content, media_type=media)
