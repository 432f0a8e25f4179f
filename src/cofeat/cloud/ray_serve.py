"""The same application on Ray Serve: replicas, autoscaling, Ray's batching, rolling updates.

::

    client ──► Ray's proxy ─┬─► replica: the application of ``app``, with Ray's batches
                            ├─► replica                ▲
                            └─► ...                    │ as many as requests need
                                          Ray's controller

``serve_on_ray`` is `cofeat serve --engine ray`: Ray on this machine alone, behind the
loopback, for as long as the process lives. ``build`` is what a cluster that runs already
is told to run (`serve deploy`, RayService), see ``deploy/rayservice.yaml``.
"""

from __future__ import annotations

import logging.config
import os
import queue
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofeat.cloud.grpc import Tls
from cofeat.cloud.logs import configuration, log
from cofeat.cloud.metrics import MULTIPROCESS_FOLDER
from cofeat.cloud.ray_batching import RayBatcher
from cofeat.cloud.server import DRAIN_S, ServerOptions, check_tls
from cofeat.cloud.service import Settings
from cofeat.cloud.tokens import VARIABLE, read_tokens
from cofeat.errors import CofeatError, InvalidInputError, MissingPackageError

if TYPE_CHECKING:
    from fastapi import FastAPI

# Of the application and of its deployment, as `serve status` and a RayService call them.
APPLICATION = "cofeat"
DEPLOYMENT = "Cloud"
# Requests do not go through Ray's object store; this is about the least that it takes.
_OBJECT_STORE_BYTES = 100 * 2**20
# Above what our own limit refuses, so that a client gets our 429 and health is always told.
_SPARE_REQUESTS = 16
# Ray asks nobody, tells nobody, and listens at the loopback. The last is Ray's own switch
# for machines of which it cannot make a cluster, which is what is wanted here.
_PRIVATE = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
}
# A process of Ray's asks the services of cloud providers which of them it runs at, although
# usage statistics are off. A proxy that is not there keeps that, and only that, in.
_NOWHERE = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1,localhost"}


@dataclass(frozen=True)
class Scale:
    """How many replicas.

    Args:
        min_replicas: at least.
        max_replicas: at most; where it is the same, nothing is scaled.
        target_requests: a replica's requests at once that scaling aims at.
    """

    min_replicas: int = 1
    max_replicas: int = 1
    target_requests: float = 8.0

    def __post_init__(self) -> None:
        if not 1 <= self.min_replicas <= self.max_replicas:
            raise InvalidInputError(
                f"{self.min_replicas} to {self.max_replicas} replicas: give at least 1, and no "
                "fewer at most than at least"
            )
        if self.target_requests <= 0:
            raise InvalidInputError(
                f"{self.target_requests:g} requests a replica: give more than 0"
            )


def deployed(
    build_app: Callable[[], FastAPI],
    options: ServerOptions,
    scale: Scale,
    environment: Mapping[str, str] | None = None,
) -> Any:
    """Return the application as Ray Serve takes it.

    Args:
        build_app: makes the application, in each replica.
        options: of which cores, GPU and limits are Ray's to know.
        scale: how many replicas.
        environment: variables of the replicas.
    """
    from ray import serve

    def application() -> FastAPI:  # Ray tells by its kind that this is to be called
        return build_app()

    replicas: dict[str, Any] = {"num_replicas": scale.min_replicas}
    if scale.max_replicas > scale.min_replicas:
        replicas = {
            "num_replicas": None,
            "autoscaling_config": {
                "min_replicas": scale.min_replicas,
                "max_replicas": scale.max_replicas,
                "target_ongoing_requests": scale.target_requests,
            },
        }
    actor: dict[str, Any] = {"num_cpus": options.threads or 1, "num_gpus": int(options.gpu)}
    if environment:
        actor["runtime_env"] = {"env_vars": dict(environment)}
    return (
        serve.deployment(serve.ingress(application)())
        .options(
            name=DEPLOYMENT,
            max_ongoing_requests=options.settings.max_requests + _SPARE_REQUESTS,
            graceful_shutdown_timeout_s=DRAIN_S,
            ray_actor_options=actor,
            **replicas,
        )
        .bind()
    )


def build(arguments: Mapping[str, Any]) -> Any:
    """Return the application for a cluster: ``import_path: cofeat.cloud.ray_serve:build``.

    Args:
        arguments: ``bundles``, and of ``ServerOptions`` and ``Settings`` whatever is to be
            otherwise. Replicas are set by the cluster's own configuration.

    Raises:
        InvalidInputError: there is no such argument, or it cannot be.
    """
    known = {"bundles", "threads", "gpu", "token_file", "page", "traces", "log_level"}
    limits = {field.name for field in fields(Settings)}
    strange = sorted(set(arguments) - known - limits)
    if strange or not arguments.get("bundles"):
        raise InvalidInputError(
            f"{strange or 'no bundles'} in the arguments: give bundles, a list of folders, "
            f"and if need be {', '.join(sorted((known | limits) - {'bundles'}))}"
        )
    given = {name: arguments[name] for name in known & set(arguments)}
    given["bundles"] = tuple(map(Path, arguments["bundles"]))
    if given.get("token_file") is not None:
        given["token_file"] = Path(given["token_file"])
    settings = Settings(**{name: arguments[name] for name in limits & set(arguments)})
    options = _absolute(ServerOptions(**given, settings=settings))
    return deployed(partial(_app, options), options, Scale())


def serve_on_ray(
    options: ServerOptions, scale: Scale, listening_at: Callable[[str], None] = lambda _: None
) -> int:
    """Serve until a signal ends it, and return the exit status; SIGHUP takes the bundles anew.

    Args:
        options: how.
        scale: how many replicas.
        listening_at: told the URL, once requests are answered.

    Raises:
        CofeatError: the options cannot be; said before anything is served.
        OSError: the port cannot be had.
    """
    if options.grpc_port is not None or options.workers > 1:
        raise InvalidInputError(
            "the engine ray has no --grpc-port and no --workers: give --replicas instead"
        )
    options = _absolute(options)
    tokens = read_tokens(options.token_file, os.environ.get(VARIABLE, ""))
    options.check()
    if options.tls is not None:
        check_tls(options.tls)
    logging.config.dictConfig(configuration(options.log_level))
    app = partial(_app, options)
    came: queue.SimpleQueue[int] = queue.SimpleQueue()
    with running(app, options, scale) as (url, deploy):
        # Only now, since Ray sets its own. A signal that comes during an update waits.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda number, _: came.put(number))
        log("serving", url=url, engine="ray", tokens=bool(tokens), logs=_logs())
        listening_at(url)
        while came.get() == signal.SIGHUP:
            _update(options, deploy)
    return 0


@contextmanager
def running(
    build_app: Callable[[], FastAPI], options: ServerOptions, scale: Scale
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Run Ray on this machine, and an application on it; at the end drain and end both.

    Args:
        build_app: makes the application, in each replica.
        options: where to listen, and see ``deployed``.
        scale: how many replicas.

    Returns:
        The URL, and a function that deploys the application anew, one replica after another.

    Raises:
        MissingPackageError: Ray is not installed.
        InvalidInputError: there are fewer cores or GPUs than the replicas need.
        OSError: the port cannot be had.
    """
    keep_private()
    proxies = {name: os.environ.get(name, "") for name in _NOWHERE}
    try:
        import ray
        from ray import serve
        from ray.serve.config import HTTPOptions
    except ModuleNotFoundError:
        raise MissingPackageError("ray", "ray", "the engine ray") from None

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    _check_cores(options, scale)
    # The replicas' counts together, as those of several workers.
    folder = tempfile.mkdtemp(prefix="cofeat-metrics-")
    reserved = _reserve(options.host, options.port)
    port = reserved.getsockname()[1]
    try:
        os.environ.update(_NOWHERE)
        try:
            ray.init(
                address="local",
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.WARNING,
                object_store_memory=_OBJECT_STORE_BYTES,
            )
        finally:
            os.environ.update(proxies)
        _check_gpus(options, scale, ray.cluster_resources().get("GPU", 0))
        http = HTTPOptions(
            host=options.host,
            port=port,
            ssl_certfile=None if options.tls is None else str(options.tls.certificate),
            ssl_keyfile=None if options.tls is None else str(options.tls.key),
        )
        serve.start(http_options=http)

        def deploy() -> None:
            environment = {MULTIPROCESS_FOLDER: folder, **proxies}
            application = deployed(build_app, options, scale, environment)
            serve.run(application, name=APPLICATION, route_prefix="/")

        try:
            deploy()
            yield f"{'http' if options.tls is None else 'https'}://{options.host}:{port}", deploy
        finally:
            # Its replicas answer what they have; only then do the proxy and all else end.
            serve.delete(APPLICATION)
    finally:
        ray.shutdown()
        reserved.close()
        shutil.rmtree(folder, ignore_errors=True)


def keep_private() -> None:
    """Set what keeps Ray to this machine; to be called before Ray is imported, which reads it."""
    os.environ.update(_PRIVATE)
    # Else Ray would write one into the home folder.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _app(options: ServerOptions) -> FastAPI:
    """Make the application, in a replica."""
    logging.config.dictConfig(configuration(options.log_level))
    return options.app(RayBatcher)


def _update(options: ServerOptions, deploy: Callable[[], None]) -> None:
    """Take the bundles anew, unless they cannot be served; then what runs goes on."""
    try:
        options.check()
    except (CofeatError, OSError) as error:
        log("not updated", logging.ERROR, reason=str(error))
        return
    deploy()
    log("updated")


def _absolute(options: ServerOptions) -> ServerOptions:
    """Return options whose paths mean the same in a replica's own folder."""
    tls, tokens = options.tls, options.token_file
    return replace(
        options,
        bundles=tuple(bundle.resolve() for bundle in options.bundles),
        token_file=None if tokens is None else tokens.resolve(),
        tls=None if tls is None else Tls(tls.certificate.resolve(), tls.key.resolve()),
    )


def _check_cores(options: ServerOptions, scale: Scale) -> None:
    """Check that the replicas that always run find their cores; Ray would wait for them.

    Raises:
        InvalidInputError: they do not.
    """
    cores = os.cpu_count() or 1
    if scale.min_replicas * (options.threads or 1) > cores:
        raise InvalidInputError(
            f"{scale.min_replicas} replicas of {options.threads or 1} threads on {cores} cores: "
            "give fewer --replicas or --threads"
        )


def _check_gpus(options: ServerOptions, scale: Scale, gpus: float) -> None:
    """Check that the replicas that always run find a GPU each; Ray would wait for them.

    Raises:
        InvalidInputError: they do not.
    """
    if options.gpu and scale.min_replicas > gpus:
        raise InvalidInputError(
            f"{scale.min_replicas} replicas with a GPU each, and Ray finds {gpus:g}: "
            "give fewer --replicas, or no --gpu"
        )


def _reserve(host: str, port: int) -> socket.socket:
    """Keep a port free until Ray, which shares it, listens there.

    Raises:
        OSError: it cannot be had.
    """
    reserved = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reserved.bind((host, port))
    except OSError as error:
        reserved.close()
        raise OSError(error.errno, f"cannot listen at {host}:{port}: {error.strerror}") from error
    return reserved


def _logs() -> str:
    """Return the folder of the replicas' logs."""
    from ray._private.worker import global_worker

    return str(global_worker.node.get_logs_dir_path())
