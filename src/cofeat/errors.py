"""Every exception that cofeat raises on purpose, on one screen.

CofeatError
├── InvalidInputError    a caller's mistake (also a ValueError)
│   └── BudgetError      a budget of bytes that no setting meets
├── BitstreamError       bytes from outside that are no valid bitstream
├── ProtocolError        bytes from outside that are no message of the inference protocol
├── RefusedError         a server does not do what it was asked for
│   ├── UnauthorizedError    no token, or a wrong one
│   ├── UnknownModelError    it has no model of that name or version
│   ├── WrongModelError      the features are for a model or tables that it does not have
│   ├── TooLargeError        the request is longer than it takes
│   ├── BusyError            it has too much to do; try again later
│   └── DeadlineError        the answer would come too late
├── LinkError            a server that cannot be reached, or does not answer as it should
├── QueueFullError       a frame that a bounded queue on disk has no room for
├── BundleError          a bundle that is damaged, or that this version cannot run
├── ExportError          a network that cannot be exported as it is
├── TrainingError        a training run that cannot go on
└── MissingPackageError  an optional package is needed (also an ImportError)

The command line prints the message of any of them as one line and ends with
status 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class CofeatError(Exception):
    """Base of all errors below; its message is one line for a person."""


class InvalidInputError(CofeatError, ValueError):
    """The caller gave something that cannot be used.

    The message says what was given, what is allowed and what to do.
    """


class BudgetError(InvalidInputError):
    """No setting meets a budget of bytes; a sender of frames may leave this one out.

    Args:
        message: one line, with the smallest size that can be had.
        smallest_bytes: that size.
    """

    def __init__(self, message: str, smallest_bytes: int) -> None:
        super().__init__(message)
        self.smallest_bytes = smallest_bytes


class BitstreamError(CofeatError):
    """Bytes from outside are not a valid bitstream, whatever they are."""


class ProtocolError(CofeatError):
    """Bytes from outside are no message of the inference protocol, whatever they are."""


class RefusedError(CofeatError):
    """A server does not do what it was asked for; raised by the server and by its client.

    Args:
        message: one line.
        have: what the server has, a dictionary a model, where that is the matter.
        retry_after_s: when to try again, where that can help.
    """

    def __init__(
        self,
        message: str,
        have: Sequence[Mapping[str, str]] = (),
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.have = have
        self.retry_after_s = retry_after_s


class UnauthorizedError(RefusedError):
    """The request has no token of the server's."""


class UnknownModelError(RefusedError):
    """The server has no model of that name or version."""


class WrongModelError(RefusedError):
    """The features are for a model, or need tables, that the server does not have."""


class TooLargeError(RefusedError):
    """The request has more bytes than the server takes."""


class BusyError(RefusedError):
    """The server has too much to do: try again after ``retry_after_s``."""


class DeadlineError(RefusedError):
    """The answer would come after the request's deadline."""


class LinkError(CofeatError):
    """The server cannot be reached, does not answer in time, or its answer is damaged."""


class QueueFullError(CofeatError):
    """The queue of frames that wait for the link has no room for another."""


class BundleError(CofeatError):
    """A bundle is damaged or of another schema; the message says what is wrong in which file."""


class ExportError(CofeatError):
    """A network cannot be exported, or its exported graphs do not compute what it computes."""


class TrainingError(CofeatError):
    """A training run cannot go on; the message says why and what to change."""


class MissingPackageError(CofeatError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed: "
            f"pip install 'cofeat[{extra}]'"
        )
