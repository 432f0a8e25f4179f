"""The page at ``/``, its assets, and the bundles' files for a browser that is a device.

Nothing of a request leads to the file system: an asset is looked up in the table that
``cofeat.web`` makes, a bundle's file by its SHA-256 among those of the manifests.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cofeat import __version__
from cofeat.cloud.http import service_of
from cofeat.cloud.repository import CloudModel, Repository
from cofeat.web.assets import Asset, assets

# Whoever has no token may see the page, which then asks for one; it tells nothing of the models.
OPEN_PATHS = frozenset({"/", "/service_worker.js"})
OPEN_PREFIX = "/page/assets/"
# Named by a hash of their content, so they never change.
_FOREVER = "public, max-age=31536000, immutable"
# Of the models, which may be for those alone who have a token.
_FOREVER_PRIVATE = "private, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_NOT_FOUND = 404
# Scripts, styles, pictures and connections of this server and no other. 'wasm-unsafe-eval' lets
# ONNX Runtime and the codec's engine compile WebAssembly, and no script of text.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    # The page is alone in its process, so that it may use threads with shared memory.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def index(request: Request) -> Response:
    """Return the page."""
    found = await service_of(request).in_pool(assets)
    return _send(request, found.index, _ASK_AGAIN)


@router.get("/service_worker.js")
async def service_worker(request: Request) -> Response:
    """Return what keeps the page while the server is gone; its place says what it may keep."""
    found = await service_of(request).in_pool(assets)
    return _send(request, found.service_worker, _ASK_AGAIN)


@router.get("/page/assets/{digest}/{name:path}")
async def asset(request: Request, digest: str, name: str) -> Response:
    """Return an asset of the page.

    Raises:
        HTTPException: there is none of that name, or the page is another by now.
    """
    found = await service_of(request).in_pool(assets)
    if digest != found.digest or name not in found.by_name:
        raise HTTPException(_NOT_FOUND)
    return _send(request, found.by_name[name], _FOREVER)


@router.get("/page/models.json")
async def models(request: Request) -> Response:
    """Say what the server's models are, and where their files are."""
    service = service_of(request)
    content = {
        "cofeat": __version__,
        "max_body_bytes": service.settings.max_body_bytes,
        "models": [_described(model) for model in service.repository.models],
    }
    return JSONResponse(content, headers={**HEADERS, "Cache-Control": _ASK_AGAIN})


@router.get("/page/files/{sha256}")
async def model_file(request: Request, sha256: str) -> Response:
    """Return a file of a bundle, its hash checked once more.

    Raises:
        HTTPException: no bundle has it.
        BundleError: it has changed since the server started.
    """
    service = service_of(request)
    model, part = _holder(service.repository, sha256)
    with service.admitted():
        data = await service.in_pool(model.read, part)
    headers = {**HEADERS, "Cache-Control": _FOREVER_PRIVATE, "ETag": f'"{sha256}"'}
    return Response(data, headers=headers, media_type="application/octet-stream")


def _holder(repository: Repository, sha256: str) -> tuple[CloudModel, str]:
    """Return the model and the part whose file has this hash.

    Raises:
        HTTPException: there is none.
    """
    for model in repository.models:
        for part, file in model.entry.files.items():
            if file.sha256 == sha256:
                return model, part
    raise HTTPException(_NOT_FOUND)


def _described(model: CloudModel) -> dict[str, Any]:
    entry = model.entry
    accuracy = entry.accuracy
    return {
        "name": entry.name,
        "version": entry.version,
        "model_id": entry.model_id,
        "tables_id": entry.tables_id,
        "encoder": entry.encoder,
        "cut": entry.cut,
        "stride": entry.stride,
        "channels": entry.channels,
        "bits": entry.bits,
        "per_channel": entry.per_channel,
        "step": entry.step,
        "codec": entry.codec,
        "size": None if accuracy is None else accuracy.size,
        "stand_in": entry.origin.stand_in,
        "tasks": [task.name for task in entry.tasks],
        "files": {
            part: {"sha256": file.sha256, "bytes": file.bytes} for part, file in entry.files.items()
        },
        "points": [asdict(point) for point in entry.points],
    }


def _send(request: Request, found: Asset, keep: str) -> Response:
    headers = {**HEADERS, "Cache-Control": keep, "ETag": found.etag, "Vary": "Accept-Encoding"}
    if request.headers.get("If-None-Match") == found.etag:
        return Response(status_code=304, headers=headers)
    if found.gzipped and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.data, headers=headers, media_type=found.media_type)
    return Response(found.plain, headers=headers, media_type=found.media_type)
