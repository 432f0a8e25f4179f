"""What each way to run a frame takes on a link, from the profiles of both machines.

::

    split    read ─ encode ─ compress ═ up ═ decompress ─ heads ─ answer ═ down ═ unanswer
    cloud    read ─ picture ────────── ═ up ═ unpicture ─ whole ─ answer ═ down ═ unanswer
    mobile   read ─ whole

Latency is the sum of the stages' medians and one round trip. The stages are taken to vary
independently, so that their distances from median to 95th percentile add up as the root of the
sum of their squares. Several frames at once are as fast as the slowest stage allows.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cofeat.bundle.manifest import ModelEntry
from cofeat.errors import InvalidInputError
from cofeat.planner.accuracy import Accuracy, accuracy_of
from cofeat.planner.energy import Energy
from cofeat.planner.link import LinkModel
from cofeat.planner.profile import ModelProfile, Profile, StageTime, tasks_way

Mode = Literal["mobile", "cloud", "split"]
SENT: dict[Mode, str] = {"mobile": "nothing", "cloud": "picture", "split": "features"}

# HTTP on both sides with its JSON, which no stage of a profile holds: 1.3 ms of the server's
# (docs/serve.md), the rest httpx' and the event loops'.
EXCHANGE_MS = 3.5
# Around the payload: HTTP's head and the protocol's, there; HTTP's, back.
REQUEST_BYTES = 600
ANSWER_BYTES = 250
# Frames of a stream between sending and receiving, as `AsyncEdge` has it.
IN_FLIGHT = 2


@dataclass(frozen=True)
class Plan:
    """One way to run a frame.

    Args:
        mode: where the network runs.
        cut: the model of the bundle, a network at one cut.
        precision: of the encoder; fp32 where the network is not cut.
        codec: of features or picture, with its setting; ``"none"`` where nothing is sent.
    """

    mode: Mode
    cut: str
    precision: str
    codec: str

    def __str__(self) -> str:
        """Return it for people, such as ``"split near int8 jpeg:90"``."""
        parts: dict[Mode, tuple[str, ...]] = {
            "mobile": (),
            "cloud": (self.codec,),
            "split": (self.precision, self.codec),
        }
        return " ".join((self.mode, self.cut, *parts[self.mode]))


@dataclass(frozen=True)
class Costs:
    """What a plan takes, whatever the link.

    Args:
        plan: which it is.
        device: stage -> times, in order, of the device before anything is sent.
        cloud: the same of the cloud, as the server tells them: decoding and the network.
        answer: the cloud's coding of the answer, and the device's reading of it.
        payload_bytes: of the bitstream or of the picture's file.
        answer_bytes: of the answer's body.
        accuracy: measure -> value, None where it is unknown.
    """

    plan: Plan
    device: Mapping[str, StageTime]
    cloud: Mapping[str, StageTime] = field(default_factory=dict)
    answer: tuple[Sequence[StageTime], Sequence[StageTime]] = ((), ())
    payload_bytes: float = 0.0
    answer_bytes: float = 0.0
    accuracy: Accuracy | None = None


@dataclass(frozen=True)
class Estimate:
    """What a plan takes on a link.

    Args:
        plan: which it is.
        bytes: of the payload.
        up_bytes: all that is sent.
        down_bytes: all that is received.
        latency_ms: median, from the picture's file to the outputs.
        p95_ms: its 95th percentile.
        device_j: energy of the device.
        frames_per_s: of a stream, several at once.
        cloud_ms: of the cloud's machine, for one picture alone.
        accuracy: measure -> value; None where it is unknown.
        stages_ms: medians by the names that `cofeat edge` has for them.
    """

    plan: Plan
    bytes: float
    up_bytes: float
    down_bytes: float
    latency_ms: float
    p95_ms: float
    device_j: float
    frames_per_s: float
    cloud_ms: float
    accuracy: Accuracy | None
    stages_ms: dict[str, float]


def estimate(costs: Costs, link: LinkModel, energy: Energy) -> Estimate:
    """Return what a plan takes on a link."""
    encoded, decoded = costs.answer
    here = [*costs.device.values(), *decoded]
    there = [*costs.cloud.values(), *encoded]
    stages_ms = {name: time.median_ms for name, time in costs.device.items()}
    pace_ms = list(stages_ms.values())
    deviations = [time.p95_ms - time.median_ms for time in (*here, *there)]
    up_bytes = down_bytes = transfer_ms = 0.0
    if costs.plan.mode != "mobile":
        up_bytes = costs.payload_bytes + REQUEST_BYTES
        down_bytes = costs.answer_bytes + ANSWER_BYTES
        up_ms, down_ms = link.up_ms(up_bytes), link.down_ms(down_bytes)
        transfer_ms = up_ms + down_ms
        deviations += [link.up_ms(up_bytes, 0.95) - up_ms, link.down_ms(down_bytes, 0.95) - down_ms]
        stages_ms["send"] = up_ms + link.rtt_ms + EXCHANGE_MS + sum(t.median_ms for t in encoded)
        stages_ms["cloud"] = sum(time.median_ms for time in costs.cloud.values())
        stages_ms["receive"] = down_ms + sum(time.median_ms for time in decoded)
        wire_ms = stages_ms["send"] + stages_ms["cloud"] + stages_ms["receive"]
        pace_ms += [up_ms, down_ms, sum(time.median_ms for time in there), wire_ms / IN_FLIGHT]
    latency_ms = sum(stages_ms.values())
    compute_ms = sum(time.median_ms for time in here)
    return Estimate(
        plan=costs.plan,
        bytes=costs.payload_bytes,
        up_bytes=up_bytes,
        down_bytes=down_bytes,
        latency_ms=latency_ms,
        p95_ms=latency_ms + math.hypot(*deviations),
        device_j=energy.joules(compute_ms, up_bytes, down_bytes, transfer_ms),
        frames_per_s=1000 / max(*pace_ms, 1e-3),
        cloud_ms=sum(time.median_ms for time in there),
        accuracy=costs.accuracy,
        stages_ms=stages_ms,
    )


class Planner:
    """All plans of a bundle for one device and one cloud.

    Args:
        entries: the models, one a cut.
        device: profile of the device.
        cloud: profile of the cloud's machine.
        energy: of the device.
        tasks: that are wanted; None for all of a model.
        answers: form in which the cloud answers: task -> format.

    Raises:
        InvalidInputError: the profiles are of other models or sizes, or there is no plan.
    """

    def __init__(
        self,
        entries: Sequence[ModelEntry],
        device: Profile,
        cloud: Profile,
        energy: Energy,
        tasks: tuple[str, ...] | None,
        answers: Mapping[str, str],
    ) -> None:
        if device.size != cloud.size:
            raise InvalidInputError(
                f"the device was profiled with pictures of {device.size} and the cloud of "
                f"{cloud.size}: use --size in 'cofeat profile' for the same"
            )
        self.energy = energy
        self.costs = tuple(
            costs
            for entry in entries
            for costs in _costs(entry, device.of(entry), cloud.of(entry), tasks, answers)
        )
        self._check()

    def estimates(self, link: LinkModel) -> list[Estimate]:
        """Return what each plan takes on a link."""
        return [estimate(costs, link, self.energy) for costs in self.costs]

    def only(self, can: Callable[[Plan], bool]) -> Planner:
        """Return a planner of the plans that can be done.

        Raises:
            InvalidInputError: none can.
        """
        other = copy.copy(self)
        other.costs = tuple(costs for costs in self.costs if can(costs.plan))
        other._check()
        return other

    def _check(self) -> None:
        if not self.costs:
            raise InvalidInputError(
                "the profiles hold no way to run a frame: profile the bundle with its parts"
            )


def _costs(
    entry: ModelEntry,
    device: ModelProfile,
    cloud: ModelProfile,
    tasks: tuple[str, ...] | None,
    answers: Mapping[str, str],
) -> list[Costs]:
    """Return the costs of one model's plans: those whose every stage was measured."""
    known = tuple(task.name for task in entry.tasks)
    wanted = known if tasks is None else tuple(task for task in known if task in tasks)
    if not wanted:
        raise InvalidInputError(f"model '{entry.name}' has none of the tasks: {', '.join(known)}")
    read = next((time for time in device.stages if time.stage == "read"), None)
    first = {} if read is None else {"read": read}
    found: list[Costs] = []
    whole = _heads(device, "whole", wanted)
    if whole is not None:
        plan = Plan("mobile", entry.name, "fp32", "none")
        accuracy = accuracy_of(entry, "nothing", "fp32", "none")
        found.append(Costs(plan, {**first, "encode": whole}, accuracy=accuracy))

    forms = [f"{answers.get(task, 'raw')}:{task}" for task in wanted]
    encoded = [cloud.find("answer", form) for form in forms]
    decoded = [device.find("unanswer", form) for form in forms]
    both = [time for time in encoded if time], [time for time in decoded if time]
    if len(both[0]) < len(forms) or len(both[1]) < len(forms):
        return found
    answer_bytes = sum(time.bytes for time in both[0])

    def sending(plan: Plan, here: dict[str, StageTime], there: dict[str, StageTime | None]) -> None:
        measured = {name: time for name, time in there.items() if time is not None}
        if len(measured) == len(there):
            accuracy = accuracy_of(entry, SENT[plan.mode], plan.precision, plan.codec)
            size = here["compress"].bytes
            found.append(Costs(plan, here, measured, both, size, answer_bytes, accuracy))

    for time in device.stages:
        if time.stage == "picture":
            sending(
                Plan("cloud", entry.name, "fp32", time.how),
                {**first, "compress": time},
                {
                    "unpicture": cloud.find("unpicture", time.how),
                    "whole": _heads(cloud, "whole", wanted),
                },
            )
    for encode in (time for time in device.stages if time.stage == "encode"):
        for time in (time for time in device.stages if time.stage == "compress"):
            sending(
                Plan("split", entry.name, encode.how, time.how),
                {**first, "encode": encode, "compress": time},
                {
                    "decompress": cloud.find("decompress", time.how),
                    "heads": _heads(cloud, "heads", wanted),
                },
            )
    return found


def _heads(model: ModelProfile, stage: str, tasks: tuple[str, ...]) -> StageTime | None:
    """Return the times of heads, or of the whole network, for tasks.

    Those of all tasks and of each alone are measured; of others the sum of the heads, and of
    the fp32 encoder before them, stands in.
    """
    exact = model.find(stage, tasks_way(tasks))
    if exact is not None:
        return exact
    parts = [model.find("heads", task) for task in tasks]
    if stage == "whole":
        parts.append(model.find("encode", "fp32"))
    times = [time for time in parts if time is not None]
    if len(times) < len(parts):
        return None
    median_ms = sum(time.median_ms for time in times)
    return StageTime(
        stage=stage,
        how=tasks_way(tasks),
        batch=1,
        runs=min(time.runs for time in times),
        median_ms=median_ms,
        p95_ms=median_ms + math.hypot(*(time.p95_ms - time.median_ms for time in times)),
        spread_ms=math.hypot(*(time.spread_ms for time in times)),
        bytes=0.0,
    )
