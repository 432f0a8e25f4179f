"""How far a long command has come: a bar on a terminal, now and then a line elsewhere.

Progress goes to standard error, so that what a program reads stays clean::

    with track("Training baseline", total=100) as bar:
        for step in range(100):
            ...
            bar.update(step + 1, note=f"loss {loss:.3f}")
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Protocol, TextIO

# A line is due after a tenth of the work, but no sooner than this after the last one ...
MIN_INTERVAL_S = 1.0
# ... and at the latest after 5 s, or a tenth of the time so far: a day's log stays readable.
MAX_INTERVAL_S = 5.0
SHARE = 0.1


class Bar(Protocol):
    """What ``track`` gives: it is told how much is done."""

    def update(self, completed: int, note: str = "") -> None:
        """Say how much is done in all; the note stands behind the bar."""
        ...

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Say how much more is done."""
        ...

    def say(self, text: str) -> None:
        """Print a line that stays."""
        ...


@contextmanager
def track(
    description: str,
    total: int,
    *,
    completed: int = 0,
    stream: TextIO | None = None,
    show: bool = True,
) -> Iterator[Bar]:
    """Show the progress of the block.

    Args:
        description: what is being done, e.g. ``"Training baseline"``.
        total: how much there is to do, in any unit.
        completed: how much was done before, in a run that is resumed.
        stream: where to show it; standard error by default.
        show: False shows nothing, for all processes but one.
    """
    stream = stream if stream is not None else sys.stderr
    if not show:
        yield _Silent()
        return
    if stream.isatty() and find_spec("rich"):
        with _rich_progress(stream) as progress:
            task = progress.add_task(description, total=total, completed=completed, note="")
            yield _RichBar(progress, task)
        return
    lines = Lines(
        description, total, lambda text: print(text, file=stream, flush=True), completed=completed
    )
    yield lines
    lines.finish()


class Lines:
    """Progress as plain lines.

    Args:
        description: what is being done.
        total: how much there is to do.
        write: takes a line.
        completed: how much was done before.
        clock: seconds, growing.
    """

    def __init__(
        self,
        description: str,
        total: int,
        write: Callable[[str], None],
        *,
        completed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._description = description
        self._total = total
        self._write = write
        self._clock = clock
        self._start_s = self._told_s = clock()
        self._first = self._completed = self._told = completed
        self._note = ""

    def update(self, completed: int, note: str = "") -> None:
        """Say how much is done in all."""
        self._completed, self._note = completed, note or self._note
        since_s = self._clock() - self._told_s
        elapsed_s = self._clock() - self._start_s
        due = completed - self._told >= SHARE * self._total and since_s >= MIN_INTERVAL_S
        if due or since_s >= max(MAX_INTERVAL_S, SHARE * elapsed_s):
            self._tell()

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Say how much more is done."""
        self.update(self._completed + amount, note)

    def say(self, text: str) -> None:
        """Print a line."""
        self._write(text)

    def finish(self) -> None:
        """Print the last line, unless it stands there already or nothing was done."""
        if self._told != self._completed:
            self._tell()

    def _tell(self) -> None:
        self._told, self._told_s = self._completed, self._clock()
        elapsed_s = self._told_s - self._start_s
        percent = 100 * self._completed // self._total if self._total else 100
        parts = [f"{self._description}: {self._completed}/{self._total} ({percent} %)"]
        done, left = self._completed - self._first, self._total - self._completed
        if left > 0 and done > 0:
            parts.append(f"{format_duration(elapsed_s / done * left)} left")
        else:
            parts.append(f"took {format_duration(elapsed_s)}")
        if self._note:
            parts.append(self._note)
        self._write(", ".join(parts))


def format_duration(seconds: float) -> str:
    """Turn seconds into ``"0:42"``, ``"3:05"`` or ``"1:02:03"``."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours}:{minutes:02}:{whole % 60:02}"
    return f"{minutes}:{whole % 60:02}"


def _rich_progress(stream: TextIO):  # type: ignore[no-untyped-def]  # rich is imported here only
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(file=stream),
    )


class _RichBar:
    def __init__(self, progress, task) -> None:  # type: ignore[no-untyped-def]
        self._progress, self._task = progress, task

    def update(self, completed: int, note: str = "") -> None:
        self._progress.update(self._task, completed=completed, **({"note": note} if note else {}))

    def advance(self, amount: int = 1, note: str = "") -> None:
        self._progress.update(self._task, advance=amount, **({"note": note} if note else {}))

    def say(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)


class _Silent:
    def update(self, completed: int, note: str = "") -> None:
        pass

    def advance(self, amount: int = 1, note: str = "") -> None:
        pass

    def say(self, text: str) -> None:
        pass
