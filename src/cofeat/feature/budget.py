"""How features are to be coded: at a codec's setting, or within a budget of one's choice."""

from __future__ import annotations

from dataclasses import dataclass

from cofeat.errors import InvalidInputError
from cofeat.feature.codecs import CodecSpec, parse_codec
from cofeat.feature.pipeline import check_depth, compress
from cofeat.feature.quantizer import Float32Array
from cofeat.feature.rate import (
    DEFAULT_LADDER,
    bytes_of_bpfe,
    bytes_of_time,
    compress_to,
    parse_ladder,
    parse_rate,
)
from cofeat.feature.tables import LEARNED_CODEC, Tables

DEFAULT_CODEC = "png"


@dataclass(frozen=True)
class Budget:
    """What a picture's bitstream may take; at most one of the first three.

    Args:
        max_bytes: so many bytes.
        bpfe: so many bits a feature element.
        time_ms: so many milliseconds of transmission on the link.
        link: rate of that link, such as ``"10Mbit"``.

    Raises:
        InvalidInputError: they do not go together, or one cannot be.
    """

    max_bytes: int | None = None
    bpfe: float | None = None
    time_ms: float | None = None
    link: str | None = None

    def __post_init__(self) -> None:
        if (self.time_ms is None) != (self.link is None):
            raise InvalidInputError("--ms and --link go together, such as --ms 20 --link 10Mbit")
        if self.max_bytes is not None and self.max_bytes < 1:
            raise InvalidInputError(f"--bytes {self.max_bytes}: give at least 1")
        if sum(limit is not None for limit in (self.max_bytes, self.bpfe, self.time_ms)) > 1:
            raise InvalidInputError("several budgets: give one of bytes, bits and milliseconds")
        self.bytes_for(elements=1)

    def bytes_for(self, elements: int) -> int | None:
        """Return the most bytes for so many feature elements, None where nothing bounds them."""
        if self.time_ms is not None and self.link is not None:
            return bytes_of_time(self.time_ms, parse_rate(self.link))
        if self.bpfe is not None:
            return bytes_of_bpfe(self.bpfe, elements)
        return self.max_bytes


class Coding:
    """A codec, or a budget with what may be used within it.

    Args:
        codec: name and setting; with a budget a ladder, best first. None for ``default``, and
            for the usual ladder with a budget.
        budget: bounds the bytes.
        default: the codec where none is named; ``LEARNED_CODEC`` is its own ladder as well.

    Raises:
        InvalidInputError: there is no such codec or setting.
    """

    def __init__(
        self, codec: str | None = None, budget: Budget | None = None, default: str = DEFAULT_CODEC
    ) -> None:
        self._budget = budget or Budget()
        self._rungs: tuple[CodecSpec, ...]
        if self._budget.bytes_for(elements=1) is None:
            self._rungs = (parse_codec(codec or default),)
        else:
            own = default.partition(":")[0]
            usual = own if own == LEARNED_CODEC else DEFAULT_LADDER
            self._rungs = parse_ladder(codec or usual)

    def check(self, bits: int) -> None:
        """Refuse features that cannot be coded so, before any is there.

        Raises:
            InvalidInputError: no codec that may be used holds so many bits.
        """
        if not any(rung.codec.max_bits >= bits for rung in self._rungs):
            check_depth(self._rungs[0].codec, bits)

    def compress(
        self,
        features: Float32Array,
        bits: int,
        per_channel: bool,
        image_size: tuple[int, int],
        model_id: bytes,
        tables: Tables | None = None,
        step: float | None = None,
    ) -> bytes:
        """Turn one picture's features into a bitstream, see ``pipeline.compress``.

        Raises:
            BudgetError: the budget cannot be met.
            InvalidInputError: the features or an argument cannot be coded.
            MissingPackageError: the codec needs a package that is not installed.
        """
        max_bytes = self._budget.bytes_for(features.size)
        given = (bits, per_channel, image_size, model_id, tables, step)
        if max_bytes is None:
            return compress(features, self._rungs[0], *given)
        return compress_to(features, max_bytes, self._rungs, *given)
