"""Random numbers that are the same on every machine: splitmix64 on integers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15
_MIX1 = 0xBF58476D1CE4E5B9
_MIX2 = 0x94D049BB133111EB


def _start(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


class Dice:
    """A stream of random numbers, named by a text; equal names give equal streams.

    Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._state = _start(name)

    def fork(self, name: str) -> Dice:
        """Return a stream of its own: one part's use of numbers does not shift another's."""
        return Dice(f"{self.name}/{name}")

    def bits(self) -> int:
        """Return the next 64 random bits."""
        self._state = (self._state + _GAMMA) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * _MIX1) & _MASK
        z = ((z ^ (z >> 27)) * _MIX2) & _MASK
        return z ^ (z >> 31)

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * ((self.bits() >> 11) / 9007199254740992.0)

    def around(self, mean: float, spread: float) -> float:
        """Return a bell-shaped number, within ``spread`` of ``mean``."""
        return (
            mean
            + spread
            * (self.uniform(-1.0, 1.0) + self.uniform(-1.0, 1.0) + self.uniform(-1.0, 1.0))
            / 3.0
        )

    def chance(self, share: float) -> bool:
        """Return True in that share of calls."""
        return self.uniform(0.0, 1.0) < share

    def integer(self, low: int, high: int) -> int:
        """Return an integer in [low, high], both included."""
        return low + (self.bits() >> 11) % (high - low + 1)

    def choice(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.integer(0, len(items) - 1)]

    def table(self, size: int) -> npt.NDArray[np.uint64]:
        """Return ``size`` values of 64 random bits at once."""
        return hash_bits(np.arange(size, dtype=np.uint64) + np.uint64(self.bits()))


def hash_bits(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Turn integers into random bits, elementwise (splitmix64's output function)."""
    z = values * np.uint64(_GAMMA)
    z ^= z >> np.uint64(30)
    z *= np.uint64(_MIX1)
    z ^= z >> np.uint64(27)
    z *= np.uint64(_MIX2)
    z ^= z >> np.uint64(31)
    return z
