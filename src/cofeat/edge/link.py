"""What is known of the link: whether the server answers, how fast, and when to try again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from cofeat.edge.result import Mode
from cofeat.errors import InvalidInputError

# How much the last frame counts in the mean rate: a link of the road changes within seconds.
_SMOOTHING = 0.3
# A server may ask for more patience than this; probing it this seldom does no harm.
_MAX_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Backoff:
    """Times to wait between tries, growing by two, with jitter.

    Half of each wait is fixed and half drawn, so that devices that failed together
    do not come back together.

    Args:
        first_s: the first wait at most.
        most_s: any wait at most.
        draw: gives numbers in [0, 1).
    """

    first_s: float
    most_s: float
    draw: Callable[[], float] = field(default=random.random, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.most_s:
            raise InvalidInputError(
                f"waits from {self.first_s} s to {self.most_s} s: give a first one above 0 and "
                "not above the last"
            )

    def wait_s(self, tries: int, retry_after_s: float | None = None) -> float:
        """Return how long to wait after so many tries (from 1), and as long as the server asks."""
        # The exponent is bounded so that an endless outage does not overflow a float.
        whole_s = min(self.most_s, self.first_s * 2.0 ** min(tries - 1, 60))
        wait_s = whole_s * (0.5 + 0.5 * self.draw())
        return max(wait_s, min(retry_after_s or 0.0, _MAX_PATIENCE_S))


class Link:
    """The link as its use has shown it.

    Attributes:
        up: whether the server answered the last time; taken to until it does not.
        reason: why it is not.
        failures: how often in a row it went down without an answer between.
        bits_per_s: mean rate at which requests go out, the way there and back included; None
            until one was answered.
    """

    def __init__(self) -> None:
        self.up = True
        self.reason = ""
        self.failures = 0
        self.bits_per_s: float | None = None

    def answered(self, sent_bytes: int, send_ms: float) -> None:
        """Say that a request was answered."""
        self.up, self.reason, self.failures = True, "", 0
        rate = 8000.0 * sent_bytes / max(send_ms, 1e-3)
        before = rate if self.bits_per_s is None else self.bits_per_s
        self.bits_per_s = before + _SMOOTHING * (rate - before)

    def failed(self, reason: str) -> None:
        """Say that the server was tried in vain."""
        self.up, self.reason = False, reason
        self.failures += 1

    def back(self) -> None:
        """Say that the server lives, though it has answered no request yet.

        The failures stay counted: where it lives but answers nothing in time, it is
        tried ever more seldom.
        """
        self.up = True


Choose = Callable[[Link], Mode]


def keep_to_split(_: Link) -> Mode:
    """Return ``"split"``: mode ``auto``, where nobody plans.

    While the server is gone, what is done instead is the same as in every mode.
    """
    return "split"
