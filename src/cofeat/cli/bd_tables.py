"""What reproduce and demo share: BD-rates of the proposed arm against the baseline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cofeat.evaluation.bd import BdResult, bd_rate
from cofeat.evaluation.points import Curve, select_codecs
from cofeat.files import write_text
from cofeat.tasks import load_task


class BdTable(NamedTuple):
    """BD-rates over the points of some codecs, one a measure."""

    title: str
    codecs: list[str]
    method: str
    results: list[BdResult]


def bd_tables(
    curves: Sequence[Curve], sweeps: Mapping[str, list[str]], method: str, resamples: int
) -> list[BdTable]:
    """Return the BD-rates of the curve ``proposed`` against ``baseline``.

    Args:
        curves: those two among others.
        sweeps: title of a table -> the codecs whose points it is over.
        method: of ``evaluation.bd``.
        resamples: of the bootstrap over images.
    """
    by_name = {curve.name: curve for curve in curves}
    measures = [load_task(task).measure for task in by_name["baseline"].tasks]
    tables = []
    for title, codecs in sweeps.items():
        anchor = select_codecs(by_name["baseline"], codecs)
        test = select_codecs(by_name["proposed"], codecs)
        results = [
            bd_rate(anchor, test, "bpfe", measure, method, resamples) for measure in measures
        ]
        tables.append(BdTable(title, codecs, method, results))
    return tables


def write_bd(tables: Sequence[BdTable], results: Path) -> None:
    """Write bd.json, from which the page has its BD-rates."""
    write_text(results / "bd.json", json.dumps({"tables": bd_json(tables)}, indent=1))


def bd_json(tables: Sequence[BdTable]) -> list[dict[str, Any]]:
    """Return the BD-rates as bd.json holds them."""
    return [
        {
            "title": table.title,
            "codecs": table.codecs,
            "method": table.method,
            "rows": [result.to_json() for result in table.results],
        }
        for table in tables
    ]
