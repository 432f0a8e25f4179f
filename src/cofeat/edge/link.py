"""What is known of the link: whether the server answers, how fast, and when to try again."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from cofeat.edge.device import Way
from cofeat.edge.result import Mode
from cofeat.edge.wire import Answer
from cofeat.errors import InvalidInputError

# How much the last frame counts in the means, at least ...
_SMOOTHING = 0.3
# ... and more, the longer ago the one before it was: a link of the road changes within seconds.
_MEMORY_S = 5.0
# What is faster takes no time of a frame's, and no clock of ours measures it.
_MAX_BITS_PER_S = 1e9
# No round trip is less, whatever a clock of few digits or a server's word makes of it.
_MIN_RTT_MS = 1e-3
# A shorter answer comes with its head, in no time that could be measured.
_MIN_ANSWER_BYTES = 4096
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

    A request's bytes leave the device when those of the one before have; they are all there a
    round trip, and what the server took, before the answer begins::

        began ... last byte of the one before ─ this one's ─► there ─ cloud, round trip ─► answer

    Means are over requests, the last ones counting most, and of logarithms: a link that gets
    twice as slow and one that gets twice as fast are noticed alike.

    Attributes:
        up: whether the server answered the last time; taken to until it does not.
        reason: why it is not.
        failures: how often in a row it went down without an answer between.
        bits_per_s: mean rate at which requests go out; None until one was answered.
        down_bits_per_s: mean rate at which answers come in; None until one of some length did.
        rtt_ms: round trip of a message without content, the least that is known; counted to the
            bytes' time as long as it is None.
    """

    def __init__(self) -> None:
        self.up = True
        self.reason = ""
        self.failures = 0
        self.bits_per_s: float | None = None
        self.down_bits_per_s: float | None = None
        self.rtt_ms: float | None = None
        # On the loop's clock: when the last request's last byte had left, its answer began, and
        # was there.
        self._left_s = self._answered_s = self._came_s = -math.inf

    def answered(self, sent_bytes: int, answer: Answer) -> None:
        """Say that a request was answered."""
        self.up, self.reason, self.failures = True, "", 0
        if self.rtt_ms is not None:
            least_ms = min(self.rtt_ms, answer.send_ms - answer.encode_ms)
            self.rtt_ms = max(_MIN_RTT_MS, least_ms)
        not_sending_ms = answer.cloud_ms + answer.encode_ms + (self.rtt_ms or 0.0)
        left_s = answer.begun_s - not_sending_ms / 1000
        rate = _rate(sent_bytes, left_s - max(answer.started_s, self._left_s))
        weight = max(_SMOOTHING, -math.expm1((self._answered_s - answer.begun_s) / _MEMORY_S))
        # This answer may have waited for the one before to be there: then the way out was no
        # slower than it seems, and may have been faster.
        held_up = self._came_s > answer.begun_s - (self.rtt_ms or 0.0) / 1000
        if self.bits_per_s is None or not held_up or rate > self.bits_per_s:
            self.bits_per_s = _mean(self.bits_per_s, rate, weight)
        self._left_s = max(self._left_s, left_s)
        self._answered_s = answer.begun_s
        self._came_s = max(self._came_s, answer.ended_s)
        if answer.bytes_received >= _MIN_ANSWER_BYTES:
            rate = _rate(answer.bytes_received, answer.ended_s - answer.begun_s)
            self.down_bits_per_s = _mean(self.down_bits_per_s, rate, weight)

    def unanswered(self, sent_bytes: int, waited_s: float) -> None:
        """Say that a request got no answer in so long a time: the link was no faster."""
        most = _rate(sent_bytes, waited_s)
        self.bits_per_s = most if self.bits_per_s is None else min(self.bits_per_s, most)

    def pinged(self, ms: float, alone: bool) -> None:
        """Say how long the smallest request took.

        Args:
            ms: until its answer began.
            alone: whether nothing else was on the link, which would hold it up.
        """
        ms = max(_MIN_RTT_MS, ms)
        if self.rtt_ms is None or ms < self.rtt_ms:
            self.rtt_ms = ms
        elif alone:
            self.rtt_ms = _mean(self.rtt_ms, ms, _SMOOTHING)

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


def _rate(size_bytes: int, seconds: float) -> float:
    """Return bits per second."""
    return min(_MAX_BITS_PER_S, 8.0 * size_bytes / max(seconds, 1e-9))


def _mean(before: float | None, value: float, weight: float) -> float:
    """Return the mean with a value more that counts for a share."""
    if before is None:
        return value
    return math.exp((1 - weight) * math.log(before) + weight * math.log(value))


# What is known of the link -> where the next frame runs, by the edge's own device or another way.
Choose = Callable[[Link], Mode | Way]


def keep_to_split(_: Link) -> Mode:
    """Return ``"split"``: mode ``auto``, where nobody plans.

    While the server is gone, what is done instead is the same as in every mode.
    """
    return "split"
