"""The link as three numbers, and what they make of a message.

::

    message ─ rate: bytes leave one after another ─ delay: half a round trip ─ loss: late segments
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from cofeat.errors import InvalidInputError
from cofeat.feature.rate import parse_rate

# Of TCP over Ethernet.
SEGMENT_BYTES = 1460
# What a sender may have on the way: about TCP's 64 kB without window scaling less its overhead.
WINDOW_SEGMENTS = 32
# Linux' shortest retransmission time-out.
RETRANSMIT_MS = 200.0

_MS = re.compile(r"(\d+(?:\.\d+)?)\s*ms", re.ASCII)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%", re.ASCII)


@dataclass(frozen=True)
class LinkModel:
    """A link.

    Args:
        up_bits_per_s: from the device to the cloud.
        down_bits_per_s: from the cloud to the device.
        rtt_ms: the round trip of a small message, what ``ping`` tells.
        loss: share of the segments that are lost.

    Raises:
        InvalidInputError: a value cannot be.
    """

    up_bits_per_s: float
    down_bits_per_s: float
    rtt_ms: float = 0.0
    loss: float = 0.0

    def __post_init__(self) -> None:
        rates = (self.up_bits_per_s, self.down_bits_per_s)
        if not all(0 < rate < math.inf for rate in rates):
            raise InvalidInputError(f"rates of {rates} bit/s: give numbers above 0")
        if not 0 <= self.rtt_ms < math.inf:
            raise InvalidInputError(f"a round trip of {self.rtt_ms} ms: give 0 or more")
        if not 0 <= self.loss < 1:
            raise InvalidInputError(f"a loss of {100 * self.loss:g} %: give 0 to below 100")

    def up_ms(self, size_bytes: float, quantile: float = 0.5) -> float:
        """Return the time of a message to the cloud, the delay left out; see ``transfer_ms``."""
        return transfer_ms(size_bytes, self.up_bits_per_s, self.rtt_ms, self.loss, quantile)

    def down_ms(self, size_bytes: float, quantile: float = 0.5) -> float:
        """Return the time of a message to the device, the delay left out."""
        return transfer_ms(size_bytes, self.down_bits_per_s, self.rtt_ms, self.loss, quantile)

    def __str__(self) -> str:
        """Return it as it is written, such as ``"10Mbit,40ms,1%"``."""
        rates = dict.fromkeys(
            f"{rate / 1e6:.3g}Mbit" for rate in (self.up_bits_per_s, self.down_bits_per_s)
        )
        loss = f",{100 * self.loss:g}%" if self.loss else ""
        return f"{'/'.join(rates)},{self.rtt_ms:.3g}ms{loss}"


def parse_link(text: str) -> LinkModel:
    """Turn ``"10Mbit,40ms"`` or ``"10Mbit,40ms,1%"`` into a link of that rate each way.

    Raises:
        InvalidInputError: another form, or a value out of range.
    """
    rate, *rest = (word.strip() for word in text.split(","))
    delay = _MS.fullmatch(rest[0]) if rest else None
    loss = _PERCENT.fullmatch(rest[1]) if len(rest) == 2 else None
    if delay is None or len(rest) > 2 or (len(rest) == 2 and loss is None):
        raise InvalidInputError(
            f"link '{text}' is not RATE,ROUND_TRIP[,LOSS], such as 10Mbit,40ms or 10Mbit,40ms,1%"
        )
    bits_per_s = parse_rate(rate)
    share = 0.0 if loss is None else float(loss[1]) / 100
    return LinkModel(bits_per_s, bits_per_s, float(delay[1]), share)


def transfer_ms(
    size_bytes: float, bits_per_s: float, rtt_ms: float, loss: float, quantile: float = 0.5
) -> float:
    """Return how long a message takes to leave, with what losses add.

    A lost segment holds up all behind it for a retransmission, max(200 ms, round trip).
    Meanwhile the link goes on for as long as the window lasts, and, on average, for half of the
    message at most; what that covers is not lost. The number of losses is binomial, and each is
    taken to cost the same::

        cost = retransmission - min(retransmission, window, message / 2)
        time = 8 bytes / rate + cost * quantile of Binomial(segments, loss)

    Args:
        size_bytes: of the message.
        bits_per_s: of the link.
        rtt_ms: round trip.
        loss: share of segments.
        quantile: of the number of losses, 0.5 for the median.
    """
    message_ms = 8000 * size_bytes / bits_per_s
    if not loss or not size_bytes:
        return message_ms
    segments = math.ceil(size_bytes / SEGMENT_BYTES)
    window_ms = 8000 * WINDOW_SEGMENTS * SEGMENT_BYTES / bits_per_s
    retransmit_ms = max(RETRANSMIT_MS, rtt_ms)
    cost_ms = retransmit_ms - min(retransmit_ms, window_ms, message_ms / 2)
    return message_ms + cost_ms * binomial_quantile(segments, loss, quantile)


def binomial_quantile(trials: int, share: float, quantile: float) -> int:
    """Return the smallest k with P(at most k of so many trials) >= quantile.

    Args:
        trials: at least 1.
        share: chance of each, in [0, 1).
        quantile: in (0, 1).
    """
    if share == 0:
        return 0
    log_p, log_q = math.log(share), math.log1p(-share)
    sum_p = 0.0
    for k in range(trials):
        log_ways = math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        sum_p += math.exp(log_ways + k * log_p + (trials - k) * log_q)
        if sum_p >= quantile:
            return k
    return trials
