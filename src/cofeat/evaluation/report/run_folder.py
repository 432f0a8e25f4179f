"""Reading the folder of a run: curves, BD tables, pictures' index, logs, recipe, provenance.

Only ``results`` must be there; whatever else is missing is empty here and
left out of the report.
"""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cofeat.errors import InvalidInputError
from cofeat.evaluation.points import Curve, load_curve
from cofeat.evaluation.report.findings import UNCODED, is_picture

_NO_CURVES = {"bd.json", "provenance.json"}
_ARMS = ("baseline", "proposed")
_PICTURES = ("cloud-jpeg", "cloud-webp", "cloud-avif")


@dataclass(frozen=True)
class Run:
    """Everything that the report shows."""

    root: Path
    curves: dict[str, Curve]
    """By name: arms, other features, pictures, the uncoded network."""
    bd_tables: list[dict[str, Any]]
    grids: list[dict[str, Any]]
    split: dict[str, Any]
    """What ``cofeat reproduce --split`` kept; empty where it was not asked for."""
    provenance: dict[str, Any]
    logs: dict[str, dict[str, list[float]]]
    """Arm -> column -> one value a row, NaN where the row has none."""
    recipe: str

    @property
    def pictures(self) -> Path:
        """The folder of the pictures that ``grids`` and ``split`` name."""
        return self.root / "results" / "pictures"


def read_run(root: Path) -> Run:
    """Read the folder that ``cofeat reproduce`` wrote.

    Raises:
        InvalidInputError: there are no results, or a file is not what it should be.
    """
    results = root / "results"
    if not results.is_dir():
        raise InvalidInputError(
            f"'{results}' is not a folder: give the folder of a run, made by 'cofeat reproduce'"
        )
    curves = _read_curves(results)
    return Run(
        root=root,
        curves=curves,
        bd_tables=_dictionaries(results / "bd.json", "tables"),
        grids=_dictionaries(results / "pictures" / "index.json", "grids"),
        split=_read_json(results / "pictures" / "split.json"),
        provenance=_read_json(results / "provenance.json"),
        logs={
            path.parent.name: _read_log(path)
            for path in sorted(root.glob("*/log.csv"), key=lambda path: _place(path.parent.name))
        },
        recipe=_read_text(root / "recipe.yaml"),
    )


def _read_curves(results: Path) -> dict[str, Curve]:
    paths = [path for path in sorted(results.glob("*.json")) if path.name not in _NO_CURVES]
    if not paths:
        raise InvalidInputError(
            f"'{results}' holds no curve (such as baseline.json): "
            "run 'cofeat reproduce' again, it goes on where it stopped"
        )
    curves = sorted((load_curve(path) for path in paths), key=lambda curve: _place(curve.name))
    return {curve.name: curve for curve in curves}


def _place(name: str) -> tuple[int, int, str]:
    """Sort arms first, then other features, pictures, and the uncoded network."""
    if name in _ARMS:
        return 0, _ARMS.index(name), ""
    if is_picture(name):
        known = _PICTURES.index(name) if name in _PICTURES else len(_PICTURES)
        return 2, known, name
    return (3, 0, name) if name == UNCODED else (1, 0, name)


def _read_text(path: Path) -> str:
    if not path.is_file():
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"'{path}' cannot be read as UTF-8 text: {error}") from error


def _read_json(path: Path) -> dict[str, Any]:
    text = _read_text(path)
    if not text:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"'{path}' is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidInputError(f"'{path}' must hold a JSON object, not {type(value).__name__}")
    return value


def _dictionaries(path: Path, key: str) -> list[dict[str, Any]]:
    """Return the list of objects under a key, empty where there is no such file."""
    value = _read_json(path).get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise InvalidInputError(f"'{key}' in '{path}' must be a list of objects")
    return value


def _read_log(path: Path) -> dict[str, list[float]]:
    """Return the columns of a training log."""
    rows = list(csv.reader(_read_text(path).splitlines()))
    if not rows:
        return {}
    header = rows[0]
    columns: dict[str, list[float]] = {name: [] for name in header}
    for row in rows[1:]:
        # A run that was killed may leave half a row.
        cells = [*row, *[""] * (len(header) - len(row))]
        for name, cell in zip(header, cells, strict=False):
            columns[name].append(_number(cell))
    return columns


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
