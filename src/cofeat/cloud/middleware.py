"""Around every HTTP request: its id, its token, its log line, its counts, its errors."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cofeat.cloud import page
from cofeat.cloud.logs import REQUEST_ID, log, log_failure, request_id
from cofeat.cloud.refusals import INTERNAL, Refusal, refusal
from cofeat.cloud.service import Service
from cofeat.cloud.tokens import Tokens
from cofeat.errors import UnauthorizedError

# For load balancers and kubelets, which have no token and learn nothing here, and for the page.
OPEN_PATHS = frozenset({"/v2/health/live", "/v2/health/ready"}) | page.OPEN_PATHS
# Nobody is left to be answered; nginx's number for it.
_GONE = 499


class Requests:
    """The middleware.

    Args:
        app: what answers.
        service: gives the service, which is made later than the application.
        tokens: that open the server.
    """

    def __init__(self, app: ASGIApp, service: Callable[[], Service], tokens: Tokens) -> None:
        self._app = app
        self._service = service
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = time.monotonic()
        headers = Headers(scope=scope)
        identity = request_id(headers.get(REQUEST_ID))
        status = _GONE
        received_s = started_s

        async def receiving() -> Message:
            nonlocal received_s
            message = await receive()
            received_s = time.monotonic()
            return message

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                ours = MutableHeaders(raw=message["headers"])
                ours[REQUEST_ID] = identity
                # From the last of the request on: how long it was on its way is the link's.
                ours["Server-Timing"] = f"cloud;dur={1000 * (time.monotonic() - received_s):.1f}"
            await send(message)

        service = self._service()
        try:
            path = scope["path"]
            if path not in OPEN_PATHS and not path.startswith(page.OPEN_PREFIX):
                self._tokens.check(headers.get("Authorization"))
            with service.tracing.span("request", headers):
                await self._app(scope, receiving, sending)
        except UnauthorizedError as error:
            await response(refusal(error))(scope, receive, sending)
        except ClientDisconnect:
            pass
        except Exception as error:
            log_failure(identity)
            if status == _GONE:  # nothing was sent yet
                await response(refusal(error))(scope, receive, sending)
        finally:
            seconds = time.monotonic() - started_s
            route = scope.get("route")
            # Never the path itself, which is the client's.
            method = getattr(route, "name", "unknown")
            service.metrics.request("http", method, str(status), seconds)
            log(
                "request",
                logging.ERROR if status >= INTERNAL else logging.INFO,
                request_id=identity,
                protocol="http",
                method=method,
                status=status,
                ms=round(1000 * seconds, 2),
            )


def response(told: Refusal) -> JSONResponse:
    """Return a refusal as HTTP."""
    content: dict[str, object] = {"error": told.reason}
    if told.have:
        content["have"] = list(told.have)
    headers = {}
    if told.retry_after_s is not None:
        headers["Retry-After"] = str(told.retry_after_s)
    if told.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(content, told.status, headers)
