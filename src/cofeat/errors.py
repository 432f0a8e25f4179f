"""Every exception that cofeat raises on purpose, on one screen.

CofeatError
├── InvalidInputError    a caller's mistake (also a ValueError)
│   └── BudgetError      a budget of bytes that no setting meets
├── BitstreamError       bytes from outside that are no valid bitstream
├── BundleError          a bundle that is damaged, or that this version cannot run
├── ExportError          a network that cannot be exported as it is
├── TrainingError        a training run that cannot go on
└── MissingPackageError  an optional package is needed (also an ImportError)

The command line prints the message of any of them as one line and ends with
status 2.
"""


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
