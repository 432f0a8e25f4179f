"""An error as one line on standard error."""

from __future__ import annotations

import sys

from cofeat.errors import CofeatError


def print_error(error: CofeatError | OSError, about: str = "") -> None:
    """Print an error as one line.

    Args:
        error: ours, or the operating system's.
        about: the file that was being worked on, named unless the message does.
    """
    message = str(error)
    if isinstance(error, OSError):
        where = f" '{error.filename}'" if error.filename else ""
        message = f"{error.strerror or error}{where}"
    if about and f"'{about}'" not in message:
        message = f"'{about}': {message}"
    print(f"cofeat: error: {' '.join(message.split())}", file=sys.stderr)
