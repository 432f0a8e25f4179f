"""The same for programs without asyncio: an event loop in a thread of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from cofeat.edge.client import AsyncEdge
from cofeat.edge.device import Device
from cofeat.edge.frame import Frame, Picture
from cofeat.edge.link import Link
from cofeat.edge.result import Mode, Result
from cofeat.errors import InvalidInputError

T = TypeVar("T")


class Edge:
    """``AsyncEdge`` for programs that wait::

        with Edge("BUNDLE", "http://host:8000") as edge:
            result = edge.run(image)

    Args:
        device: this machine's half, or just its bundle.
        server: URL.
        mode: where the network runs.
        options: as ``AsyncEdge`` takes them.

    Raises:
        CofeatError: as ``AsyncEdge`` does.
    """  # noqa: D415  # the example ends the line

    def __init__(
        self,
        device: Device | str | Path,
        server: str,
        mode: Mode | Literal["auto"] = "auto",
        **options: Any,
    ) -> None:
        self._edge = AsyncEdge(device, server, mode, **options)
        self._portal: BlockingPortal | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._portal = self._stack.enter_context(start_blocking_portal())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call(self._edge.close)
        self._stack.close()
        self._portal = None

    @property
    def device(self) -> Device:
        """This machine's half."""
        return self._edge.device

    @property
    def link(self) -> Link:
        """What is known of the link."""
        return self._edge.link

    @property
    def waiting(self) -> int:
        """The number of frames in the queue."""
        return self._edge.waiting

    def run(self, picture: Picture | Frame, name: str = "image") -> Result:
        """Run one picture, see ``AsyncEdge.run``."""
        return self._call(partial(self._edge.run, picture, name))

    def stream(self, pictures: Iterable[Picture | Frame]) -> Iterator[Result]:
        """Run pictures, see ``AsyncEdge.stream``."""
        results = self._edge.stream(pictures)
        try:
            while True:
                try:
                    result = self._call(results.__anext__)
                except StopAsyncIteration:
                    return
                yield result
        finally:
            self._call(results.close)

    def send_queued(self) -> Result | None:
        """Send the frame that has waited longest, see ``AsyncEdge.send_queued``."""
        return self._call(self._edge.send_queued)

    def _call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Wait for something in the event loop; an interrupt here ends it there."""
        if self._portal is None:
            raise InvalidInputError("the edge is not open: use it in 'with Edge(...) as edge:'")
        future = self._portal.start_task_soon(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise
