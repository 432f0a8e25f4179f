"""The stages of a request in order, whatever protocol carried it.

::

    admitted ─► decode (pool) ─► batch (thread of the model) ─► encode (pool) ─► answer

A request that cannot be admitted, or is not answered by its deadline, is refused;
one that was admitted is answered, with its error where there is one.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np

from cofeat.cloud.batching import Batcher, BatchTimes
from cofeat.cloud.decoding import KINDS, Kind, Work, decode
from cofeat.cloud.metrics import Metrics
from cofeat.cloud.outputs import Format, check_finite, check_format, output_tensor
from cofeat.cloud.repository import AnyArray, CloudModel, Repository
from cofeat.cloud.tracing import Tracing
from cofeat.errors import BusyError, CofeatError, DeadlineError, InvalidInputError
from cofeat.feature.codecs import codecs_by_id
from cofeat.protocol.messages import BYTES, InferRequest, InferResponse
from cofeat.runtime.padding import crop

Answer = TypeVar("Answer")
Predictions = dict[str, AnyArray]
# What may share a batch: what was sent, the arrays' shape, the tasks.
Key = tuple[Kind, tuple[int, ...], tuple[str, ...]]

# The request's parameter, in microseconds, as Triton has it.
TIMEOUT = "timeout"
# How much a batch counts for the mean time of a picture, from which Retry-After is told.
_SMOOTHING = 0.1
_MAX_RETRY_AFTER_S = 30


class Batches(Protocol):
    """What runs items in batches; ``batching.Batcher`` is one."""

    async def submit(self, key: Key, item: AnyArray, /) -> Predictions:
        """Return the result of an item."""
        ...

    async def close(self) -> None:
        """Stop."""
        ...


class MakeBatches(Protocol):
    """Makes them for a model; see ``batching.Batcher`` for the arguments."""

    def __call__(
        self,
        run: Callable[[Key, list[AnyArray]], list[Predictions]],
        max_batch: int,
        max_wait_s: float,
        expecting: Callable[[], bool],
        observe: Callable[[BatchTimes], None],
    ) -> Batches:
        """Return them."""
        ...


@dataclass(frozen=True)
class Settings:
    """What the server allows itself and others.

    Args:
        max_requests: that are received, worked on or answered at once; more are refused.
        max_body_bytes: of one request.
        max_pixels: of one picture, in features or as a file; pictures that have more of them
            together run one after the other.
        max_batch: pictures that run at once, and that one request may hold.
        max_wait_s: that a picture waits for others while its model is idle.
        timeout_s: until a request that names no deadline is given up.
        decoders: threads that decode and encode.
    """

    max_requests: int = 64
    max_body_bytes: int = 16 * 2**20
    max_pixels: int = 2**22
    max_batch: int = 8
    max_wait_s: float = 0.003
    timeout_s: float = 30.0
    decoders: int = os.cpu_count() or 1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not math.isfinite(value) or value < 0 or (value == 0 and name != "max_wait_s"):
                raise InvalidInputError(f"{name} of {value}: give more than 0")


class Service:
    """Answers requests with the models of a repository. Made and used in one event loop.

    Args:
        repository: the models.
        settings: limits.
        metrics: where it counts.
        tracing: where it makes spans.
        batches: makes what runs requests in batches.
    """

    def __init__(
        self,
        repository: Repository,
        settings: Settings | None = None,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
        batches: MakeBatches = Batcher,
    ) -> None:
        self.repository = repository
        self.settings = settings or Settings()
        self.metrics = metrics or Metrics()
        self.tracing = tracing or Tracing()
        self.ready = False
        self._make_batches = batches
        self._admitted = 0
        self._decoding = 0
        self._picture_s = 0.0
        self._pool = ThreadPoolExecutor(self.settings.decoders, thread_name_prefix="code")
        self._batchers = {id(model): self._batcher(model) for model in repository.models}

    async def start(self) -> None:
        """Load what requests need; from then on the service is ready."""
        await self.in_pool(codecs_by_id)
        await self.in_pool(self.repository.load)
        self.ready = True

    async def close(self) -> None:
        """Stop, once nothing is asked any more."""
        self.ready = False
        for batcher in self._batchers.values():
            await batcher.close()
        self._pool.shutdown()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold one of the places for requests, from before its body is read until it is answered.

        Raises:
            BusyError: all are taken.
        """
        if self._admitted >= self.settings.max_requests:
            wait_s = math.ceil(self._admitted * self._picture_s)
            raise BusyError(
                f"the server has {self._admitted} requests already: try again later",
                retry_after_s=min(max(1, wait_s), _MAX_RETRY_AFTER_S),
            )
        self._admitted += 1
        self.metrics.in_flight(self._admitted)
        try:
            yield
        finally:
            self._admitted -= 1
            self.metrics.in_flight(self._admitted)

    async def infer(
        self,
        request: InferRequest,
        finish: Callable[[InferResponse], Answer],
        name: str | None = None,
        version: str | None = None,
    ) -> Answer:
        """Answer a request.

        Args:
            request: of one input, ``bitstream`` or ``image``, BYTES [N].
            finish: turns the response into what is sent; called in the pool.
            name: of the model; None for the one that the bitstream is for.
            version: of the model; None for the one that the bitstream is for, or the newest.

        Raises:
            UnknownModelError: there is no such model.
            WrongModelError: the features are for another one.
            BitstreamError: the bytes are no bitstream or picture.
            InvalidInputError: the request asks for what cannot be.
            DeadlineError: the deadline has passed.
        """
        timeout_s = _timeout_s(request, self.settings.timeout_s)
        candidates = self.repository.candidates(name, version)
        kind, elements = self._elements(request)
        try:
            async with asyncio.timeout(timeout_s):
                works, decode_s = await self._decode(kind, elements, candidates)
                tasks, forms = _wanted(request, works[0].model)
                started_s = time.monotonic()
                predictions = await self._run(works, tasks)
                head = InferResponse(
                    model_name=works[0].model.name,
                    model_version=works[0].model.version,
                    outputs=(),
                    id=request.id,
                    parameters={
                        "decode_ms": round(1000 * decode_s, 3),
                        "run_ms": round(1000 * (time.monotonic() - started_s), 3),
                    },
                )
                return await self.in_pool(self._encode, head, works, predictions, forms, finish)
        except TimeoutError:
            raise DeadlineError(f"there was no answer within {timeout_s:g} s") from None

    async def in_pool(self, call: Callable[..., Answer], *arguments: object) -> Answer:
        """Call a function in the pool, so that the event loop goes on."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, call, *arguments)

    def _batcher(self, model: CloudModel) -> Batches:
        def run(key: Key, arrays: list[AnyArray]) -> list[Predictions]:
            kind, shape, tasks = key
            predict = model.predict_batch if kind == "bitstream" else model.predict_images
            # What a network holds while it runs grows with the pixels of all its pictures.
            at_once = max(1, settings.max_pixels // _pixels(kind, shape, model))
            predictions: list[Predictions] = []
            for first in range(0, len(arrays), at_once):
                part = arrays[first : first + at_once]
                try:
                    outputs = predict(np.stack(part), tasks)
                except CofeatError as error:  # the request was checked: this is a fault of ours
                    raise RuntimeError(f"model '{model.name}' failed: {error}") from error
                predictions += [
                    {task: output[index] for task, output in outputs.items()}
                    for index in range(len(part))
                ]
            return predictions

        def observe(times: BatchTimes) -> None:
            picture_s = times.ran_s / times.items
            self._picture_s += _SMOOTHING * (picture_s - self._picture_s)
            self.metrics.batch(model.name, times)

        settings = self.settings
        expecting = lambda: self._decoding > 0  # noqa: E731
        return self._make_batches(run, settings.max_batch, settings.max_wait_s, expecting, observe)

    def _elements(self, request: InferRequest) -> tuple[Kind, tuple[bytes, ...]]:
        """Return what was sent.

        Raises:
            InvalidInputError: it is not one tensor of bitstreams or pictures, or of too many.
        """
        (tensor, *others) = request.inputs
        if others or tensor.name not in KINDS or tensor.datatype != BYTES:
            raise InvalidInputError(f"send one input of BYTES, {' or '.join(KINDS)}")
        if len(tensor.shape) != 1 or tensor.shape[0] > self.settings.max_batch:
            raise InvalidInputError(
                f"the shape of '{tensor.name}' is [N], N from 1 to {self.settings.max_batch}"
            )
        kind: Kind = "bitstream" if tensor.name == "bitstream" else "image"
        return kind, tensor.elements

    async def _decode(
        self, kind: Kind, elements: Sequence[bytes], candidates: Sequence[CloudModel]
    ) -> tuple[list[Work], float]:
        """Decode in the pool what was sent, and tell how long that took."""
        started_s = time.monotonic()
        allowed = (self.repository, candidates, self.settings.max_pixels)
        self._decoding += 1
        try:
            with self.tracing.span("decode"):
                works = await asyncio.gather(
                    *(self.in_pool(decode, kind, element, *allowed) for element in elements)
                )
        finally:
            self._decoding -= 1
        if len({id(work.model) for work in works}) > 1:
            raise InvalidInputError("the bitstreams of one request are for one model")
        seconds = time.monotonic() - started_s
        self.metrics.stage(works[0].model.name, "decode", seconds)
        return works, seconds

    async def _run(self, works: Sequence[Work], tasks: tuple[str, ...]) -> list[Predictions]:
        """Let the model predict, in batches with what others have sent."""
        batcher = self._batchers[id(works[0].model)]
        with self.tracing.span("run"):
            return await asyncio.gather(
                *(
                    batcher.submit((work.kind, work.array.shape, tasks), work.array)
                    for work in works
                )
            )

    def _encode(
        self,
        head: InferResponse,
        works: Sequence[Work],
        predictions: Sequence[Predictions],
        forms: dict[str, Format],
        finish: Callable[[InferResponse], Answer],
    ) -> Answer:
        """Turn predictions into what is sent."""
        started_s = time.monotonic()
        shapes = {task.name: task.shape[1:] for task in works[0].model.entry.tasks}
        outputs = []
        for task, form in forms.items():
            arrays = [
                crop(prediction[task], shapes[task], work.size)
                for prediction, work in zip(predictions, works, strict=True)
            ]
            for array in arrays:
                check_finite(task, array)
            outputs.append(output_tensor(task, arrays, form))
        encode_ms = round(1000 * (time.monotonic() - started_s), 3)
        parameters = {**head.parameters, "encode_ms": encode_ms}
        answer = finish(replace(head, outputs=tuple(outputs), parameters=parameters))
        self.metrics.stage(head.model_name, "encode", time.monotonic() - started_s)
        return answer


def _pixels(kind: Kind, shape: tuple[int, ...], model: CloudModel) -> int:
    """Return the pixels of a picture whose features (C, h, w) or pixels (H, W, 3) these are."""
    if kind == "image":
        return shape[0] * shape[1]
    return shape[1] * shape[2] * model.stride**2


def _timeout_s(request: InferRequest, default_s: float) -> float:
    """Return the time that a request may take.

    Raises:
        InvalidInputError: it gives something else.
    """
    timeout_us = request.parameters.get(TIMEOUT)
    if timeout_us is None:
        return default_s
    if type(timeout_us) is not int or timeout_us < 0:
        raise InvalidInputError(f"the parameter '{TIMEOUT}' is a whole number of microseconds")
    # 0 is Triton's for none.
    return min(timeout_us, math.ceil(1e6 * default_s)) / 1e6 if timeout_us else default_s


def _wanted(request: InferRequest, model: CloudModel) -> tuple[tuple[str, ...], dict[str, Format]]:
    """Return the tasks that are asked for, in the model's order, and the format of each.

    Without any named all are, in the format that the request's own parameter says.

    Raises:
        InvalidInputError: there is no such task or format, or one stands twice.
    """
    forms = {
        output.name: check_format(output.parameters.get("format", "raw"))
        for output in request.outputs
    } or dict.fromkeys(model.tasks, check_format(request.parameters.get("format", "raw")))
    strange = [name for name in forms if name not in model.tasks]
    if strange or len(forms) < len(request.outputs):
        raise InvalidInputError(
            f"ask for each output once: model '{model.name}' has {', '.join(model.tasks)}"
        )
    return tuple(task for task in model.tasks if task in forms), forms
