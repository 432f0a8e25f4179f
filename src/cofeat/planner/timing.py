"""What this machine takes for each stage: all of them in turn, round after round.

::

    round 1: read encode:int8 encode:fp32 compress:png ... heads    (not counted: it warms up)
    round 2:      encode:int8 encode:fp32 compress:png ... heads read
    round 3:                  ...

A machine that is slow for a second is so for every stage, and no stage always comes first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cofeat.planner.profile import StageTime

# Called with (rounds done, of how many).
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Probe:
    """One stage to be timed.

    Args:
        stage: one of ``profile.STAGES``.
        how: in which way.
        batch: pictures at once.
        run: does it for the picture of a number, and gives the bytes that came out.
    """

    stage: str
    how: str
    run: Callable[[int], int]
    batch: int = 1


def interleave(
    probes: Sequence[Probe],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    on_progress: OnProgress | None = None,
) -> tuple[StageTime, ...]:
    """Time probes in turn.

    Args:
        probes: what to time.
        rounds: that are counted; one more warms up.
        clock: seconds.
        on_progress: called with (rounds done, of how many).
    """
    taken_ms: list[list[float]] = [[] for _ in probes]
    came_out: list[list[int]] = [[] for _ in probes]
    for number in range(rounds + 1):
        first = number % max(1, len(probes))
        for index in (*range(first, len(probes)), *range(first)):
            start_s = clock()
            size_bytes = probes[index].run(number)
            passed_ms = 1000 * (clock() - start_s)
            if number:
                taken_ms[index].append(passed_ms)
                came_out[index].append(size_bytes)
        if on_progress:
            on_progress(number + 1, rounds + 1)
    return tuple(
        _stage_time(probe, times, sizes)
        for probe, times, sizes in zip(probes, taken_ms, came_out, strict=True)
    )


def _stage_time(probe: Probe, times_ms: list[float], sizes: list[int]) -> StageTime:
    low, median, high, p95 = (float(x) for x in np.percentile(times_ms, [25, 50, 75, 95]))
    return StageTime(
        stage=probe.stage,
        how=probe.how,
        batch=probe.batch,
        runs=len(times_ms),
        median_ms=median,
        p95_ms=p95,
        spread_ms=high - low,
        bytes=float(np.median(sizes)),
    )
