"""A budget of bytes, bits or time becomes codec and setting, by search on the bytes themselves.

::

    bits per element ─┐
    ms on a link ─────┼─► bytes ── compress_to: the first rung of the ladder that fits ──► stream
    LeakyBucket ──────┘

Every byte of the stream counts, header and checksum too. A ladder names what
may be used, best first: a rung is a codec at one setting. The budget is never
exceeded; it is refused only after every rung was tried, with the smallest size
that can be had.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from cofeat.errors import BudgetError, InvalidInputError
from cofeat.feature.codecs import CodecSpec, parse_codec
from cofeat.feature.pipeline import compress_quantized, quantize_finite
from cofeat.feature.quantizer import Float32Array, Quantized
from cofeat.feature.tables import Tables

# Lossless where it fits, else the best quality that does. Both come with the base install.
DEFAULT_LADDER = "png,jpeg"
# Sizes follow the setting, but not strictly (those of WebP and of coarse JPEG-LS turn around):
# so many better rungs next to the one that bisection finds are tried too.
NEIGHBORS = 3

_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmMgG]?)(?:(bit|B)(?:/s)?|bps)", re.ASCII)
_PREFIX = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def parse_ladder(text: str) -> tuple[CodecSpec, ...]:
    """Turn ``"png,jpeg"`` into rungs, best first.

    A lossy codec without a setting stands for all of its settings, from its
    best on; a lossless one for its default, and ``"jpeg:90"`` for itself.

    Raises:
        InvalidInputError: no codec, a wrong form, or no such codec.
    """
    rungs: list[CodecSpec] = []
    for word in filter(None, (word.strip() for word in text.split(","))):
        spec = parse_codec(word)
        codec = spec.codec
        if codec.lossless or ":" in word:
            rungs.append(spec)
        else:
            settings = range(codec.min_setting, codec.max_setting + 1)
            from_best = settings if codec.best_setting == settings[0] else settings[::-1]
            rungs += [CodecSpec(codec, setting) for setting in from_best]
    if not rungs:
        raise InvalidInputError(f"'{text}' names no codec: give some, such as {DEFAULT_LADDER}")
    return tuple(rungs)


def compress_to(
    features: Float32Array,
    max_bytes: int,
    ladder: str | Sequence[CodecSpec] = DEFAULT_LADDER,
    bits: int = 8,
    per_channel: bool = False,
    image_size: tuple[int, int] | None = None,
    model_id: bytes | None = None,
    tables: Tables | None = None,
    step: float | None = None,
) -> bytes:
    """Turn one image's features into at most ``max_bytes`` bytes.

    Args:
        features: float32 (C, H, W), finite.
        max_bytes: of the whole stream.
        ladder: what may be used, best first; rungs that cannot hold the bits are left out.
        bits: n of the quantizer, 1 ... 16.
        per_channel: one range a channel instead of one for the tensor.
        image_size: (height, width) in pixels of the image.
        model_id: the first 8 bytes of the network's SHA-256.
        tables: fitted to the network's features.
        step: a fixed distance of two levels, instead of the features' own range.

    Returns:
        The stream of the best rung that fits: the first codec of the ladder that can, at its
        best setting that does. Sizes are taken to grow with the setting but for small turns:
        none of the ``NEIGHBORS`` next better settings of that codec fits.

    Raises:
        BudgetError: no rung fits; all were tried.
        InvalidInputError: the features are not finite or too large, or an argument is wrong.
        MissingPackageError: a codec needs a package that is not installed.
    """
    quantized = quantize_finite(features, bits, per_channel, step)
    return compress_quantized_to(quantized, max_bytes, ladder, image_size, model_id, tables)


def compress_quantized_to(
    quantized: Quantized,
    max_bytes: int,
    ladder: str | Sequence[CodecSpec] = DEFAULT_LADDER,
    image_size: tuple[int, int] | None = None,
    model_id: bytes | None = None,
    tables: Tables | None = None,
) -> bytes:
    """Turn integers that a network has made already into at most ``max_bytes`` bytes.

    As ``compress_to``, which see.

    Raises:
        BudgetError: no rung fits.
        InvalidInputError: an argument is wrong.
        MissingPackageError: a codec needs a package that is not installed.
    """
    rungs = parse_ladder(ladder) if isinstance(ladder, str) else tuple(ladder)
    rungs = tuple(rung for rung in rungs if rung.codec.max_bits >= quantized.bits)
    if not rungs:
        raise InvalidInputError(
            f"no codec of the ladder holds {quantized.bits} bits: add one that does, such as png"
        )

    def encode(rung: CodecSpec) -> bytes:
        return compress_quantized(quantized, rung, image_size, model_id, tables)

    search = _Search(encode, max_bytes)
    for _, run in itertools.groupby(rungs, key=lambda rung: rung.codec):
        found = search.best_of(tuple(run))
        if found is not None:
            return found
    # Where sizes turn around widely, what the search passed over may fit after all.
    for rung in rungs:
        if search.fits(rung):
            return search.fitting[rung]
    smallest = min(search.sizes_bytes, key=search.sizes_bytes.__getitem__)
    smallest_bytes = search.sizes_bytes[smallest]
    raise BudgetError(
        f"a budget of {max_bytes} bytes cannot be met with {_names(rungs)}: "
        f"the smallest is {smallest_bytes} bytes, with {smallest}",
        smallest_bytes,
    )


class _Search:
    """Looks for rungs that fit, each encoded at most once."""

    def __init__(self, encode: Callable[[CodecSpec], bytes], max_bytes: int) -> None:
        self._encode = encode
        self._max_bytes = max_bytes
        self.sizes_bytes: dict[CodecSpec, int] = {}
        self.fitting: dict[CodecSpec, bytes] = {}

    def fits(self, rung: CodecSpec) -> bool:
        """Whether the stream of a rung is within the budget."""
        if rung not in self.sizes_bytes:
            data = self._encode(rung)
            self.sizes_bytes[rung] = len(data)
            if len(data) <= self._max_bytes:
                self.fitting[rung] = data
        return rung in self.fitting

    def best_of(self, rungs: Sequence[CodecSpec]) -> bytes | None:
        """Return the stream of the best rung of one codec, best first, by bisection."""
        if self.fits(rungs[0]):
            return self.fitting[rungs[0]]
        if not self.fits(rungs[-1]):
            return None
        too_large, found = 0, len(rungs) - 1
        while found - too_large > 1:
            middle = (too_large + found) // 2
            if self.fits(rungs[middle]):
                found = middle
            else:
                too_large = middle
        while better := [i for i in range(max(0, found - NEIGHBORS), found) if self.fits(rungs[i])]:
            found = better[0]
        return self.fitting[rungs[found]]


def _names(rungs: Sequence[CodecSpec]) -> str:
    """Return ``"png, jpeg:100 to jpeg:1"``."""
    names = []
    for _, group in itertools.groupby(rungs, key=lambda rung: rung.codec):
        run = list(group)
        names.append(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}")
    return ", ".join(names)


def bytes_of_bpfe(bpfe: float, elements: int) -> int:
    """Return the most bytes that are at most so many bits for each feature element.

    Raises:
        InvalidInputError: the target is not a positive number.
    """
    return _whole(_positive(bpfe, "bits per element") * elements / 8)


def bytes_of_time(time_ms: float, link_bits_per_s: float) -> int:
    """Return the most bytes that a link transmits in that time.

    Counted is the transmission of the stream's bytes alone: neither the link's
    latency, nor what its protocols add, nor the time to encode and decode.

    Raises:
        InvalidInputError: the time or the rate is not a positive number.
    """
    time_ms = _positive(time_ms, "milliseconds")
    return _whole(time_ms * _positive(link_bits_per_s, "bits per second") / 8000)


def parse_rate(text: str) -> float:
    """Turn ``"10Mbit"``, ``"500 kbit/s"``, ``"2Mbps"`` or ``"1.5MB/s"`` into bits per second.

    Prefixes are k, M and G, of 1000 each. ``bit`` and ``bps`` are bits, ``B`` is bytes; ``b``
    and ``Bps`` are refused, since both are written for either.

    Raises:
        InvalidInputError: another form, or not above 0.
    """
    match = _RATE.fullmatch(text.strip())
    if not match:
        raise InvalidInputError(f"rate '{text}' is not like 10Mbit, 500kbit/s or 1.5MB/s")
    bits = 8 if match[3] == "B" else 1
    return _positive(float(match[1]), f"in rate '{text}'") * _PREFIX[match[2].lower()] * bits


def _whole(number_of_bytes: float) -> int:
    """Return the whole bytes in a number; beyond what any stream has, all are as good as one."""
    return math.floor(min(number_of_bytes, 2.0**53))


def _positive(number: float, what: str) -> float:
    """Return the number.

    Raises:
        InvalidInputError: it is not finite and above 0.
    """
    if not (number > 0 and math.isfinite(number)):
        raise InvalidInputError(f"{number:g} {what}: give a number above 0")
    return number


class LeakyBucket:
    """Budgets for the frames of a stream, so that they keep to a link's rate.

    Each frame's bytes are poured into the bucket, which leaks at the rate of the
    link; a frame may fill it, and never overflows it. So over any window of
    time, the bytes sent are at most ``bytes_per_s`` * time + ``burst_bytes``, and
    a link of that rate has delivered each frame after burst_bytes / bytes_per_s::

        bucket = LeakyBucket(bytes_per_s=125_000, burst_bytes=20_000)
        for features in frames:
            now_s = time.monotonic()
            stream = compress_to(features, bucket.budget_bytes(now_s))
            bucket.take(len(stream), now_s)

    Args:
        bytes_per_s: the link's rate.
        burst_bytes: what may be sent at once; the bucket begins empty.

    Raises:
        InvalidInputError: one of them is not a positive number.
    """

    def __init__(self, bytes_per_s: float, burst_bytes: int) -> None:
        # Fractions: no rounding adds up to a byte over an endless stream.
        self._bytes_per_s = Fraction(_positive(bytes_per_s, "bytes per second"))
        self._burst_bytes = Fraction(_positive(burst_bytes, "bytes of burst"))
        self._level_bytes = Fraction(0)
        self._time_s: Fraction | None = None

    def budget_bytes(self, time_s: float) -> int:
        """Return how many bytes may be sent at that time.

        Args:
            time_s: on any clock that does not go back.

        Raises:
            InvalidInputError: the time is before the last one.
        """
        self._leak(time_s)
        return math.floor(self._burst_bytes - self._level_bytes)

    def take(self, sent_bytes: int, time_s: float) -> None:
        """Say what was sent at that time.

        Raises:
            InvalidInputError: more than the budget, or the time is before the last one.
        """
        budget_bytes = self.budget_bytes(time_s)
        if not 0 <= sent_bytes <= budget_bytes:
            raise InvalidInputError(f"{sent_bytes} bytes sent: the budget was {budget_bytes}")
        self._level_bytes += sent_bytes

    def _leak(self, time_s: float) -> None:
        if not math.isfinite(time_s):
            raise InvalidInputError(f"a time of {time_s} s: give a finite one")
        now_s = Fraction(time_s)
        before_s = now_s if self._time_s is None else self._time_s
        if now_s < before_s:
            raise InvalidInputError(
                f"a time of {time_s} s after {float(before_s)} s: use a clock that never goes back"
            )
        leaked_bytes = self._bytes_per_s * (now_s - before_s)
        self._level_bytes = max(Fraction(0), self._level_bytes - leaked_bytes)
        self._time_s = now_s
