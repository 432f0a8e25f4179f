"""Tables that come with a model and make codecs better: whichever kind a file holds."""

from __future__ import annotations

from cofeat.feature.entropy import learned
from cofeat.feature.entropy.fitted import FittedTables
from cofeat.feature.entropy.learned import LearnedTables

Tables = FittedTables | LearnedTables


# What a network that was trained with its entropy model is made for.
LEARNED_CODEC = "cofeat-learned"


def usual_codec(tables: Tables | None, otherwise: str) -> str:
    """Return the codec to take for a model where none is asked for."""
    return LEARNED_CODEC if isinstance(tables, LearnedTables) else otherwise


def read_tables(data: bytes) -> Tables:
    """Read a file of tables.

    Raises:
        BitstreamError: the bytes are no such file, whatever they are.
    """
    kind = LearnedTables if data[:4] == learned.MAGIC else FittedTables
    return kind.from_bytes(data)
