"""The Open Inference Protocol over gRPC."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from cofeat import __version__
from cofeat.cloud.grpc_messages import CLASSES, SERVICE
from cofeat.cloud.http import EXTENSIONS, NAME, describe
from cofeat.cloud.logs import REQUEST_ID, log, log_failure, request_id
from cofeat.cloud.refusals import INTERNAL, refusal
from cofeat.cloud.service import Service
from cofeat.cloud.tokens import Tokens
from cofeat.errors import ProtocolError, UnknownModelError
from cofeat.protocol.messages import (
    BYTES,
    InferRequest,
    InferResponse,
    Parameters,
    RequestedOutput,
    Tensor,
)
from cofeat.protocol.tensors import from_binary, to_binary

# What answers is our message, what asks is theirs; protobuf's classes are made at run time.
Message = Any
_MAX_METADATA_BYTES = 8192
# Heads and framing beside a body of the largest size.
_OVERHEAD_BYTES = 64 * 1024
# A client that does not answer a ping for that long is gone.
_KEEPALIVE_MS = 20_000
# Connections are made anew now and then, so that no slow client holds one for ever.
_MAX_AGE_MS = 300_000
_MAX_AGE_GRACE_MS = 60_000
_DRAIN_S = 30.0
_OPEN_METHODS = frozenset({"ServerLive", "ServerReady"})


@dataclass(frozen=True)
class Tls:
    """Files in PEM of the server's certificate chain and of its key."""

    certificate: Path
    key: Path


@asynccontextmanager
async def serving(
    service: Service,
    host: str,
    port: int,
    tokens: Tokens,
    tls: Tls | None = None,
    shared: bool = False,
) -> AsyncIterator[int]:
    """Serve while the block runs, and then end what has begun.

    Args:
        service: what answers.
        host: address to listen at.
        port: 0 for any that is free.
        tokens: that open the server.
        tls: files, where it is to be encrypted.
        shared: whether other processes may listen at the port too.

    Yields:
        The port.

    Raises:
        OSError: the port cannot be had.
    """
    limit = service.settings.max_body_bytes + _OVERHEAD_BYTES
    server = grpc.aio.server(
        options=[
            ("grpc.so_reuseport", int(shared)),
            ("grpc.max_receive_message_length", limit),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_metadata_size", _MAX_METADATA_BYTES),
            ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
            ("grpc.keepalive_timeout_ms", _KEEPALIVE_MS),
            ("grpc.max_connection_age_ms", _MAX_AGE_MS),
            ("grpc.max_connection_age_grace_ms", _MAX_AGE_GRACE_MS),
        ],
        # A request is refused with a reason before this is reached, unless it comes slowly.
        maximum_concurrent_rpcs=2 * service.settings.max_requests,
    )
    handlers = {
        method: grpc.unary_unary_rpc_method_handler(
            _Call(method, answer, service, tokens).handle,
            response_serializer=CLASSES[f"{method}Response"].SerializeToString,
        )
        for method, answer in _METHODS.items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    address = f"{host}:{port}" if ":" not in host else f"[{host}]:{port}"
    try:
        if tls is None:
            bound = server.add_insecure_port(address)
        else:
            pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
            bound = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    except RuntimeError as error:  # grpc's for a port that is taken
        raise OSError(f"gRPC cannot listen at {address}") from error
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(_DRAIN_S)


class _Call:
    """One method: token, errors, log line and counts around its answer."""

    def __init__(self, method: str, answer: _Answer, service: Service, tokens: Tokens) -> None:
        self._method = method
        self._answer = answer
        self._service = service
        self._tokens = tokens

    async def handle(self, data: bytes, context: Any) -> Message:
        """Answer a call, or end it with its error."""
        started_s = time.monotonic()
        headers = {
            key: value
            for key, value in context.invocation_metadata() or ()
            if isinstance(value, str)
        }
        identity = request_id(headers.get(REQUEST_ID.lower()))
        status = "CANCELLED"  # by the client, unless something else becomes of it
        try:
            if self._method not in _OPEN_METHODS:
                self._tokens.check(headers.get("authorization"))
            with self._service.tracing.span("request", headers):
                answer = await self._answer(self._service, self._parse(data))
            status = "OK"
            return answer
        except Exception as error:
            told = refusal(error)
            status = told.grpc
            if told.status == INTERNAL:
                log_failure(identity)
            trailing = [(REQUEST_ID.lower(), identity)]
            if told.have:
                trailing.append(("have", json.dumps(told.have)))
            if told.retry_after_s is not None:
                trailing.append(("retry-after", str(told.retry_after_s)))
            await context.abort(grpc.StatusCode[told.grpc], told.reason, tuple(trailing))
        finally:
            seconds = time.monotonic() - started_s
            self._service.metrics.request("grpc", self._method, status, seconds)
            log(
                "request",
                logging.ERROR if status == "INTERNAL" else logging.INFO,
                request_id=identity,
                protocol="grpc",
                method=self._method,
                status=status,
                ms=round(1000 * seconds, 2),
            )

    def _parse(self, data: bytes) -> Message:
        """Read the request; gRPC itself would call bytes that are none a fault of ours.

        Raises:
            ProtocolError: it is none.
        """
        try:
            return CLASSES[f"{self._method}Request"].FromString(data)
        except DecodeError:
            raise ProtocolError(f"the message is no {self._method}Request") from None


async def _server_live(_service: Service, _request: Message) -> Message:
    return CLASSES["ServerLiveResponse"](live=True)


async def _server_ready(service: Service, _request: Message) -> Message:
    return CLASSES["ServerReadyResponse"](ready=service.ready)


async def _server_metadata(_service: Service, _request: Message) -> Message:
    return CLASSES["ServerMetadataResponse"](
        name=NAME, version=__version__, extensions=list(EXTENSIONS)
    )


async def _model_ready(service: Service, request: Message) -> Message:
    try:
        service.repository.candidates(request.name, request.version or None)
    except UnknownModelError:
        return CLASSES["ModelReadyResponse"](ready=False)
    return CLASSES["ModelReadyResponse"](ready=True)


async def _model_metadata(service: Service, request: Message) -> Message:
    versions = service.repository.candidates(request.name, request.version or None)
    told = describe(versions)
    del told["parameters"]  # gRPC's message has no place for them
    return CLASSES["ModelMetadataResponse"](**told)


async def _model_infer(service: Service, request: Message) -> Message:
    with service.admitted():
        asked = to_request(request)
        name, version = request.model_name, request.model_version or None
        return await service.infer(asked, from_response, name, version)


_Answer = Callable[[Service, Message], Awaitable[Message]]
_METHODS: dict[str, _Answer] = {
    "ServerLive": _server_live,
    "ServerReady": _server_ready,
    "ServerMetadata": _server_metadata,
    "ModelReady": _model_ready,
    "ModelMetadata": _model_metadata,
    "ModelInfer": _model_infer,
}


def to_request(message: Message) -> InferRequest:
    """Turn gRPC's message into a request; of the inputs, BYTES is what a model takes.

    Raises:
        ProtocolError: the message contradicts itself, or holds other tensors.
    """
    raw: Sequence[bytes] = message.raw_input_contents
    if not message.inputs or (raw and len(raw) != len(message.inputs)):
        raise ProtocolError(f"{len(message.inputs)} inputs with the contents of {len(raw)}")
    inputs = []
    for index, entry in enumerate(message.inputs):
        shape = tuple(entry.shape)
        if entry.datatype != BYTES or not shape or min(shape) < 1:
            raise ProtocolError("an input is of BYTES and of sides from 1 on")
        if raw:
            elements = from_binary(BYTES, shape, memoryview(raw[index]))
        else:
            elements = tuple(entry.contents.bytes_contents)
        tensor = Tensor(entry.name, BYTES, shape, elements, _parameters(entry))
        if len(shape) != 1 or shape[0] != len(tensor.elements):
            raise ProtocolError(f"{len(tensor.elements)} elements do not fill {list(shape)}")
        inputs.append(tensor)
    outputs = tuple(RequestedOutput(entry.name, _parameters(entry)) for entry in message.outputs)
    return InferRequest(tuple(inputs), outputs, message.id, _parameters(message))


def from_response(response: InferResponse) -> Message:
    """Turn a response into gRPC's message, its outputs binary."""
    message = CLASSES["ModelInferResponse"](
        model_name=response.model_name, model_version=response.model_version, id=response.id
    )
    for key, value in response.parameters.items():
        message.parameters[key].double_param = float(value)
    for output in response.outputs:
        message.outputs.add(name=output.name, datatype=output.datatype, shape=output.shape)
        message.raw_output_contents.append(to_binary(output.values))
    return message


def _parameters(message: Message) -> Parameters:
    """Return parameters as plain values; one that is not set is left out."""
    chosen = {
        key: value.WhichOneof("parameter_choice") for key, value in message.parameters.items()
    }
    return {
        key: getattr(message.parameters[key], choice) for key, choice in chosen.items() if choice
    }
