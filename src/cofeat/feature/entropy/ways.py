"""The two ways to do the codec's work: numpy, which is the reference, and compiled loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cofeat.feature.entropy.coder import DecodingCoder, EncodingCoder
from cofeat.feature.entropy.engine import compiled
from cofeat.feature.entropy.engine_coder import EngineDecoder, EngineEncoder
from cofeat.feature.entropy.engine_walk import EngineWalk
from cofeat.feature.entropy.walk import Walk


@dataclass(frozen=True)
class Way:
    """Parts that work together; both ways make the same bytes and integers.

    Args:
        encoder: takes a number of lanes.
        decoder: takes a payload.
        walk: takes one of these, a plan, a size, a top and what is known; has ``run``.
    """

    encoder: Callable[..., Any]
    decoder: Callable[..., Any]
    walk: Callable[..., Any]


NUMPY = Way(EncodingCoder, DecodingCoder, Walk)
ENGINE = Way(EngineEncoder, EngineDecoder, EngineWalk)


def quickest() -> Way:
    """Return the compiled way where it can be had."""
    return NUMPY if compiled() is None else ENGINE
