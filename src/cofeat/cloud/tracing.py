"""OpenTelemetry spans, where they were turned on; else nothing at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cofeat.errors import MissingPackageError


class Tracing:
    """Makes spans.

    Args:
        provider: an OpenTelemetry tracer provider, or None for no spans.
    """

    def __init__(self, provider: Any = None) -> None:
        self._tracer = None if provider is None else provider.get_tracer("cofeat.cloud")

    @contextmanager
    def span(self, name: str, carrier: Mapping[str, str] | None = None) -> Iterator[None]:
        """Time a stage.

        Args:
            name: of the span.
            carrier: a request's headers, which may say whose child the span is.
        """
        if self._tracer is None:
            yield
            return
        from opentelemetry.propagate import extract

        parent = None if carrier is None else extract(carrier)
        with self._tracer.start_as_current_span(name, context=parent):
            yield


def exporting() -> Any:
    """Return a provider that sends spans where OTEL_EXPORTER_OTLP_ENDPOINT says.

    Raises:
        MissingPackageError: OpenTelemetry is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise MissingPackageError("opentelemetry-sdk", "otel", "tracing") from None
    provider = TracerProvider(resource=Resource.create({"service.name": "cofeat"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
