"""One request to the server and its answer; nothing is tried twice here.

::

    Request ─ encode_request ─► POST /v2/models/NAME/infer ─► decode_response ─► Answer
                                        │
                                        └─ a refusal, or LinkError
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal, NoReturn

import httpx

from cofeat import __version__
from cofeat.edge.answers import Answers, max_answer_bytes, outputs_of, requested
from cofeat.edge.result import AnyArray
from cofeat.errors import (
    BusyError,
    DeadlineError,
    InvalidInputError,
    LinkError,
    ProtocolError,
    RefusedError,
    TooLargeError,
    UnauthorizedError,
    UnknownModelError,
    WrongModelError,
)
from cofeat.protocol.http import (
    HEADER_LENGTH,
    decode_response,
    encode_request,
    parse_header_length,
)
from cofeat.protocol.messages import InferRequest, InferResponse, bytes_tensor

# The names of a model's inputs.
Kind = Literal["bitstream", "image"]

_MAX_PORT = 65535
_MAX_ERROR_BYTES = 64 * 1024
_MAX_REASON = 300
# A server that has not said within this time that it lives is taken to be gone.
_PROBE_S = 5.0
# Refusals that trying again may mend; all others are the same the next time.
PASSING = (LinkError, BusyError, DeadlineError)
_KINDS: dict[int, type[RefusedError]] = {
    401: UnauthorizedError,
    403: UnauthorizedError,
    404: UnknownModelError,
    408: DeadlineError,
    409: WrongModelError,
    413: TooLargeError,
    429: BusyError,
    503: BusyError,
}


@dataclass(frozen=True)
class Request:
    """What is asked of the server for one frame.

    Args:
        model: name.
        kind: the model's input, features or the picture itself.
        data: the bitstream, or the file of a picture.
        size: (height, width) in pixels of the picture.
        tasks: what is wanted.
        answers: in which form.
    """

    model: str
    kind: Kind
    data: bytes
    size: tuple[int, int]
    tasks: tuple[str, ...]
    answers: Answers


@dataclass(frozen=True, eq=False)
class Answer:
    """What came back.

    Args:
        outputs: task -> array.
        bytes_received: of the body.
        send_ms: from the beginning until the answer began, less ``cloud_ms``: the bytes' way
            there, and both ways of the link's delay.
        cloud_ms: what the server says that it took to decode and to run the network.
        receive_ms: from the beginning of the answer until its arrays are there.
        encode_ms: what the server says that it took to code the answer, a part of ``send_ms``.
        started_s: when the request was begun, on the loop's clock.
        begun_s: when the answer began.
        ended_s: when the last of its bytes was there.
    """

    outputs: Mapping[str, AnyArray]
    bytes_received: int
    send_ms: float
    cloud_ms: float
    receive_ms: float
    encode_ms: float
    started_s: float
    begun_s: float
    ended_s: float


@dataclass
class Tally:
    """What a frame has cost so far, whether it was answered or not."""

    attempts: int = 0
    bytes_sent: int = 0


class Wire:
    """A client of the Open Inference Protocol with binary tensors. Used in one event loop.

    Args:
        server: URL, ``http://`` or ``https://``.
        token: for ``Authorization: Bearer``; None for none.
        ca: file of the certificates that sign the server's; None for those of the system.
        transport: what carries the requests, where it is not the network.

    Raises:
        InvalidInputError: the URL, the token or the certificates cannot be used.
    """

    def __init__(
        self,
        server: str,
        token: str | None = None,
        ca: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.server = server.rstrip("/")
        headers = {"User-Agent": f"cofeat/{__version__}", "Accept-Encoding": "identity"}
        if token is not None:
            # httpx would put one that it cannot send into its message.
            if not re.fullmatch(r"[!-~]+", token):
                raise InvalidInputError("the token is not of printable ASCII without white space")
            headers["Authorization"] = f"Bearer {token}"
        try:
            url = httpx.URL(self.server)
            port = 1 if url.port is None else url.port
            if url.scheme not in ("http", "https") or not url.host or not 1 <= port <= _MAX_PORT:
                raise httpx.InvalidURL("")
            context = ssl.create_default_context(cafile=ca)
            # Time is bounded by who calls, for a whole exchange and not for each of its reads.
            self._client = httpx.AsyncClient(
                base_url=url, headers=headers, timeout=None, verify=context, transport=transport
            )
        except (httpx.InvalidURL, UnicodeError):  # the latter of names that IDNA does not know
            raise InvalidInputError(
                f"server '{server}': give its URL, such as http://host:8000"
            ) from None
        except OSError as error:
            raise InvalidInputError(f"the certificates in '{ca}' cannot be used: {error}") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def exchange(self, request: Request, timeout_s: float, tally: Tally) -> Answer:
        """Send a request and wait for its answer, however long that takes.

        Args:
            request: what is asked.
            timeout_s: told to the server, which need not answer later.
            tally: counts the attempt and its bytes.

        Raises:
            RefusedError: the server does not do it; its subclass says why.
            LinkError: there is no answer, or a damaged one.
        """
        message = InferRequest(
            inputs=(bytes_tensor(request.kind, request.data),),
            outputs=requested(request.tasks, request.answers),
            parameters={"timeout": max(1, int(timeout_s * 1e6))},
        )
        body, header_bytes = encode_request(message)
        tally.attempts += 1
        tally.bytes_sent += len(body)
        clock = asyncio.get_running_loop().time
        started_s = clock()
        try:
            async with self._client.stream(
                "POST",
                f"/v2/models/{request.model}/infer",
                content=body,
                headers={
                    HEADER_LENGTH: str(header_bytes),
                    "Content-Type": "application/octet-stream",
                },
            ) as response:
                begun_s = clock()
                if response.status_code != 200:
                    self._refuse(response, await _read(response, _MAX_ERROR_BYTES))
                content = await _read(response, max_answer_bytes(request.size))
                ended_s = clock()
            length = response.headers.get(HEADER_LENGTH)
            answer, outputs = await asyncio.to_thread(_decode, request, content, length)
        except httpx.HTTPError as error:
            raise LinkError(f"{self.server}: {_words(error)}") from error
        except ProtocolError as error:
            raise LinkError(f"{self.server} gave a damaged answer: {error}") from error
        waited_ms = 1000 * (begun_s - started_s)
        cloud_ms = min(_told_ms(answer, "decode_ms", "run_ms"), waited_ms)
        return Answer(
            outputs=outputs,
            bytes_received=len(content),
            send_ms=waited_ms - cloud_ms,
            cloud_ms=cloud_ms,
            receive_ms=1000 * (clock() - begun_s),
            encode_ms=min(_told_ms(answer, "encode_ms"), waited_ms - cloud_ms),
            started_s=started_s,
            begun_s=begun_s,
            ended_s=ended_s,
        )

    async def lives(self) -> bool:
        """Return whether the server says that it takes requests."""
        return await self.ping_ms() is not None

    async def ping_ms(self) -> float | None:
        """Return how long the server took to say that it takes requests, None if it does not."""
        clock = asyncio.get_running_loop().time
        started_s = clock()
        try:
            async with asyncio.timeout(_PROBE_S):
                ready = (await self._client.get("/v2/health/ready")).status_code == 200
        except (httpx.HTTPError, TimeoutError):
            return None
        return 1000 * (clock() - started_s) if ready else None

    def _refuse(self, response: httpx.Response, content: bytes) -> NoReturn:
        """Raise what a status other than 200 means."""
        status = response.status_code
        told = _told(content)
        reason = f"{self.server} refuses: {told.get('error') or f'status {status}'}"
        if not 400 <= status < 500 and status not in _KINDS:
            # Not this server's word on the request: a redirect is a portal's, or a proxy's.
            raise LinkError(f"{self.server} answered with status {status}")
        have = _have(told)
        if have:
            reason += f"; it has {', '.join(map(_describe, have))}"
        kind = _KINDS.get(status, RefusedError)
        raise kind(reason, have, _retry_after_s(response.headers.get("Retry-After")))


async def _read(response: httpx.Response, max_bytes: int) -> bytes:
    """Read a body up to a limit.

    Raises:
        LinkError: it is longer.
    """
    pieces, size = [], 0
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > max_bytes:
            raise LinkError(f"an answer of more than {max_bytes} bytes is none to this request")
        pieces.append(piece)
    return b"".join(pieces)


def _decode(
    request: Request, content: bytes, header_length: str | None
) -> tuple[InferResponse, dict[str, AnyArray]]:
    """Return an answer and its arrays.

    Raises:
        ProtocolError: the bytes are no answer to the request.
    """
    answer = decode_response(content, parse_header_length(header_length))
    return answer, outputs_of(answer, request.tasks, request.size)


def _told(content: bytes) -> dict[str, Any]:
    """Return what the JSON of a refusal says, its reason as one line; nothing where it is none."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    error = told.get("error")
    line = " ".join(error.split()) if isinstance(error, str) else ""
    return {**told, "error": "".join(filter(str.isprintable, line))[:_MAX_REASON]}


def _have(told: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the server's models, as far as they are told in the form that we know."""
    have = told.get("have")
    models = have if isinstance(have, list) else []
    keys = ("name", "version", "model_id", "tables_id")
    return [
        {key: "".join(filter(str.isprintable, str(model.get(key, ""))))[:80] for key in keys}
        for model in models[:20]
        if isinstance(model, dict)
    ]


def _describe(model: Mapping[str, str]) -> str:
    return (
        f"model '{model['name']}' version {model['version']} ({model['model_id']}, "
        f"tables {model['tables_id']})"
    )


def _retry_after_s(text: str | None) -> int | None:
    """Read ``Retry-After``: seconds, or a date. None where it is neither."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        return max(0, round(parsedate_to_datetime(text).timestamp() - time.time()))
    except (ValueError, OverflowError):
        return None


def _told_ms(answer: InferResponse, *keys: str) -> float:
    """Return how long the server says that it took; 0 where it does not."""
    times = [answer.parameters.get(key) for key in keys]
    return sum(max(0.0, float(ms)) for ms in times if isinstance(ms, (int, float)))


def _words(error: httpx.HTTPError) -> str:
    """Say in words what failed; httpx leaves some of its messages empty."""
    return " ".join(str(error).split())[:_MAX_REASON] or type(error).__name__
