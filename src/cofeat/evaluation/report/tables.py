"""The report's tables as text: a number has its digits, an unknown one a dash."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cofeat.evaluation.points import Curve
from cofeat.evaluation.report import findings
from cofeat.tasks import load_task

DASH = "–"
# Below this share of common measures a BD-rate rests on little; the page says so.
WEAK_OVERLAP = 0.5


class Measure(NamedTuple):
    """One measure of the page."""

    task: str
    name: str
    label: str
    """With unit."""
    short: str
    digits: int


class Cell(NamedTuple):
    """One cell of a table."""

    text: str
    note: str = ""
    is_best: bool = False


def measures_of(curves: Mapping[str, Curve]) -> list[Measure]:
    """Return the measures of all tasks that any curve has, in the order of the first curve."""
    names = dict.fromkeys(task for curve in curves.values() for task in curve.tasks)
    result = []
    for name in names:
        task = load_task(name)
        digits = 2 if task.measure.endswith("_db") else 4
        short = findings.short_measure(task.measure)
        result.append(Measure(name, task.measure, task.measure_label, short, digits))
    return result


def needs_table(curves: Mapping[str, Curve], measures: Sequence[Measure]) -> dict[str, Any]:
    """Return the bytes that each curve needs to be within 1 % of the uncoded network."""
    known = [m for m in measures if not math.isnan(findings.uncoded_measure(curves, m.name))]
    targets = {m.name: findings.target_measure(curves, m.name) for m in known}
    senders = [*findings.feature_curves(curves), *findings.picture_curves(curves)]
    columns = []
    for measure in known:
        needs = [findings.bytes_to_reach(c, measure.name, targets[measure.name]) for c in senders]
        fewest = min((need.bytes for need in needs if need.is_reached), default=math.nan)
        columns.append([_need_cell(need, measure, fewest) for need in needs])
    rows = [
        (findings.curve_label(curve.name), [column[k] for column in columns])
        for k, curve in enumerate(senders)
    ]
    heads = [(m.short, _format(targets[m.name], m.digits)) for m in known]
    return {"heads": heads, "rows": rows if known else []}


def _need_cell(need: findings.Need, measure: Measure, fewest: float) -> Cell:
    if math.isnan(need.best):
        return Cell(DASH)
    if not need.is_reached:
        return Cell("not reached", f"best {_format(need.best, measure.digits)}")
    note = "its cheapest point" if need.is_bound else ""
    return Cell(f"{'≤ ' if need.is_bound else ''}{need.bytes:,.0f}", note, need.bytes == fewest)


def points_table(curves: Mapping[str, Curve], measures: Sequence[Measure]) -> list[dict[str, Any]]:
    """Return all points; a measure that a cheaper point equals or beats is marked."""
    table = []
    for curve in curves.values():
        rates = column(curve, "mean_bytes")
        kept = {m.name: findings.efficient_points(rates, column(curve, m.name)) for m in measures}
        rows = []
        for i, codec in enumerate(curve.codecs):
            cells = [
                Cell(_format(rates[i], 0)),
                Cell(_format(column(curve, "bpfe")[i], 3)),
                Cell(_format(column(curve, "bpp")[i], 3)),
            ]
            for measure in measures:
                value = column(curve, measure.name)[i]
                is_left_out = not math.isnan(value) and i not in kept[measure.name]
                cells.append(Cell(_format(value, measure.digits), "†" if is_left_out else ""))
            rows.append((codec, cells))
        table.append({"name": findings.curve_label(curve.name), "rows": rows})
    return table


def bd_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return one BD table as text, notes included."""
    rows = []
    for row in objects(table, "rows"):
        points = f"{row.get('anchor_points', DASH)} / {row.get('test_points', DASH)}"
        overlap = findings.number(row.get("overlap"))
        rows.append(
            {
                "pair": f"{row.get('test')} against {row.get('anchor')}, "
                f"bits per {'element' if row.get('rate') == 'bpfe' else 'pixel'}",
                "measure": findings.short_measure(str(row.get("measure"))),
                "percent": percent_text(findings.number(row.get("bd_rate_percent"))),
                "interval": interval_text(row) or DASH,
                "overlap": DASH if math.isnan(overlap) else f"{100 * overlap:.0f}\u00a0%",
                "is_weak": is_weak(row),
                "points": points,
                "notes": [str(note) for note in row.get("notes") or ()],
            }
        )
    codecs = [str(codec) for codec in table.get("codecs", ())]
    pairs = {row["pair"] for row in rows}
    return {
        "title": str(table.get("title", "BD-rate")),
        "codecs": codecs,
        "method": str(table.get("method", "")),
        "rows": rows,
        # One pair for all rows is told once, above the table.
        "pair": pairs.pop() if len(pairs) == 1 else "",
    }


# Of the command that measured, and of the trainings, over all slices in which they were made.
_TIMES = {"wall_s": "Times of this command", "train_s": "Times of training"}


def facts(provenance: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the provenance as groups of name and text; times in minutes and seconds."""
    single, groups = [], []
    for key, value in provenance.items():
        title = key.replace("_", " ").capitalize()
        if key in _TIMES:
            times = value if isinstance(value, dict) else {"whole run": value}
            pairs = [(str(k), _duration(findings.number(v))) for k, v in times.items()]
            groups.append((_TIMES[key], pairs))
        elif key == "stand_in":
            single.append(("Data", "procedural street scenes (a stand-in)" if value else "real"))
        elif isinstance(value, dict):
            groups.append((title, [(str(k), _text(v)) for k, v in value.items()]))
        else:
            single.append((title, _text(value)))
    return [("Run", single), *groups] if single else groups


def split_table(split: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the bytes and times per stage of the split at run time, None where it was not run."""
    rows = [[str(cell) for cell in row] for row in split.get("rows", ()) if isinstance(row, list)]
    if not rows:
        return None
    machine = split.get("machine")
    processor = machine.get("processor") if isinstance(machine, dict) else None
    return {
        "header": [str(name) for name in split.get("header", ())],
        "rows": rows,
        "codec": _text(split.get("codec")),
        "command": _text(split.get("command")),
        "source": ", ".join(
            str(value) for value in (split.get("commit"), split.get("date"), processor) if value
        ),
    }


def column(curve: Curve, name: str) -> Sequence[float]:
    """Return a column of a curve, NaN at every point where it has no such column."""
    values: Sequence[float] = curve.columns.get(name, (math.nan,) * len(curve.codecs))
    return values


def objects(parent: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects in a list of a JSON file, none where there is no such list."""
    value = parent.get(key)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def is_weak(row: Mapping[str, Any]) -> bool:
    """Whether a BD row rests on little overlap."""
    return findings.number(row.get("overlap")) < WEAK_OVERLAP


def percent_text(value: float) -> str:
    """Return percent with its sign, or a dash."""
    return DASH if math.isnan(value) else f"{findings.signed(value)}\u00a0%"


def interval_text(row: Mapping[str, Any]) -> str:
    """Return the 95 % interval of a BD row, or ``""``."""
    interval = findings.interval_of(row)
    if interval is None:
        return ""
    return f"{findings.signed(interval[0])} to {findings.signed(interval[1])}\u00a0%"


def _format(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}" if math.isfinite(value) else DASH


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_text(entry) for entry in value) or DASH
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(entry)}" for key, entry in value.items()) or DASH
    return DASH if value is None or value != value else str(value)


def _duration(seconds: float) -> str:
    if math.isnan(seconds):
        return DASH
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
