"""The ASGI application: routes, middleware, and a service that lives as long as it does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from cofeat import __version__
from cofeat.cloud import http, openapi, page, plain
from cofeat.cloud.batching import Batcher
from cofeat.cloud.middleware import Requests, response
from cofeat.cloud.refusals import Refusal, refusal
from cofeat.cloud.repository import Repository
from cofeat.cloud.service import MakeBatches, Service, Settings
from cofeat.cloud.tokens import Tokens
from cofeat.cloud.tracing import Tracing
from cofeat.errors import CofeatError

Beside = Callable[[Service], AbstractAsyncContextManager[None]]

_ABOUT = """The cloud's half of split inference: a compressed feature tensor comes in,
each task's prediction goes out. `/v2` is the Open Inference Protocol, which ready-made
clients speak; `/predict` is for a shell."""


def create_app(
    load: Callable[[], Repository],
    settings: Settings | None = None,
    tokens: Tokens | None = None,
    tracing: Tracing | None = None,
    beside: Beside | None = None,
    with_page: bool = True,
    batches: MakeBatches = Batcher,
) -> FastAPI:
    """Return the application.

    Args:
        load: gives the models, when the application starts.
        settings: limits.
        tokens: that open it; it is open without.
        tracing: where spans go.
        beside: what else serves as long as the application does, such as gRPC.
        with_page: whether there is a page at ``/``, which gives browsers the bundles' files.
        batches: what makes batches of requests.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = Service(load(), settings, tracing=tracing, batches=batches)
        app.state.service = service
        async with AsyncExitStack() as stack:
            stack.push_async_callback(service.close)
            await service.start()
            if beside is not None:
                await stack.enter_async_context(beside(service))
            yield
            service.ready = False

    app = FastAPI(title="cofeat", version=__version__, description=_ABOUT, lifespan=lifespan)
    app.add_middleware(Requests, service=lambda: app.state.service, tokens=tokens or Tokens())
    app.add_exception_handler(CofeatError, _refuse)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(RequestValidationError, _no_query)
    app.include_router(http.router)
    app.include_router(plain.router)
    if with_page:
        app.include_router(page.router)

    @app.get("/metrics", responses=openapi.METRICS, tags=["plain"])
    async def metrics(request: Request) -> Response:
        """Return the counts, for Prometheus."""
        return Response(http.service_of(request).metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return app


async def _refuse(_: Request, error: Exception) -> Response:
    told = refusal(error)
    if told.status >= 500:
        raise error  # for the log; the middleware answers
    return response(told)


async def _no_route(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    answer = response(Refusal(status, "", "there is no such endpoint or method"))
    if isinstance(error, HTTPException) and error.headers:
        answer.headers.update(error.headers)
    return answer


async def _no_query(_: Request, error: Exception) -> Response:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    what = "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in problems)
    return response(Refusal(400, "", what[:500]))
