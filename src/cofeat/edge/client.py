"""The device's end of the split, for asyncio.

::

    frame ─ read ─ encode ─ compress ─ send, cloud, receive ─► Result
                                         │ no answer in time
                                         ├─► the whole network here        "mobile"
                                         ├─► a queue on disk, sent later   "queued"
                                         └─► LinkError; in a stream        "lost"
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar, get_args

import httpx

from cofeat.edge.courier import Courier, Patience
from cofeat.edge.device import Device, Way
from cofeat.edge.frame import Frame, Picture, frame_of
from cofeat.edge.job import Job
from cofeat.edge.link import Choose, Link, keep_to_split
from cofeat.edge.outbox import Outbox, Waiting
from cofeat.edge.pipeline import Pipeline, Stage
from cofeat.edge.result import Mode, Result
from cofeat.edge.wire import Answer, Tally, Wire
from cofeat.errors import (
    BitstreamError,
    InvalidInputError,
    LinkError,
    QueueFullError,
    RefusedError,
    UnauthorizedError,
    UnknownModelError,
    WrongModelError,
)
from cofeat.feature.bitstream import unpack

T = TypeVar("T")
Fallback = Literal["mobile", "queue", "none"]
FALLBACKS: tuple[Fallback, ...] = get_args(Fallback)

# Reading, encoding, compressing and a fallback may each be at work.
_THREADS = 4
# Faults of how the device is set up: no other frame would fare better.
_OF_THE_SET_UP = (UnauthorizedError, UnknownModelError, WrongModelError)
# Faults of one frame, or of the link.
_OF_A_FRAME = (InvalidInputError, LinkError, QueueFullError, RefusedError)


class AsyncEdge:
    """Runs frames through a network whose other half a server has. Used in one event loop.

    Args:
        device: this machine's half, or just its bundle: ``"FOLDER"`` or ``"FOLDER:NAME"``.
        server: URL, such as ``"http://host:8000"``.
        mode: where the network runs; ``"auto"`` asks ``choose`` for each frame.
        patience: how long and how often the server is tried.
        fallback: what becomes of a frame without an answer. None: ``"mobile"`` where the bundle
            holds the whole network, else ``"queue"`` where there is one, else ``"none"``.
        queue: where frames wait for the link; closed with the edge.
        choose: gives the mode of a frame from what is known of the link, or mode and device.
            With one of your own, the link is measured where frames alone would not tell it.
        token: of the server.
        ca: file of the certificates that sign the server's; None for those of the system.
        in_flight: frames of a stream that are between sending and receiving at once.
        transport: what carries the requests, where it is not the network.

    Raises:
        InvalidInputError: an argument cannot be, or the bundle lacks what the mode needs.
        BundleError: the bundle is damaged.
        MissingPackageError: there is no ONNX Runtime.
    """

    def __init__(
        self,
        device: Device | str | Path,
        server: str,
        mode: Mode | Literal["auto"] = "auto",
        *,
        patience: Patience | None = None,
        fallback: Fallback | None = None,
        queue: Outbox | None = None,
        choose: Choose = keep_to_split,
        token: str | None = None,
        ca: Path | None = None,
        in_flight: int = 2,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.device = device if isinstance(device, Device) else Device(device)
        self.link = Link()
        self.in_flight = in_flight
        self._mode = mode
        self._choose = choose
        self._queue = queue
        self._fallback = _fallback(fallback, self.device, queue)
        if mode != "auto":
            self.device.check(mode)
        if in_flight < 1:
            raise InvalidInputError(f"{in_flight} frames in flight: give at least 1")
        wire = Wire(server, token, ca, transport)
        measures = mode == "auto" and choose is not keep_to_split
        self._courier = Courier(wire, self.link, patience or Patience(), measures)
        # The models that frames were made for: name -> id.
        self._models = {self.device.model.name: self.device.model.model_id}
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="edge")
        self._dropped: deque[Result] = deque()
        self._sending_queued = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections and the queue; what waits in it stays there."""
        await self._courier.close()
        if self._queue is not None:
            self._queue.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def waiting(self) -> int:
        """The number of frames in the queue."""
        return 0 if self._queue is None else len(self._queue)

    async def run(self, picture: Picture | Frame, name: str = "image") -> Result:
        """Run one picture.

        Args:
            picture: uint8 (H, W, 3), a file, or the bytes of one.
            name: of the frame.

        Returns:
            Its outputs, or that it waits in the queue.

        Raises:
            InvalidInputError: the picture cannot be read or coded.
            LinkError: the server gave no answer, and there is no fallback.
            QueueFullError: the same, and the queue has no room.
            RefusedError: the server does not do it; its subclass says why.
            BundleError: a graph fails.
            MissingPackageError: a codec is not installed.
        """
        job = Job(frame_of(picture, name), self.device)
        await self._in_thread(job.read)
        await self._encode(job)
        await self._compress(job)
        return await self._finish(job)

    def stream(self, pictures: Iterable[Picture | Frame]) -> Stream:
        """Run pictures, several under way at once, and give their results in order.

        A frame that cannot be done is ``lost``, with its reason, and the next one goes on. The
        results of frames that wait in the queue come between, and last of all, as ``late``.

        Args:
            pictures: read as they are needed; those that are no ``Frame`` are named by number.
        """
        return Stream(self, iter(pictures))

    async def send_queued(self) -> Result | None:
        """Send the frame that has waited longest.

        Returns:
            What became of it, or of one that was dropped for others; None where none waits or
            the link is down.

        Raises:
            RefusedError: the server refuses all of them, such as for want of a token.
        """
        async with self._sending_queued:
            if self._dropped:
                return self._dropped.popleft()
            if self._queue is None or not self.link.up:
                return None
            try:
                waiting = await self._in_thread(self._queue.oldest)
            except BitstreamError as error:
                name = await self._in_thread(self._queue.drop_oldest)
                return Result(name, "lost", reason=str(error), late=True)
            return None if waiting is None else await self._send(self._queue, waiting)

    async def _send(self, queue: Outbox, waiting: Waiting) -> Result | None:
        """Send a frame of the queue, and take it out once its fate is known."""
        tally = Tally()
        request = waiting.request
        result = Result(
            name=waiting.name,
            mode="split" if request.kind == "bitstream" else "cloud",
            reason="it waited in the queue",
            payload_bytes=len(request.data),
            codec=waiting.codec,
            late=True,
        )
        try:
            answer = await self._courier.deliver(request, tally)
        except LinkError:
            return None
        except RefusedError as error:
            if isinstance(error, _OF_THE_SET_UP) and self._is_own(waiting):
                raise
            result = replace(result, mode="lost", reason=str(error))
        else:
            result = _answered(result, answer)
        await self._in_thread(lambda: queue.remove(waiting))
        return replace(result, bytes_sent=tally.bytes_sent, attempts=tally.attempts)

    def _is_own(self, waiting: Waiting) -> bool:
        """Return whether a frame was queued for a model that is now in use."""
        request = waiting.request
        if request.kind == "image":
            return request.model in self._models
        try:
            return unpack(request.data).model_id in self._models.values()
        except BitstreamError:  # the file was damaged where it lay
            return False

    async def _encode(self, job: Job) -> None:
        """Choose the mode, and run the network as far as that has it run here."""
        chosen = self._choose(self.link) if self._mode == "auto" else self._mode
        way = chosen if isinstance(chosen, Way) else Way(chosen, self.device)
        job.mode, job.device = way.mode, way.device
        job.device.check(job.mode)
        self._models[job.device.model.name] = job.device.model.model_id
        if job.mode == "mobile":
            self._courier.measure()
        if job.mode != "mobile" and not self.link.up and self._fallback == "mobile":
            job.mode, job.reason = "mobile", f"the link is down: {self.link.reason}"
        await self._in_thread(job.encode)

    async def _compress(self, job: Job) -> None:
        await self._in_thread(job.compress)

    async def _finish(self, job: Job) -> Result:
        """Send what is to be sent, or fall back."""
        if job.request is None:
            return job.result(job.mode)
        try:
            answer = await self._courier.deliver(job.request, job.tally)
        except LinkError as error:
            return await self._without_answer(job, error)
        return _answered(job.result(job.mode), answer)

    async def _without_answer(self, job: Job, error: LinkError) -> Result:
        """Do what the fallback says."""
        job.reason = str(error)
        if self._fallback == "mobile":
            job.mode = "mobile"
            await self._in_thread(job.encode)
            return job.result("mobile")
        queue, request = self._queue, job.request
        if self._fallback == "none" or queue is None or request is None:
            raise error
        names = await self._in_thread(lambda: queue.put(job.frame.name, job.codec, request))
        for name in names:
            why = f"it was dropped from the queue for '{job.frame.name}'"
            self._dropped.append(Result(name, "lost", reason=why, late=True))
        return job.result("queued")

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)


class Stream:
    """The results of ``AsyncEdge.stream``, an async iterator; close it where it is left early."""

    def __init__(self, edge: AsyncEdge, pictures: Iterator[Picture | Frame]) -> None:
        self._edge = edge
        self._pictures = enumerate(pictures)
        # One frame of the queue for every other: neither keeps the other from the link.
        self._turn_of_queue = False
        stages = (
            Stage(self._guarded(lambda job: edge._in_thread(job.read))),
            Stage(self._guarded(edge._encode)),
            Stage(self._guarded(edge._compress)),
            Stage(self._finish, edge.in_flight),
        )
        self._pipeline: Pipeline[Result] = Pipeline(self._next, stages)

    def __aiter__(self) -> AsyncIterator[Result]:
        return self

    async def __anext__(self) -> Result:
        """Return the next result."""
        if self._turn_of_queue:
            self._turn_of_queue = False
            late = await self._edge.send_queued()
            if late is not None:
                return late
        try:
            result = await anext(self._pipeline)
        except StopAsyncIteration:
            late = await self._edge.send_queued()
            if late is None:
                raise
            return late
        self._turn_of_queue = True
        return result

    async def close(self) -> None:
        """Give up the frames that are under way."""
        await self._pipeline.close()

    async def _next(self) -> Job:
        """Return the next frame as a job; StopAsyncIteration after the last one."""
        found = await self._edge._in_thread(lambda: next(self._pictures, None))
        if found is None:
            raise StopAsyncIteration
        number, picture = found
        return Job(frame_of(picture, f"{number:06d}"), self._edge.device)

    def _guarded(self, work: Callable[[Job], Awaitable[None]]) -> Callable[[Job], Awaitable[Job]]:
        """Return a stage that keeps a frame's fault with the frame."""

        async def guarded(job: Job) -> Job:
            if not job.lost:
                try:
                    await work(job)
                except _OF_A_FRAME as error:
                    job.lost = _fault(error)
            return job

        return guarded

    async def _finish(self, job: Job) -> Result:
        if not job.lost:
            try:
                return await self._edge._finish(job)
            except _OF_A_FRAME as error:
                job.lost = _fault(error)
        return job.result("lost")


def _fault(error: Exception) -> str:
    """Return why a frame is lost; a fault of the set-up goes on.

    Raises:
        RefusedError: it is one.
    """
    if isinstance(error, _OF_THE_SET_UP):
        raise error
    return str(error)


def _answered(result: Result, answer: Answer) -> Result:
    """Return a result with the server's answer."""
    times_ms = {"send": answer.send_ms, "cloud": answer.cloud_ms, "receive": answer.receive_ms}
    return replace(
        result,
        outputs=answer.outputs,
        bytes_received=answer.bytes_received,
        stages_ms={**result.stages_ms, **times_ms},
    )


def _fallback(asked: Fallback | None, device: Device, queue: Outbox | None) -> Fallback:
    """Return the fallback.

    Raises:
        InvalidInputError: there is none of that name, or what it needs is missing.
    """
    possible: dict[Fallback, bool] = {
        "mobile": device.can("mobile"),
        "queue": queue is not None,
        "none": True,
    }
    if asked is None:
        return next(fallback for fallback, can in possible.items() if can)
    if asked not in possible:
        raise InvalidInputError(f"fallback '{asked}': use {', '.join(FALLBACKS)}")
    if not possible[asked]:
        lacks = "a bundle with the whole network" if asked == "mobile" else "a queue's folder"
        raise InvalidInputError(f"fallback '{asked}' needs {lacks}")
    return asked
