"""The plan of each frame while the link changes: the best one, but steadily.

::

    link's state ─► estimates ─► best ─┬─ of the same plan: go on
                                       ├─ better by less than the margin: go on
                                       ├─ better by more, some frames in a row: change
                                       └─ the present one no longer does what is asked: change now
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cofeat.errors import InvalidInputError
from cofeat.planner.choose import Wish
from cofeat.planner.link import LinkModel
from cofeat.planner.plan import Estimate, Plan

# What a prediction may be off (docs/plan.md): what is nearer is a tie.
MARGIN = 0.15
# A single slow answer is no change of the link.
FRAMES = 3


@dataclass(frozen=True)
class Steadiness:
    """How much it takes to change the plan.

    Args:
        margin: share by which another plan must be better.
        frames: for so many frames in a row.

    Raises:
        InvalidInputError: a value cannot be.
    """

    margin: float = MARGIN
    frames: int = FRAMES

    def __post_init__(self) -> None:
        if not 0 <= self.margin < 1 or self.frames < 1:
            raise InvalidInputError(
                f"a margin of {self.margin:g} for {self.frames} frames: give 0 to below 1, and "
                "at least 1 frame"
            )


class Follower:
    """Chooses the plan of one frame after another.

    Args:
        estimates: of all plans on a link.
        wish: what is asked for; where no plan does it, the best of all is taken.
        steadiness: how much it takes to change.
    """

    def __init__(
        self,
        estimates: Callable[[LinkModel], Sequence[Estimate]],
        wish: Wish,
        steadiness: Steadiness | None = None,
    ) -> None:
        self._estimates = estimates
        self._wish = wish
        self._steadiness = steadiness or Steadiness()
        self.plan: Plan | None = None
        self.changes = 0
        self._better = 0

    def choose(self, link: LinkModel) -> Plan:
        """Return the plan of the next frame."""
        estimates = self._estimates(link)
        ranked = self._wish.ranked(estimates) or sorted(estimates, key=self._wish.cost)
        best = ranked[0]
        present = next((e for e in ranked if e.plan == self.plan), None)
        if self.plan is None or present is None:
            return self._take(best.plan)
        enough = (1 - self._steadiness.margin) * self._wish.cost(present)
        if best.plan == self.plan or self._wish.cost(best) >= enough:
            self._better = 0
            return self.plan
        self._better += 1
        return self._take(best.plan) if self._better >= self._steadiness.frames else self.plan

    def _take(self, plan: Plan) -> Plan:
        self.changes += self.plan not in (None, plan)
        self.plan, self._better = plan, 0
        return plan
