"""Bytes and milliseconds per stage of many frames, and a short demonstration for a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from cofeat.edge.blocking import Edge
from cofeat.edge.courier import Patience
from cofeat.edge.device import Device
from cofeat.edge.frame import Frame, Picture
from cofeat.edge.overlay import overlays
from cofeat.edge.result import STAGES, Mode, Result
from cofeat.image import UInt8Array

HEADER = ("mode", "frames", "bytes", *(f"{stage} ms" for stage in STAGES), "total ms")


def stage_rows(results: Iterable[Result]) -> list[tuple[str, ...]]:
    """Return a row for each way in which frames were made, of what ``HEADER`` names.

    Bytes are those of the payload; bytes and times are medians over the frames, so that
    the first frame, which loads the network, does not stand out.
    """
    groups: dict[str, list[Result]] = {}
    for result in results:
        how = f"{result.mode}, late" if result.late else result.mode
        groups.setdefault(how, []).append(result)
    return [
        (
            how,
            str(len(group)),
            f"{np.median([result.payload_bytes for result in group]):,.0f}",
            *(_median_ms([result.stages_ms.get(stage) for result in group]) for stage in STAGES),
            _median_ms([result.total_ms for result in group]),
        )
        for how, group in groups.items()
    ]


def _median_ms(times: Sequence[float | None]) -> str:
    """Return a median, ``-`` where the stage did not happen."""
    known = [time for time in times if time is not None]
    return f"{np.median(known):.1f}" if known else "-"


@dataclass(frozen=True, eq=False)
class Demonstration:
    """What a report shows.

    Args:
        rows: see ``stage_rows``; their columns are ``HEADER``.
        results: of all frames, in order.
        pictures: of each result, task -> uint8 (H, W, 3).
    """

    rows: list[tuple[str, ...]]
    results: list[Result]
    pictures: list[dict[str, UInt8Array]]


def demonstrate(
    device: Device | str | Path,
    server: str,
    pictures: Sequence[Picture | Frame],
    mode: Mode | Literal["auto"] = "split",
    patience: Patience | None = None,
) -> Demonstration:
    """Run some pictures, all of which are held in memory.

    Args:
        device: this machine's half, or its bundle.
        server: URL.
        pictures: what to run.
        mode: where the network runs.
        patience: with the server; as any device has it, where None.

    Raises:
        CofeatError: as ``AsyncEdge`` does.
    """
    with Edge(device, server, mode, patience=patience) as edge:
        results = list(edge.stream(pictures))
    return Demonstration(stage_rows(results), results, [overlays(result) for result in results])
