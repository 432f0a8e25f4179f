"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = ".lock"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to, and move it into the place of ``path`` at the end.

    The temporary name keeps the ending of ``path``, from which many writers
    tell the format. Nothing is moved where the block raises. A link stays, and
    what it points to is replaced; what is no file, such as a device or a pipe,
    cannot be, and is written to itself.

    Raises:
        OSError: there is no room or no right to write there; it names ``path``.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    place = path.resolve()
    # Several processes may write the same file at once.
    temporary = place.with_name(f".tmp-{os.getpid()}-{place.name}")
    try:
        yield temporary
        temporary.replace(place)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def hold(folder: Path) -> Callable[[], None] | None:
    """Keep other processes out of an existing folder, where the system can.

    A process that ends, however it ends, lets others in.

    Returns:
        What lets others in again; None where another process is in.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return _let_go_of_nothing
    file = (folder / _LOCK).open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except OSError:  # a network's file system may have no locks
        file.close()
        return _let_go_of_nothing
    return file.close


def _let_go_of_nothing() -> None:
    """Nothing is held."""
