"""What the server counts, for Prometheus.

No label takes a value that a client chose: models are the server's own, methods
and statuses a fixed set.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from cofeat.cloud.batching import BatchTimes

# From a millisecond, what the smallest network takes, to the longest that anybody waits.
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_ITEMS = (1, 2, 4, 8, 16, 32, 64)
# Set by ``server`` where several processes answer: each keeps its counts in files there.
MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class Metrics:
    """The counts of one process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "cofeat_requests",
            "Requests by what asked and how they ended (HTTP or gRPC status)",
            ["protocol", "method", "status"],
            registry=registry,
        )
        self._request_s = Histogram(
            "cofeat_request_seconds",
            "From the request's head to the answer",
            ["protocol", "method"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._in_flight = Gauge(
            "cofeat_requests_in_flight",
            "Requests that were taken and are not answered",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._stage_s = Histogram(
            "cofeat_stage_seconds",
            "Stages: decode, wait (oldest of a batch), run (a batch), encode",
            ["model", "stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._batch_items = Histogram(
            "cofeat_batch_items",
            "Pictures in a batch",
            ["model"],
            buckets=_ITEMS,
            registry=registry,
        )

    def request(self, protocol: str, method: str, status: str, seconds: float) -> None:
        """Count a request that has ended."""
        self._requests.labels(protocol, method, status).inc()
        self._request_s.labels(protocol, method).observe(seconds)

    def in_flight(self, number: int) -> None:
        """Tell how many requests were taken and are not answered."""
        self._in_flight.set(number)

    def stage(self, model: str, stage: str, seconds: float) -> None:
        """Count a stage of a request."""
        self._stage_s.labels(model, stage).observe(seconds)

    def batch(self, model: str, times: BatchTimes) -> None:
        """Count a batch."""
        self._batch_items.labels(model).observe(times.items)
        self.stage(model, "wait", times.waited_s)
        self.stage(model, "run", times.ran_s)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format, of all processes where there are some."""
        if MULTIPROCESS_FOLDER not in os.environ:
            return generate_latest(self._registry)
        _forget_the_dead(Path(os.environ[MULTIPROCESS_FOLDER]))
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


def _forget_the_dead(folder: Path) -> None:
    """Remove what processes that were killed had in flight."""
    for file in folder.glob("gauge_live*.db"):
        pid = file.stem.rpartition("_")[2]
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]
