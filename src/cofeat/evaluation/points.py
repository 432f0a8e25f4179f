"""Rate-accuracy points: a curve is one way of coding at several settings.

Curves are kept as JSON, in the form that CompressAI's plot tool reads, with
what each image contributed beside it (``.npz``), and as CSV for everyone.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.errors import InvalidInputError
from cofeat.files import replacing, write_text
from cofeat.tasks import load_task

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]

RATES = ("mean_bytes", "bpfe", "bpp")
# Columns of a CSV that tell a point from others and measure nothing.
_LABELS = ("curve", "codec", "quality")
_FIGURES = "figures_"


@dataclass(frozen=True, eq=False)
class PerImage:
    """What each of N images contributes to each of P points, for resampling.

    Args:
        names: N names.
        bytes: int64 (P, N), every byte that is sent for an image.
        elements: int64 (N,), feature elements of an image; 0 where a picture is sent.
        pixels: int64 (N,), pixels of the input image.
        figures: task -> float64 (P, N, ...), ``Task.figures`` of each point and image.
    """

    names: tuple[str, ...]
    bytes: Int64Array
    elements: Int64Array
    pixels: Int64Array
    figures: dict[str, Float64Array]


@dataclass(frozen=True, eq=False)
class Curve:
    """Points of one way of coding.

    Args:
        name: e.g. ``"baseline"``.
        description: one line for people.
        codecs: one a point, ``"none"`` where nothing is coded.
        columns: name -> one value a point, NaN where not defined; rates (``RATES``) and measures.
        tasks: names of the tasks that were measured.
        per_image: what the images contributed, or None where it is not known.
        provenance: where the figures come from.
    """

    name: str
    description: str
    codecs: tuple[str, ...]
    columns: dict[str, tuple[float, ...]]
    tasks: tuple[str, ...] = ()
    per_image: PerImage | None = None
    provenance: dict[str, object] = field(default_factory=dict)


def curve_from_figures(
    name: str,
    description: str,
    codecs: Sequence[str],
    per_image: PerImage,
    tasks: Sequence[str],
    provenance: Mapping[str, object],
) -> Curve:
    """Compute the columns of a curve from what each image contributed.

    Raises:
        InvalidInputError: the arrays do not fit each other, or a task is not known.
    """
    _check_shapes(name, len(codecs), per_image, tasks)
    total_bytes = per_image.bytes.sum(axis=1)
    columns = {
        "mean_bytes": per_image.bytes.mean(axis=1),
        "bpfe": _ratio(8 * total_bytes, int(per_image.elements.sum())),
        "bpp": _ratio(8 * total_bytes, int(per_image.pixels.sum())),
    }
    for task_name in tasks:
        task = load_task(task_name)
        figures = per_image.figures[task_name]
        columns[task.measure] = np.array([task.summarize(point) for point in figures])
    return Curve(
        name=name,
        description=description,
        codecs=tuple(codecs),
        columns={key: tuple(map(float, values)) for key, values in columns.items()},
        tasks=tuple(tasks),
        per_image=per_image,
        provenance=dict(provenance),
    )


def select_codecs(curve: Curve, codecs: Sequence[str]) -> Curve:
    """Return the curve of the given codecs alone, in their order, per-image figures included.

    Raises:
        InvalidInputError: the curve has no such point.
    """
    missing = [codec for codec in codecs if codec not in curve.codecs]
    if missing:
        raise InvalidInputError(
            f"curve '{curve.name}' has no point '{missing[0]}': it has {', '.join(curve.codecs)}"
        )
    chosen = [curve.codecs.index(codec) for codec in codecs]
    per_image = curve.per_image
    if per_image is not None:
        figures = {task: array[chosen] for task, array in per_image.figures.items()}
        per_image = replace(per_image, bytes=per_image.bytes[chosen], figures=figures)
    columns = {
        name: tuple(values[index] for index in chosen) for name, values in curve.columns.items()
    }
    return replace(curve, codecs=tuple(codecs), columns=columns, per_image=per_image)


def _ratio(numbers: Int64Array, total: int) -> Float64Array:
    """Divide, or NaN where there is nothing to divide by."""
    return numbers / total if total else np.full(len(numbers), np.nan)


def _check_shapes(name: str, points: int, per_image: PerImage, tasks: Sequence[str]) -> None:
    """Refuse arrays of other numbers of points or images.

    Raises:
        InvalidInputError: they do not fit.
    """
    images = len(per_image.names)
    shapes = {
        "bytes": (per_image.bytes.shape, (points, images)),
        "elements": (per_image.elements.shape, (images,)),
        "pixels": (per_image.pixels.shape, (images,)),
    }
    for task in tasks:
        found = per_image.figures[task].shape[:2] if task in per_image.figures else ()
        shapes[f"figures of {task}"] = (found, (points, images))
    wrong = [f"{key} {found}, expected {right}" for key, (found, right) in shapes.items()
             if found != right]  # fmt: skip
    if wrong or not points or not images:
        raise InvalidInputError(
            f"the per-image figures of curve '{name}' do not fit its {points} points "
            f"of {images} images: {'; '.join(wrong) or 'nothing is there'}"
        )


def save_curve(curve: Curve, path: str | Path) -> None:
    """Write a curve as JSON and, where there are per-image figures, an .npz of the same stem."""
    path = Path(path)
    per_image = curve.per_image
    if per_image:
        arrays: dict[str, Any] = {
            "names": np.array(per_image.names, dtype=np.str_),
            "bytes": per_image.bytes,
            "elements": per_image.elements,
            "pixels": per_image.pixels,
            **{_FIGURES + task: array for task, array in per_image.figures.items()},
        }
        with replacing(path.with_suffix(".npz")) as temporary:
            np.savez_compressed(temporary, **arrays)
    results: dict[str, list[Any]] = {"codec": list(curve.codecs)}
    for name, values in curve.columns.items():
        results[name] = [value if math.isfinite(value) else None for value in values]
    document = {
        "name": curve.name,
        "description": curve.description,
        "results": results,
        "tasks": list(curve.tasks),
        "images": len(per_image.names) if per_image else None,
        "per_image": path.with_suffix(".npz").name if per_image else None,
        "provenance": curve.provenance,
    }
    write_text(path, json.dumps(document, indent=1, allow_nan=False))


def load_curve(path: str | Path) -> Curve:
    """Read a curve, the inverse of ``save_curve``; null becomes NaN.

    Raises:
        InvalidInputError: the file, or the .npz that it names, is missing or holds no curve.
    """
    path = Path(path)
    try:
        document = json.loads(_read(path))
        results = dict(document["results"])
        codecs = tuple(map(str, results.pop("codec", ())))
        columns = {
            str(name): tuple(math.nan if value is None else float(value) for value in values)
            for name, values in results.items()
        }
        count = len(next(iter(columns.values())))
        codecs = codecs or ("",) * count
        if {len(codecs), *map(len, columns.values())} != {count}:
            raise ValueError("its columns differ in length")
        beside = document.get("per_image")
        tasks = tuple(map(str, document.get("tasks", ())))
        name = str(document.get("name", path.stem))
        per_image = _load_per_image(path.parent / Path(str(beside)).name) if beside else None
        if per_image:
            _check_shapes(name, count, per_image, tasks)
        return Curve(
            name=name,
            description=str(document.get("description", "")),
            codecs=codecs,
            columns=columns,
            tasks=tasks,
            per_image=per_image,
            provenance=dict(document.get("provenance") or {}),
        )
    except InvalidInputError:
        raise
    except Exception as why:  # whatever the file holds, it is no curve
        raise InvalidInputError(
            f"'{path}' is no JSON of points (an object with \"results\" of equally long lists): "
            f"{type(why).__name__}: {why}"
        ) from why


def _load_per_image(path: Path) -> PerImage:
    """Read the .npz of a curve.

    Raises:
        InvalidInputError: it is missing, or does not hold what it should.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return PerImage(
                names=tuple(map(str, arrays["names"])),
                bytes=arrays["bytes"].astype(np.int64),
                elements=arrays["elements"].astype(np.int64),
                pixels=arrays["pixels"].astype(np.int64),
                figures={
                    key.removeprefix(_FIGURES): arrays[key].astype(np.float64)
                    for key in arrays.files
                    if key.startswith(_FIGURES)
                },
            )
    except Exception as error:  # whatever the file holds, it is no archive of figures
        raise InvalidInputError(
            f"the per-image figures '{path}' cannot be read: {error}; keep the .npz beside its "
            'JSON, or set "per_image" there to null'
        ) from error


def write_csv(curves: Iterable[Curve], path: str | Path) -> None:
    """Write points as CSV: curve, codec, quality, then every column that any curve has."""
    curves = list(curves)
    names = list(dict.fromkeys(name for curve in curves for name in curve.columns))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*_LABELS, *names))
    for curve in curves:
        for point, codec in enumerate(curve.codecs):
            codec_name, _, quality = codec.partition(":")
            values = (curve.columns[name][point] if name in curve.columns else math.nan
                      for name in names)  # fmt: skip
            cells = ("" if math.isnan(value) else repr(value) for value in values)
            writer.writerow((curve.name, codec_name, quality, *cells))
    write_text(Path(path), text.getvalue())


def load_curves(path: str | Path, by: str | None = None) -> dict[str, Curve]:
    """Read all curves of a file, by name.

    Args:
        path: JSON (one curve), or CSV with one row a point and columns by name.
        by: the CSV's column that names the curves; None takes "curve" where there is one,
            else the whole file is one curve, named after the file.

    Raises:
        InvalidInputError: the file cannot be used.
    """
    path = Path(path)
    if path.suffix.lower() == ".json":
        if by:
            raise InvalidInputError(f"'{path}' is JSON, one curve: 'by' is for the columns of CSV")
        curve = load_curve(path)
        return {curve.name: curve}
    try:
        rows = list(csv.DictReader(io.StringIO(_read(path)), restval=""))
    except csv.Error as error:
        raise InvalidInputError(f"'{path}' cannot be read as CSV: {error}") from error
    names = [name for name in rows[0] if name] if rows else []
    if not names or any(None in row for row in rows):
        raise InvalidInputError(
            f"'{path}' is no CSV of points: give a line of column names, then one row a point"
        )
    if by is None:
        by = "curve" if "curve" in names else None
    elif by not in names:
        raise InvalidInputError(f"'{path}' has no column '{by}': it has {', '.join(names)}")
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(row[by] if by else path.stem, []).append(row)
    numeric = [name for name in names if name not in (*_LABELS, by) and _has_numbers(name, rows)]
    return {
        name: Curve(
            name=name,
            description=f"{path.name}",
            codecs=tuple(_codec_of(row) for row in group),
            columns={column: _numbers(path, column, group) for column in numeric},
        )
        for name, group in groups.items()
    }


def _codec_of(row: Mapping[str, str]) -> str:
    codec, quality = row.get("codec", "").strip(), row.get("quality", "").strip()
    return f"{codec}:{quality}" if quality else codec


def _has_numbers(name: str, rows: Sequence[Mapping[str, str]]) -> bool:
    """Tell a column of figures from one of labels: any number in it makes it the former."""
    return any(_number(row[name]) is not None for row in rows)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _numbers(path: Path, name: str, rows: Sequence[Mapping[str, str]]) -> tuple[float, ...]:
    """Read a column; an empty cell is NaN.

    Raises:
        InvalidInputError: a cell holds something else than a number.
    """
    values = []
    for row in rows:
        value = _number(row[name]) if row[name].strip() else math.nan
        if value is None:
            raise InvalidInputError(f"'{path}': '{row[name]}' in column '{name}' is no number")
        values.append(value)
    return tuple(values)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidInputError(f"there is no file '{path}'") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"'{path}' cannot be read as UTF-8 text: {error}") from error
