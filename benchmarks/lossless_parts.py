"""What does each part of cofeat's lossless codec save?

    python benchmarks/lossless_parts.py                    of photographs, as benchmarks/lossless.py
    python benchmarks/lossless_parts.py FEATURES.npz ...

Each row takes one part away, or sets it otherwise, and tells the payloads' bits
per element against those of the codec as it is. The decoder would have to be
changed alike, so nothing is decoded.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np

from cofeat.feature.codecs.cofeat import COFEAT
from cofeat.feature.entropy import adaptive, analysis, coder, tables
from cofeat.feature.entropy.lattice import COARSE_TO_FINE, TAPS
from cofeat.feature.entropy.plan import Plan
from cofeat.feature.entropy.walk import Walk
from lossless import BITS, default_features, tensors

Change = contextlib.AbstractContextManager[object]


def averages(plan: Plan, *_: object) -> None:
    """In place of fitted filters: the mean of the four near neighbors."""
    for type_, count in enumerate(TAPS):
        near = 2 if plan.schedule == COARSE_TO_FINE else 4
        plan.filters[:, type_, : min(count, near)] = 16


@contextlib.contextmanager
def constant(module: object, name: str, value: object) -> Iterator[None]:
    with mock.patch.object(module, name, value):
        coder._fresh_tables.cache_clear()
        yield
    coder._fresh_tables.cache_clear()


def no_activity(_walk: Walk, part: object, _before: object) -> np.ndarray:
    return np.zeros(part.stop - part.first, np.int16)


PARTS: dict[str, tuple[int, Callable[[], Change]]] = {
    "as it is": (4, contextlib.nullcontext),
    "no references": (1, contextlib.nullcontext),
    "2 generations": (2, contextlib.nullcontext),
    "8 generations": (8, contextlib.nullcontext),
    "16 generations": (16, contextlib.nullcontext),
    "1 reference a channel": (4, lambda: constant(tables, "MOST_REFERENCES", 1)),
    "means, not filters": (4, lambda: constant(analysis, "_fit_filters", averages)),
    "no activity": (4, lambda: constant(Walk, "_activity", no_activity)),
    "zeros as values": (4, lambda: constant(analysis, "_LEAST_ZEROS", 2.0)),
    "rows that do not learn": (4, lambda: constant(adaptive, "COUNT_WEIGHT", 0)),
    "rows that learn twice as fast": (4, lambda: constant(adaptive, "COUNT_WEIGHT", 32)),
    "all coarse to fine": (4, lambda: constant(analysis, "_MOST_DIAGONAL_PLACES", 0)),
    "all diagonal, to 512 places": (4, lambda: constant(analysis, "_MOST_DIAGONAL_PLACES", 512)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--limit", type=int, default=8, help="at most so many tensors of a group")
    arguments = parser.parse_args()
    groups: dict[str, list[np.ndarray]] = {}
    for path in arguments.files:
        for group, values in tensors(path):
            groups.setdefault(group, []).append(values)
    if not arguments.files:
        for name, values in default_features().items():
            groups.setdefault(name.rpartition("_")[0], []).append(values)
    print(f"{'bits per element':30s}" + "".join(f"{name[:16]:>17s}" for name in groups))
    normal: list[float] = []
    for label, (setting, change) in PARTS.items():
        rates = []
        for all_values in groups.values():
            chosen = all_values[: arguments.limit]
            with change():
                size = sum(len(COFEAT.encode(values, BITS, setting)) for values in chosen)
            rates.append(8 * size / sum(values.size for values in chosen))
        normal = normal or rates
        cells = (
            f"{rate:9.3f} {rate / usual - 1:+7.1%}"
            for rate, usual in zip(rates, normal, strict=True)
        )
        print(f"{label:30s}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
