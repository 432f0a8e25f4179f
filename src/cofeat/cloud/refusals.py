"""Errors to what a client is told, in HTTP and in gRPC.

What the client did is told with its reason; whatever else happened is a fault of
ours, of which it learns nothing but that.
"""

from __future__ import annotations

from dataclasses import dataclass

from cofeat.errors import (
    BitstreamError,
    BusyError,
    DeadlineError,
    InvalidInputError,
    ProtocolError,
    RefusedError,
    TooLargeError,
    UnauthorizedError,
    UnknownModelError,
    WrongModelError,
)

INTERNAL = 500
_MAX_REASON = 500
# The HTTP status and gRPC's name of each.
_STATUSES: tuple[tuple[type[Exception], int, str], ...] = (
    (UnauthorizedError, 401, "UNAUTHENTICATED"),
    (UnknownModelError, 404, "NOT_FOUND"),
    (DeadlineError, 408, "DEADLINE_EXCEEDED"),
    (WrongModelError, 409, "FAILED_PRECONDITION"),
    (TooLargeError, 413, "RESOURCE_EXHAUSTED"),
    (BusyError, 429, "RESOURCE_EXHAUSTED"),
    (ProtocolError, 400, "INVALID_ARGUMENT"),
    (BitstreamError, 400, "INVALID_ARGUMENT"),
    (InvalidInputError, 400, "INVALID_ARGUMENT"),
)


@dataclass(frozen=True)
class Refusal:
    """What a client is told.

    Args:
        status: of HTTP.
        grpc: name of gRPC's.
        reason: one line.
        have: the server's models, where that is the matter.
        retry_after_s: when to come again.
    """

    status: int
    grpc: str
    reason: str
    have: tuple[dict[str, str], ...] = ()
    retry_after_s: int | None = None


def refusal(error: Exception) -> Refusal:
    """Return what a client is told of an error."""
    for kind, status, grpc in _STATUSES:
        if isinstance(error, kind):
            reason = " ".join(str(error).split())[:_MAX_REASON]
            if isinstance(error, RefusedError):
                have = tuple(dict(model) for model in error.have)
                return Refusal(status, grpc, reason, have, error.retry_after_s)
            return Refusal(status, grpc, reason)
    return Refusal(INTERNAL, "INTERNAL", "the server failed; it is not the request's fault")
