"""Frames that wait on disk for the link, in order, within a bound.

One file a frame, written whole or not at all: a line of JSON, then the bytes that
will be sent. The files' names are numbers, oldest first; they survive the process.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from cofeat.edge.answers import check_answers
from cofeat.edge.wire import Request
from cofeat.errors import BitstreamError, CofeatError, InvalidInputError, QueueFullError
from cofeat.files import hold, replacing

WhenFull = Literal["refuse", "drop-oldest"]
WHEN_FULL: tuple[WhenFull, ...] = get_args(WhenFull)

DEFAULT_MAX_BYTES = 256 * 2**20
_SUFFIX = ".frame"


@dataclass(frozen=True)
class Waiting:
    """A frame in the queue.

    Args:
        file: that holds it.
        name: of the frame.
        codec: of its payload.
        request: what is to be sent.
    """

    file: Path
    name: str
    codec: str
    request: Request


class Outbox:
    """The queue; any thread may call it, and one process at a time uses its folder.

    Args:
        folder: made where needed.
        max_bytes: of all files together.
        when_full: whether the new frame is refused, or the oldest ones are dropped for it.

    Raises:
        InvalidInputError: an argument cannot be, or another process uses the folder.
    """

    def __init__(
        self,
        folder: str | Path,
        max_bytes: int = DEFAULT_MAX_BYTES,
        when_full: WhenFull = "refuse",
    ) -> None:
        if when_full not in WHEN_FULL:
            raise InvalidInputError(f"'{when_full}' when full: use {' or '.join(WHEN_FULL)}")
        if max_bytes < 1:
            raise InvalidInputError(f"a queue of {max_bytes} bytes: give at least 1")
        self._folder = Path(folder)
        self._max_bytes = max_bytes
        self._when_full = when_full
        self._folder.mkdir(parents=True, exist_ok=True)
        unlock = hold(self._folder)
        if unlock is None:
            raise InvalidInputError(
                f"the queue '{folder}' is in use by another process: give another folder"
            )
        self._unlock = unlock
        self._guard = threading.Lock()
        for left in self._folder.glob(f".tmp-*{_SUFFIX}"):
            left.unlink()  # of a process that was killed while it wrote
        files = sorted(self._folder.glob(f"*{_SUFFIX}"))
        numbers = [int(file.stem) for file in files if file.stem.isdigit()]
        self._next = max(numbers, default=0) + 1
        # File -> bytes, oldest first.
        self._files = {file: file.stat().st_size for file in files if file.stem.isdigit()}

    def __len__(self) -> int:
        """Return how many frames wait."""
        return len(self._files)

    def close(self) -> None:
        """Let other processes use the folder."""
        self._unlock()

    def put(self, name: str, codec: str, request: Request) -> list[str]:
        """Add a frame.

        Args:
            name: of the frame.
            codec: of its payload.
            request: what is to be sent.

        Returns:
            The names of the frames that were dropped for it.

        Raises:
            QueueFullError: there is no room, or the disk does not take it; nothing was dropped.
        """
        content = _pack(name, codec, request)
        with self._guard:
            self._check_room(len(content))
            file = self._folder / f"{self._next:012d}{_SUFFIX}"
            try:
                with replacing(file) as temporary, temporary.open("wb") as opened:
                    opened.write(content)
                    opened.flush()
                    os.fsync(opened.fileno())
            except OSError as error:
                raise QueueFullError(
                    f"the queue '{self._folder}' cannot be written: {error.strerror}"
                ) from error
            # Only now that the new frame is safe.
            dropped = self._make_room(len(content))
            self._files[file] = len(content)
            self._next += 1
        return dropped

    def oldest(self) -> Waiting | None:
        """Return the frame that has waited longest, None where none waits.

        Raises:
            BitstreamError: its file is damaged; ``drop_oldest`` takes it out.
        """
        with self._guard:
            file = next(iter(self._files), None)
        if file is None:
            return None
        try:
            name, codec, request = _unpack(file.read_bytes())
        except (OSError, ValueError, TypeError, KeyError, CofeatError):
            raise BitstreamError(f"the queue's file '{file}' is damaged") from None
        return Waiting(file, name, codec, request)

    def remove(self, waiting: Waiting) -> None:
        """Take out a frame that was answered, unless it was dropped meanwhile."""
        with self._guard:
            self._drop(waiting.file)

    def drop_oldest(self) -> str:
        """Take out the frame that has waited longest, and return its name, or that of its file."""
        with self._guard:
            return self._drop_first()

    def _check_room(self, needed: int) -> None:
        """Refuse bytes that do not fit, and are not to take the place of others.

        Raises:
            QueueFullError: they do not.
        """
        held = sum(self._files.values())
        if needed > self._max_bytes or (
            self._when_full == "refuse" and held + needed > self._max_bytes
        ):
            raise QueueFullError(
                f"the queue '{self._folder}' holds {len(self._files)} frames in {held} bytes and "
                f"has no room for {needed} more: it may hold {self._max_bytes}"
            )

    def _make_room(self, needed: int) -> list[str]:
        """Drop frames until so many bytes fit."""
        dropped = []
        while sum(self._files.values()) + needed > self._max_bytes:
            dropped.append(self._drop_first())
        return dropped

    def _drop_first(self) -> str:
        file = next(iter(self._files))
        try:
            name = _unpack(file.read_bytes())[0]
        except (OSError, ValueError, TypeError, KeyError, CofeatError):
            name = file.name
        self._drop(file)
        return name

    def _drop(self, file: Path) -> None:
        self._files.pop(file, None)
        file.unlink(missing_ok=True)


def _pack(name: str, codec: str, request: Request) -> bytes:
    """Return the content of a frame's file."""
    head = {**asdict(request), "name": name, "codec": codec, "data": len(request.data)}
    return json.dumps(head).encode("ascii") + b"\n" + request.data


def _unpack(content: bytes) -> tuple[str, str, Request]:
    """Return name, codec and request, the inverse of ``_pack``.

    Raises:
        ValueError, TypeError, KeyError, CofeatError: the content is damaged.
    """
    line, _, data = content.partition(b"\n")
    head: dict[str, Any] = json.loads(line)
    if head["data"] != len(data) or head["kind"] not in ("bitstream", "image"):
        raise ValueError
    height, width = map(int, head["size"])
    tasks = tuple(map(str, head["tasks"]))
    answers = check_answers(head["answers"])
    request = Request(str(head["model"]), head["kind"], data, (height, width), tasks, answers)
    return str(head["name"]), str(head["codec"]), request
