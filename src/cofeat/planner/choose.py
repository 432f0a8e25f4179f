"""The best of all plans, those that no other beats in everything, and why the others lost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from cofeat.errors import InvalidInputError
from cofeat.planner.accuracy import how_to_measure
from cofeat.planner.plan import SENT, Estimate

Objective = Literal["latency", "energy", "bytes"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
_OBJECTIVES: dict[Objective, Callable[[Estimate], float]] = {
    "latency": lambda e: e.latency_ms,
    "energy": lambda e: e.device_j,
    "bytes": lambda e: e.bytes,
}


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Args:
        minimize: the objective.
        at_least: measure -> the least that will do.
        max_bytes: of a frame's payload.
        max_ms: of the median latency.

    Raises:
        InvalidInputError: there is no such objective, or a bound cannot be.
    """

    minimize: Objective = "latency"
    at_least: Mapping[str, float] = field(default_factory=dict)
    max_bytes: float | None = None
    max_ms: float | None = None

    def __post_init__(self) -> None:
        if self.minimize not in OBJECTIVES:
            raise InvalidInputError(f"objective '{self.minimize}': use {', '.join(OBJECTIVES)}")
        for measure, least in self.at_least.items():
            if not math.isfinite(least):
                raise InvalidInputError(f"a least {measure} of {least}: give a finite number")
        for unit, most in (("bytes", self.max_bytes), ("ms", self.max_ms)):
            if most is not None and not 0 <= most < math.inf:
                raise InvalidInputError(f"at most {most} {unit}: give 0 or more")

    def cost(self, estimate: Estimate) -> float:
        """Return what is to be small."""
        return _OBJECTIVES[self.minimize](estimate)

    def denial(self, estimate: Estimate) -> str:
        """Return why a plan will not do, ``""`` where it will."""
        for measure, least in self.at_least.items():
            value = None if estimate.accuracy is None else estimate.accuracy.get(measure)
            if value is None:
                plan = estimate.plan
                way = how_to_measure(SENT[plan.mode], plan.codec)
                return f"its {measure} is unknown: {way}"
            if value < least:
                return f"{measure} {value:.4g}, and {least:.4g} is asked for"
        if self.max_bytes is not None and estimate.bytes > self.max_bytes:
            return f"{estimate.bytes:.0f} bytes, and {self.max_bytes:.0f} are allowed"
        if self.max_ms is not None and estimate.latency_ms > self.max_ms:
            return f"{estimate.latency_ms:.1f} ms, and {self.max_ms:.1f} are allowed"
        return ""

    def ranked(self, estimates: Sequence[Estimate]) -> list[Estimate]:
        """Return the plans that will do, best first; what ties is decided by latency, then name."""
        allowed = [estimate for estimate in estimates if not self.denial(estimate)]
        return sorted(allowed, key=lambda e: (self.cost(e), e.latency_ms, str(e.plan)))


@dataclass(frozen=True)
class Decision:
    """What came of it.

    Args:
        best: the plan.
        front: the allowed plans that no allowed one beats, see ``pareto``; best first.
        lost: (plan, why), in order of the objective, what will not do last.
    """

    best: Estimate
    front: tuple[Estimate, ...]
    lost: tuple[tuple[Estimate, str], ...]


def decide(estimates: Sequence[Estimate], wish: Wish) -> Decision:
    """Choose.

    Raises:
        InvalidInputError: no plan will do.
    """
    ranked = wish.ranked(estimates)
    denied = [(estimate, wish.denial(estimate)) for estimate in estimates]
    denied = [(estimate, why) for estimate, why in denied if why]
    if not ranked:
        nearest = sorted(denied, key=lambda pair: wish.cost(pair[0]))[:3]
        told = "; ".join(f"{estimate.plan}: {why}" for estimate, why in nearest)
        raise InvalidInputError(
            f"none of {len(estimates)} plans does what is asked: {told}; ask for less"
        )
    best = ranked[0]
    lost = [(estimate, _why(best, estimate, wish)) for estimate in ranked[1:]]
    return Decision(best, tuple(pareto(ranked)), (*lost, *denied))


def pareto(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Return the plans that no other beats: as good in everything, and better in something.

    Looked at are latency, energy, bytes and every measure; an unknown measure is worse than any.
    """
    scores = [_scores(estimate) for estimate in estimates]
    return [
        estimate
        for estimate, score in zip(estimates, scores, strict=True)
        if not any(_beats(other, score) for other in scores)
    ]


def _scores(estimate: Estimate) -> dict[str, float]:
    """Return what is looked at, smaller for better."""
    measures = {
        name: -value for name, value in (estimate.accuracy or {}).items() if value is not None
    }
    costs: dict[str, float] = {name: cost(estimate) for name, cost in _OBJECTIVES.items()}
    return {**costs, **measures}


def _beats(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    names = {*one, *other}
    worst = float("inf")
    pairs = [(one.get(name, worst), other.get(name, worst)) for name in names]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def _why(best: Estimate, estimate: Estimate, wish: Wish) -> str:
    """Say in one line why a plan that would do is not the best."""
    if wish.cost(estimate) == wish.cost(best):
        return f"as good, and {estimate.latency_ms - best.latency_ms:.1f} ms slower"
    if wish.minimize == "bytes":
        return f"{estimate.bytes - best.bytes:,.0f} bytes more"
    more_ms = {
        stage: estimate.stages_ms.get(stage, 0.0) - best.stages_ms.get(stage, 0.0)
        for stage in {*estimate.stages_ms, *best.stages_ms}
    }
    stage = max(more_ms, key=lambda name: (more_ms[name], name))
    where = f"most of it in {stage}, {more_ms[stage]:+.1f} ms"
    if wish.minimize == "energy":
        more_mj = 1000 * (estimate.device_j - best.device_j)
        more_bytes = estimate.up_bytes + estimate.down_bytes - best.up_bytes - best.down_bytes
        return f"{more_mj:.1f} mJ more: {more_bytes:+,.0f} bytes by radio, {where}"
    return f"{estimate.latency_ms - best.latency_ms:.1f} ms more, {where}"
