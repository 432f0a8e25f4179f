"""The walk over all elements by the compiled module; see walk.py."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.feature.entropy.engine import Machine
from cofeat.feature.entropy.engine_coder import EngineDecoder, EngineEncoder
from cofeat.feature.entropy.lattice import lattice
from cofeat.feature.entropy.plan import Told
from cofeat.feature.entropy.prediction import Int16Array
from cofeat.feature.entropy.walk import Known

IntArray = npt.NDArray[np.signedinteger[Any]]
Int32Array = npt.NDArray[np.int32]

# As in engine.c.
_REACHED = 12


class EngineWalk:
    """See ``Walk``."""

    def __init__(
        self,
        coder: EngineEncoder | EngineDecoder,
        plan: Told,
        size: tuple[int, int],
        top: int,
        known: Known | None,
    ) -> None:
        self._coder, self._plan, self._known = coder, plan, known
        self._machine = coder.machine
        self._shape = channels, places = len(plan.center), size[0] * size[1]
        bounds = plan.bounds
        passes, _ = _packed(*size, plan.schedule)
        coder.tell(channels * places, len(passes) * (len(bounds) - 1))
        put, place = self._machine.put, self._machine.place
        _put_passes(self._machine, size, plan.schedule)
        most_channels = max(np.diff(bounds).tolist())
        most_places = int((passes[:, 2] - passes[:, 1]).max())
        most = most_channels * most_places
        planes = np.zeros((channels, places + 1), np.int16)
        if known is None:
            self._machine.set(filters=put(plan.channel_filters(0, channels).astype(np.int16)))
        else:
            planes[:, :-1] = known.values
            self._machine.set(prediction=put(known.prediction))
        planes[:, -1] = plan.center
        self._said = place(4 * most_channels * places if known is None else 0)
        self._machine.set(
            top=top,
            left=channels * places,
            planes=put(planes),
            deviations=place(2 * channels * places),
            zero_class=put(plan.zero_class.astype(np.uint8)),
            scale=put(plan.scale.astype(np.uint8)),
            surprise=put(np.zeros(2 * (places + 1), np.int64)),
            before=place(16 * (places + 1)),
            level=place(most),
            expected=place(most),
            usual=place(2 * most),
            symbols=place(most),
            rows=place(most),
            chosen=place(4 * most + 4),
            activity=place(4 * most_places),
        )

    def run(self) -> Int16Array:
        """See ``Walk``."""
        machine = self._machine
        channels, places = self._shape
        job = machine.job
        planes = machine.array(int(job["planes"]), (channels, places + 1), np.int16)
        deviations = machine.array(int(job["deviations"]), (channels, places), np.int16)
        for first, stop in itertools.pairwise(self._plan.bounds):
            said = None
            if self._known is None:
                said = self._plan.said(first, stop, planes, deviations)
            if said is not None:
                machine.array(self._said, said.shape, np.int32)[...] = said
            machine.set(first=first, stop=stop, said=0 if said is None else self._said)
            machine.call("walk")
        return planes[:, :-1].copy()


def _put_passes(machine: Machine, size: tuple[int, int], schedule: int) -> None:
    """Tell the module of the lattice."""
    passes, reached = _packed(*size, schedule)
    passes = passes.copy()
    # Pass 0 of COARSE_TO_FINE reaches nothing; its address is 0.
    start = machine.put(reached)
    passes[:, 3] = np.where(passes[:, 3] < 0, 0, start + 4 * _REACHED * passes[:, 3])
    machine.set(places=size[0] * size[1], passes=machine.put(passes), passes_count=len(passes))


@functools.lru_cache(maxsize=4)
def _packed(height: int, width: int, schedule: int) -> tuple[Int32Array, Int32Array]:
    """Return the lattice for the module.

    Returns:
        (passes, 4) type, first and stop of a pass, and the first row of its places in the
        other, or -1; (n, _REACHED) for each place the four near ones, and what else the
        taps sum.
    """
    passes, rows = [], []
    count = 0
    for part in lattice(height, width, schedule).passes:
        at = count if part.taps else -1
        passes.append((part.type, part.first, part.stop, at))
        if part.taps:
            beyond = np.concatenate(part.taps)[len(part.near) :]
            row = np.zeros((part.stop - part.first, _REACHED), np.int32)
            row[:, : len(part.near)] = part.near.T
            row[:, len(part.near) : len(part.near) + len(beyond)] = beyond.T
            rows.append(row)
            count += len(row)
    return np.array(passes, np.int32), np.concatenate([np.zeros((0, _REACHED), np.int32), *rows])
