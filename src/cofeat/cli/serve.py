"""`cofeat serve`: the cloud's half as a server."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cofeat.cli.numbers import finite
from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    from cofeat.cloud.ray_serve import Scale
    from cofeat.cloud.server import ServerOptions

HELP = "answer devices with the models of bundles, over HTTP and gRPC"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat serve` takes."""
    parser.add_argument("bundles", nargs="+", type=Path, metavar="BUNDLE", help="its folder")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="of HTTP; 0 for any (8000)")
    parser.add_argument("--grpc-port", type=int, help="of gRPC (none)")
    parser.add_argument("--workers", type=int, default=1, help="processes (1)")
    parser.add_argument("--threads", type=int, help="of one run of a network (all cores)")
    parser.add_argument("--gpu", action="store_true", help="run the networks by CUDA")
    parser.add_argument(
        "--engine",
        choices=("uvicorn", "ray"),
        default="uvicorn",
        help="processes of our own, or replicas of Ray Serve on this machine (uvicorn)",
    )
    parser.add_argument(
        "--replicas",
        metavar="N or MIN:MAX",
        help="of the engine ray; from MIN to MAX as requests need them (1)",
    )
    parser.add_argument(
        "--target-requests",
        type=finite,
        metavar="N",
        help="at once in a replica, which MIN:MAX replicas aim at (8)",
    )
    limits = parser.add_argument_group("limits, of each worker or replica")
    limits.add_argument("--max-batch", type=int, default=8, help="pictures run at once (8)")
    limits.add_argument(
        "--max-wait-ms", type=finite, default=3.0, help="wait for others to fill a batch (3)"
    )
    limits.add_argument(
        "--max-requests", type=int, default=64, help="at once; then 429 and Retry-After (64)"
    )
    limits.add_argument("--max-body-mb", type=finite, default=16.0, help="of a request (16)")
    limits.add_argument("--max-megapixels", type=finite, default=4.2, help="of a picture (4.2)")
    limits.add_argument("--timeout-s", type=finite, default=30.0, help="to answer within (30)")
    safety = parser.add_argument_group("safety")
    safety.add_argument(
        "--token-file",
        type=Path,
        help="bearer tokens, one a line; or several words in the variable COFEAT_TOKENS",
    )
    safety.add_argument("--tls-cert", type=Path, help="certificate chain, PEM")
    safety.add_argument("--tls-key", type=Path, help="its key, PEM")
    safety.add_argument(
        "--tls-self-signed",
        nargs="?",
        const="",
        metavar="FOLDER",
        help="encrypt with a certificate of the server's own, made now, or kept in FOLDER",
    )
    safety.add_argument(
        "--no-page", action="store_true", help="no page at /, which gives out the bundles' files"
    )
    parser.add_argument("--otel", action="store_true", help="export OpenTelemetry spans")
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat serve`."""
    from dataclasses import replace

    from cofeat.errors import MissingPackageError

    try:
        from cofeat.cloud.grpc import Tls
        from cofeat.cloud.self_signed import self_signed
        from cofeat.cloud.server import ServerOptions
        from cofeat.cloud.service import Settings
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "cofeat"):
            raise
        raise MissingPackageError(package, "cloud", "serving") from None

    if (arguments.tls_cert is None) != (arguments.tls_key is None):
        raise InvalidInputError("TLS needs both: give --tls-cert and --tls-key")
    tls = None if arguments.tls_cert is None else Tls(arguments.tls_cert, arguments.tls_key)
    if tls is not None and arguments.tls_self_signed is not None:
        raise InvalidInputError("give --tls-cert and --tls-key, or --tls-self-signed, not both")
    settings = Settings(
        max_requests=arguments.max_requests,
        max_body_bytes=int(arguments.max_body_mb * 1e6),
        max_pixels=int(arguments.max_megapixels * 1e6),
        max_batch=arguments.max_batch,
        max_wait_s=arguments.max_wait_ms / 1000,
        timeout_s=arguments.timeout_s,
    )
    options = ServerOptions(
        bundles=tuple(arguments.bundles),
        host=arguments.host,
        port=arguments.port,
        grpc_port=arguments.grpc_port,
        workers=arguments.workers,
        threads=arguments.threads,
        gpu=arguments.gpu,
        token_file=arguments.token_file,
        tls=tls,
        page=not arguments.no_page,
        traces=arguments.otel,
        log_level=arguments.log_level,
        settings=settings,
    )
    scale = _scale(arguments)
    if arguments.tls_self_signed is None:
        return _serve(options, scale)
    with self_signed(arguments.tls_self_signed, arguments.host) as made:
        return _serve(replace(options, tls=made), scale)


def _serve(options: ServerOptions, scale: Scale | None) -> int:
    """Serve, on Ray where there is a scale."""
    from cofeat.cloud.ray_serve import serve_on_ray
    from cofeat.cloud.server import serve

    return serve(options) if scale is None else serve_on_ray(options, scale)


def _scale(arguments: argparse.Namespace) -> Scale | None:
    """Return how many replicas of Ray's, None for workers of our own.

    Raises:
        InvalidInputError: an option is of the other engine, or cannot be.
    """
    from cofeat.cloud.ray_serve import Scale

    replicas, target = arguments.replicas, arguments.target_requests
    if arguments.engine != "ray":
        if replicas is not None or target is not None:
            raise InvalidInputError(
                "--replicas and --target-requests are of --engine ray: give --workers, or the "
                "engine"
            )
        return None
    least, most = _replicas(replicas or "1")
    if target is None:
        return Scale(least, most)
    scale = Scale(least, most, target)
    if least == most:
        raise InvalidInputError(
            f"--target-requests {target:g} with {least} replicas: give --replicas MIN:MAX to scale"
        )
    return scale


def _replicas(words: str) -> tuple[int, int]:
    """Return how many replicas at least and at most.

    Raises:
        InvalidInputError: it does not say.
    """
    least, _, most = words.partition(":")
    try:
        return int(least), int(most or least)
    except ValueError:
        raise InvalidInputError(f"--replicas {words}: give a number, or two as 1:4") from None
