"""What a fleet of devices takes of the network, the cloud and the disks.

bits a second   = devices * frames/s * bytes a frame * 8
replicas        = devices * frames/s * cloud's ms a picture / (1000 * utilization)
bytes kept      = devices * frames/s * payload * seconds kept
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cofeat.errors import InvalidInputError
from cofeat.planner.plan import Costs, Estimate
from cofeat.planner.profile import ModelProfile, StageTime

# Of a replica's throughput; above it, waits in the queue grow fast.
UTILIZATION = 0.7
DAY_S = 86_400.0


@dataclass(frozen=True)
class Fleet:
    """A fleet.

    Args:
        devices: how many.
        fps: frames/s of each.
        keep_days: for which payloads are kept; 0 keeps none.
        utilization: share of a replica's throughput that is used.

    Raises:
        InvalidInputError: a value cannot be.
    """

    devices: int
    fps: float
    keep_days: float = 1.0
    utilization: float = UTILIZATION

    def __post_init__(self) -> None:
        if self.devices < 1 or not 0 < self.fps < math.inf or not 0 <= self.keep_days < math.inf:
            raise InvalidInputError(
                f"{self.devices} devices at {self.fps:g} frames/s, kept {self.keep_days:g} days: "
                "give at least one device, a rate above 0 and 0 days or more"
            )
        if not 0 < self.utilization <= 1:
            raise InvalidInputError(f"a utilization of {self.utilization:g}: give above 0 to 1")


@dataclass(frozen=True)
class FleetCost:
    """What one plan takes if the whole fleet follows it.

    Args:
        plan: its name.
        up_bits_per_s: into the cloud.
        down_bits_per_s: out of it.
        replicas: machines like the one that was profiled.
        picture_ms: of such a machine, for a picture in the best batch.
        stored_bytes: of payloads.
        feasible: whether a device reaches the frames/s.
    """

    plan: str
    up_bits_per_s: float
    down_bits_per_s: float
    replicas: int
    picture_ms: float
    stored_bytes: float
    feasible: bool


def fleet_cost(fleet: Fleet, costs: Costs, estimate: Estimate, cloud: ModelProfile) -> FleetCost:
    """Return what a plan takes.

    Args:
        fleet: how many devices, how often.
        costs: of the plan.
        estimate: of the same plan.
        cloud: profile of the plan's model in the cloud.
    """
    frames_per_s = fleet.devices * fleet.fps
    ms = picture_ms(costs, cloud)
    return FleetCost(
        plan=str(costs.plan),
        up_bits_per_s=8 * frames_per_s * estimate.up_bytes,
        down_bits_per_s=8 * frames_per_s * estimate.down_bytes,
        replicas=math.ceil(frames_per_s * ms / (1000 * fleet.utilization)),
        picture_ms=ms,
        stored_bytes=frames_per_s * costs.payload_bytes * fleet.keep_days * DAY_S,
        feasible=estimate.frames_per_s >= fleet.fps,
    )


def picture_ms(costs: Costs, cloud: ModelProfile) -> float:
    """Return the cloud's time for a picture, its network in the batch that is fastest a picture.

    Stages are taken to follow each other on the machine, as they do where all of its cores run
    the network.
    """
    encoded, _ = costs.answer
    times = [_per_picture_ms(time, cloud.stages) for time in costs.cloud.values()]
    return sum(times) + sum(time.median_ms for time in encoded)


def _per_picture_ms(time: StageTime, stages: Sequence[StageTime]) -> float:
    same = [t for t in stages if (t.stage, t.how) == (time.stage, time.how)]
    return min((t.median_ms / t.batch for t in same), default=time.median_ms)
