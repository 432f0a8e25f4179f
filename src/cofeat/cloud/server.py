"""The process: sockets, signals, workers, slow clients.

SIGTERM and SIGINT: no further connections, requests that are there are answered,
then the process ends. Several workers are processes that share one socket; one that
dies is replaced.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from cofeat.cloud import grpc as grpc_layer
from cofeat.cloud.app import create_app
from cofeat.cloud.batching import Batcher
from cofeat.cloud.logs import configuration, log
from cofeat.cloud.metrics import MULTIPROCESS_FOLDER
from cofeat.cloud.repository import Repository
from cofeat.cloud.service import MakeBatches, Service, Settings
from cofeat.cloud.slow import GuardedProtocol
from cofeat.cloud.tokens import VARIABLE, read_tokens
from cofeat.cloud.tracing import Tracing, exporting
from cofeat.errors import InvalidInputError

# Until connections that do not end are cut at the end; above a request's own deadline.
DRAIN_S = 40
_IDLE_S = 30
_BACKLOG = 2048
_MAX_PORT = 65535


@dataclass(frozen=True)
class ServerOptions:
    """How to serve; plain values, since every worker process is given them.

    Args:
        bundles: folders.
        host: address to listen at.
        port: of HTTP; 0 for any that is free.
        grpc_port: of gRPC; None for none.
        workers: processes.
        threads: of one run of a network; None for all cores.
        gpu: whether ONNX Runtime's provider for CUDA runs the networks.
        token_file: tokens, one a line; else the environment may hold them.
        tls: certificate and key.
        page: whether there is a page at ``/``.
        traces: whether OpenTelemetry exports spans.
        log_level: such as ``"info"``.
        settings: limits of each worker.
    """

    bundles: tuple[Path, ...]
    host: str = "127.0.0.1"
    port: int = 8000
    grpc_port: int | None = None
    workers: int = 1
    threads: int | None = None
    gpu: bool = False
    token_file: Path | None = None
    tls: grpc_layer.Tls | None = None
    page: bool = True
    traces: bool = False
    log_level: str = "info"
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InvalidInputError(f"{self.workers} workers: give at least 1")
        if self.workers > 1 and self.grpc_port == 0:
            raise InvalidInputError("several workers need one gRPC port: name it")
        if self.port and self.port == self.grpc_port:
            raise InvalidInputError(f"port {self.port} for HTTP and for gRPC: give each its own")
        for port in (self.port, self.grpc_port):
            if port is not None and not 0 <= port <= _MAX_PORT:
                raise InvalidInputError(f"port {port}: give 0 to {_MAX_PORT}")

    def app(self, batches: MakeBatches = Batcher) -> FastAPI:
        """Make the application; called in each worker.

        Args:
            batches: what makes batches of requests.
        """
        tokens = read_tokens(self.token_file, os.environ.get(VARIABLE, ""))

        @asynccontextmanager
        async def beside(service: Service) -> AsyncIterator[None]:
            if self.grpc_port is None:
                yield
                return
            async with grpc_layer.serving(
                service, self.host, self.grpc_port, tokens, self.tls, shared=self.workers > 1
            ) as port:
                log("grpc", host=self.host, port=port)
                yield

        tracing = Tracing(exporting()) if self.traces else None
        return create_app(self.load, self.settings, tokens, tracing, beside, self.page, batches)

    def load(self) -> Repository:
        """Open the bundles.

        Raises:
            InvalidInputError: there is no such bundle, or two models are the same.
            BundleError: a bundle is damaged.
            MissingPackageError: there is no ONNX Runtime.
        """
        from cofeat.bundle import open_bundle
        from cofeat.runtime import RuntimeModel

        providers = ("CUDAExecutionProvider",) if self.gpu else ()
        opened = [open_bundle(folder) for folder in self.bundles]
        return Repository(
            RuntimeModel(
                bundle.model(name),
                threads=self.threads,
                providers=(*providers, "CPUExecutionProvider"),
            )
            for bundle in opened
            for name in bundle.names
        )

    def check(self) -> None:
        """Load what a worker loads, and let it go: what cannot be served is told before any is.

        Raises:
            InvalidInputError: as ``load``; or the GPU cannot be used.
            BundleError: as ``load``; or a graph cannot be loaded.
            MissingPackageError: there is no ONNX Runtime.
        """
        self.load().load()


def serve(options: ServerOptions, listening_at: Callable[[str], None] = lambda _: None) -> int:
    """Serve until a signal ends it, and return the exit status.

    Args:
        options: how.
        listening_at: told the URL, once clients can connect.

    Raises:
        CofeatError: the options cannot be; said before anything is served.
        OSError: a port cannot be had.
    """
    tokens = read_tokens(options.token_file, os.environ.get(VARIABLE, ""))
    options.check()
    if options.tls is not None:
        check_tls(options.tls)
    if options.grpc_port:  # each worker opens it for itself: that it is free is told here
        _listen(options.host, options.grpc_port).close()
    listening = _listen(options.host, options.port)
    config = uvicorn_config(options.app, options, configuration(options.log_level))
    host, port = listening.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    url = f"{'http' if options.tls is None else 'https'}://{address}:{port}"
    told: dict[str, Any] = {}
    if options.tls is not None:
        told["certificate_sha256"] = _fingerprint(options.tls)
    log("serving", url=url, workers=options.workers, tokens=bool(tokens), **told)
    listening_at(url)
    if options.workers == 1:
        server = uvicorn.Server(config)
        # uvicorn takes signals while it runs, and sends them again when it has drained.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        server.run(sockets=[listening])
        return 0 if server.started else 1
    return _supervise(config, listening)


def uvicorn_config(
    app: FastAPI | Callable[[], FastAPI], options: ServerOptions, log_config: dict[str, Any] | None
) -> uvicorn.Config:
    """Return how uvicorn is to run an application, or what makes one."""
    return uvicorn.Config(
        app,
        factory=not isinstance(app, FastAPI),
        http=GuardedProtocol,
        ws="none",
        workers=options.workers,
        log_config=log_config,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=DRAIN_S,
        ssl_certfile=None if options.tls is None else options.tls.certificate,
        ssl_keyfile=None if options.tls is None else options.tls.key,
    )


def _supervise(config: uvicorn.Config, listening: socket.socket) -> int:
    """Run several workers, whose counts go to files of a folder of ours.

    Returns:
        0, or 1 where they could not start.
    """
    folder = tempfile.mkdtemp(prefix="cofeat-metrics-")
    os.environ[MULTIPROCESS_FOLDER] = folder
    try:
        supervisor = Multiprocess(config, sockets=[listening])
        supervisor.run()
    finally:
        del os.environ[MULTIPROCESS_FOLDER]
        shutil.rmtree(folder, ignore_errors=True)
    # Below 0 is a signal, which ends them rightly.
    return int(any((worker.exitcode or 0) > 0 for worker in supervisor.processes))


def check_tls(tls: grpc_layer.Tls) -> None:
    """Try the certificate and its key.

    Raises:
        InvalidInputError: they cannot be used.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
    except OSError as error:  # ssl's own are OSErrors too
        raise InvalidInputError(
            f"'{tls.certificate}' and '{tls.key}' are no certificate and its key in PEM: "
            f"{error.strerror or error}"
        ) from None


def _fingerprint(tls: grpc_layer.Tls) -> str:
    """Return the SHA-256 by which people compare a certificate."""
    text = tls.certificate.read_text(encoding="ascii", errors="replace")
    first = text[text.index("-----BEGIN CERTIFICATE-----") :].partition("-----END CERTIFICATE-----")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert("".join(first[:2]))).hexdigest()


def _listen(host: str, port: int) -> socket.socket:
    """Open the socket."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Where the protocol is named, asyncio sends an answer's end without waiting for anything.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"cannot listen at {host}:{port}: {error.strerror}") from error
    # From now on clients wait for the models to be loaded rather than be refused.
    listening.listen(_BACKLOG)
    listening.set_inheritable(True)
    return listening
