"""Many inputs, one after another: files, and ``-`` for standard input and output.

As with ``cat``, an input that cannot be used costs one line on standard error
and the exit status, and the others are done.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from cofeat.cli.failure import print_error
from cofeat.errors import CofeatError, InvalidInputError
from cofeat.files import replacing

STANDARD = "-"
# The stem of what is made from standard input in a folder.
STANDARD_STEM = "stdin"


def for_each(names: Sequence[str], work: Callable[[str], None]) -> int:
    """Do the work for every name, and return the exit status: 2 where any of them failed."""
    status = 0
    for name in names:
        try:
            work(name)
        except BrokenPipeError:
            raise  # the reader of all our output has gone
        except (CofeatError, OSError) as error:
            print_error(error, about=name)
            status = 2
    return status


def stem(name: str) -> str:
    """Return a name without folder and ending, for what is made from it."""
    return STANDARD_STEM if name == STANDARD else Path(name).stem


def outputs(
    names: Sequence[str], out: str | None, folder: Path | None, ending: str
) -> dict[str, str]:
    """Return where what is made from each input goes.

    Args:
        names: of the inputs.
        out: ``-o``: the one output, of the one input.
        folder: ``-O``: made where needed.
        ending: of the outputs, e.g. ``".cft"``.

    Raises:
        InvalidInputError: one output for many inputs, two inputs with the same output, or an
            output that is an input.
    """
    if out is not None and folder is not None:
        raise InvalidInputError("-o names a file and -O a folder: give one of them")
    if out is not None and len(names) > 1:
        raise InvalidInputError(
            f"-o names one output and there are {len(names)} inputs: give a folder with -O"
        )
    if out is not None:
        places = [out]
    elif folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        places = [str(folder / f"{stem(name)}{ending}") for name in names]
    else:
        places = [_beside(name, ending) for name in names]
    check_distinct(names, places)
    inputs = {Path(name).resolve() for name in names if name != STANDARD}
    for place in places:
        if place != STANDARD and Path(place).resolve() in inputs:
            raise InvalidInputError(f"'{place}' is an input too: give another output")
    return dict(zip(names, places, strict=True))


def _beside(name: str, ending: str) -> str:
    """Return the path beside an input; standard output for standard input."""
    return STANDARD if name == STANDARD else str(Path(name).parent / f"{stem(name)}{ending}")


def check_distinct(names: Sequence[str], places: Sequence[str]) -> None:
    """Refuse two inputs that would be written to the same place.

    Raises:
        InvalidInputError: there are such.
    """
    place, count = Counter(places).most_common(1)[0]
    if count > 1:
        clashing = [name for name, other in zip(names, places, strict=True) if other == place]
        raise InvalidInputError(
            f"'{clashing[0]}' and '{clashing[1]}' would both be written to '{place}': "
            "give them one at a time"
        )


def read_bytes(name: str, max_bytes: int = -1) -> bytes:
    """Read a file or standard input, at most ``max_bytes`` + 1 of it (all where that is -1)."""
    most = -1 if max_bytes < 0 else max_bytes + 1
    if name == STANDARD:
        return sys.stdin.buffer.read(most)
    with Path(name).open("rb") as file:
        return file.read(most)


def write_bytes(name: str, data: bytes) -> None:
    """Write a file whole or not at all, or to standard output."""
    if name == STANDARD:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        with replacing(Path(name)) as temporary:
            temporary.write_bytes(data)
