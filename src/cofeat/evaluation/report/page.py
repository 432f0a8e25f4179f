"""The report of a run: one self-contained HTML page.

::

    RUN/ ──► run_folder ──► findings  words, bytes at equal accuracy ──┐
                       ├──► plots     curves as SVG                    ├──► template ──► HTML
                       └──► embed     pictures as data URLs            ┘
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cofeat.errors import InvalidInputError, MissingPackageError
from cofeat.evaluation.points import Curve
from cofeat.evaluation.report import findings, tables
from cofeat.evaluation.report.embed import embed_pictures
from cofeat.evaluation.report.plots import Line, Reference, legend_key, rate_plot, style_of
from cofeat.evaluation.report.run_folder import Run, read_run
from cofeat.evaluation.report.training_curves import training_groups
from cofeat.files import write_text


def build_report(run: Path, out: Path) -> None:
    """Write the report of a run.

    Args:
        run: folder made by ``cofeat reproduce``.
        out: HTML file to write; its folder must exist.

    Raises:
        InvalidInputError: there are no results, a file of them is damaged, or ``out``
            cannot be written.
        MissingPackageError: jinja2 or matplotlib is not installed.
    """
    page = render_report(read_run(run))
    try:
        write_text(out, page)
    except OSError as error:
        raise InvalidInputError(
            f"the report cannot be written to '{out}' ({error.strerror}): "
            "give a file in a folder that exists, with -o"
        ) from error


def render_report(run: Run) -> str:
    """Return the page as HTML; the same run gives the same page to the byte."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise MissingPackageError("jinja2", "train", "writing the report") from error
    environment = Environment(
        loader=PackageLoader("cofeat.evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Our own SVG, in which matplotlib has escaped every name.
    environment.filters["svg"] = Markup
    measures = tables.measures_of(run.curves)
    names = _senders(run.curves)
    split_grids = tables.objects(run.split, "grids")
    # Embedded together, so that all of them stay within one budget.
    grids, picture_note = _grids(run, [*run.grids, *split_grids])
    return environment.get_template("report.html.j2").render(
        picture_legend=_legend(names, names, "all"),
        feature_legend=_legend(
            names, [curve.name for curve in findings.arm_curves(run.curves)], "arms"
        ),
        images=_image_count(run.curves),
        cards=_cards(run, measures),
        verdict=_verdict(run.curves, measures),
        answer=_answer(run, measures),
        is_stand_in=run.provenance.get("stand_in") is True,
        seed=run.provenance.get("seed"),
        picture_plots=_picture_plots(run.curves, measures),
        needs=tables.needs_table(run.curves, measures),
        has_pictures=bool(findings.picture_curves(run.curves)),
        feature_plots=_feature_plots(run.curves, measures),
        bd_tables=[tables.bd_table(table) for table in run.bd_tables],
        points=tables.points_table(run.curves, measures),
        measures=measures,
        grids=grids[: len(run.grids)],
        split=tables.split_table(run.split),
        split_grids=grids[len(run.grids) :],
        picture_note=picture_note,
        training=training_groups(run.logs),
        arms=[
            (arm, legend_key(style_of(arm, list(run.logs)), f"arm{k}"))
            for k, arm in enumerate(run.logs)
        ],
        recipe=run.recipe,
        facts=tables.facts(run.provenance),
        dash=tables.DASH,
    )


def _image_count(curves: Mapping[str, Curve]) -> int:
    return max((len(c.per_image.names) for c in curves.values() if c.per_image), default=0)


def _bd_rows(run: Run) -> dict[str, Mapping[str, Any]]:
    """Return proposed against baseline in the table of most codecs, by measure."""
    for table in sorted(run.bd_tables, key=lambda table: -len(table.get("codecs", ()))):
        rows: dict[str, Mapping[str, Any]] = {
            str(row.get("measure")): row
            for row in tables.objects(table, "rows")
            if (row.get("anchor"), row.get("test")) == ("baseline", "proposed")
        }
        if rows:
            return rows
    return {}


def _senders(curves: Mapping[str, Curve]) -> list[str]:
    """Return the names of the curves that send something."""
    return [name for name in curves if name != findings.UNCODED]


def _cards(run: Run, measures: Sequence[tables.Measure]) -> list[dict[str, Any]]:
    """Return one card a task: the BD-rate, and the features against the picture."""
    rows = _bd_rows(run)
    cards = []
    for measure in measures:
        card: dict[str, Any] = {"title": measure.task.capitalize(), "measure": measure.label}
        row = rows.get(measure.name)
        if row is not None:
            percent = findings.number(row.get("bd_rate_percent"))
            card["bd"] = tables.percent_text(percent)
            card["interval"] = tables.interval_text(row)
            card["is_weak"] = tables.is_weak(row)
        comparison = findings.compare_with_picture(run.curves, measure.name)
        if comparison is not None:
            card["comparison"] = comparison
            card["factor"] = findings.factor(comparison)
            card["format"] = findings.picture_format(comparison.picture.curve)
        cards.append(card)
    return cards


def _verdict(curves: Mapping[str, Curve], measures: Sequence[tables.Measure]) -> str:
    """Answer the first question of a user in one sentence, or return ``""``."""
    found = [findings.compare_with_picture(curves, measure.name) for measure in measures]
    return findings.describe_verdict([comparison for comparison in found if comparison])


def _answer(run: Run, measures: Sequence[tables.Measure]) -> list[str]:
    """Return the answer's paragraphs: against the baseline, and against the picture."""
    rows = _bd_rows(run)
    clauses = [findings.describe_bd(rows[m.name]) for m in measures if m.name in rows]
    sentences = []
    if clauses:
        start = "Against the baseline's features, the proposed ones need "
        sentences.append(start + "; ".join(clauses) + ".")
    weak = [m.short for m in measures if m.name in rows and tables.is_weak(rows[m.name])]
    if weak:
        sentences.append(
            f"The two arms' curves overlap weakly in {', '.join(weak)}: "
            "do not rest much on those figures."
        )
    against_picture = [
        findings.describe_comparison(comparison)
        for measure in measures
        if (comparison := findings.compare_with_picture(run.curves, measure.name))
    ]
    return [" ".join(part) for part in (sentences, against_picture) if part]


def _legend(names: Sequence[str], shown: Sequence[str], prefix: str) -> list[tuple[str, str]]:
    """Return label and sample of each curve that is shown, styled by its place in ``names``."""
    return [
        (findings.curve_label(name), legend_key(style_of(name, names), f"{prefix}{k}"))
        for k, name in enumerate(shown)
    ]


def _line(curve: Curve, rate: str, measure: str, names: Sequence[str], star: bool) -> Line:
    x, y = tables.column(curve, rate), tables.column(curve, measure)
    label = findings.picture_format(curve.name) if findings.is_picture(curve.name) else curve.name
    lossless = [codec.split(":")[0] == "png" for codec in curve.codecs] if star else ()
    # A logarithmic axis has no place for zero.
    kept = [i for i in findings.efficient_points(x, y) if x[i] > 0]
    return Line(label, style_of(curve.name, names), x, y, kept, lossless)


def _picture_plots(
    curves: Mapping[str, Curve], measures: Sequence[tables.Measure]
) -> list[tuple[tables.Measure, str]]:
    """Return bits a pixel against each measure, features and pictures."""
    names = _senders(curves)
    plots = []
    for k, measure in enumerate(measures):
        lines = [_line(curves[name], "bpp", measure.name, names, star=False) for name in names]
        lines = [line for line in lines if line.kept]
        uncoded = findings.uncoded_measure(curves, measure.name)
        reference = None if math.isnan(uncoded) else Reference("uncoded network", uncoded)
        if lines:
            svg = rate_plot(lines, reference, "bits per input pixel", measure.label, f"bpp{k}")
            plots.append((measure, svg))
    return plots


def _feature_plots(
    curves: Mapping[str, Curve], measures: Sequence[tables.Measure]
) -> list[tuple[tables.Measure, str]]:
    """Return bits a feature element against each measure, features only."""
    names = _senders(curves)
    plots = []
    for k, measure in enumerate(measures):
        lines = [
            _line(curve, "bpfe", measure.name, names, star=True)
            for curve in findings.arm_curves(curves)
        ]
        lines = [line for line in lines if line.kept]
        if lines:
            svg = rate_plot(lines, None, "bits per feature element", measure.label, f"bpfe{k}")
            plots.append((measure, svg))
    return plots


def _grids(run: Run, described: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """Return picture grids with their pictures embedded, and a note about recoding."""
    cells = [
        cell
        for grid in described
        for row in tables.objects(grid, "rows")
        for cell in row.get("cells", ())
        if cell
    ]
    pictures, note = embed_pictures(run.pictures, [str(cell.get("file")) for cell in cells])
    grids = []
    for grid in described:
        columns = [str(column) for column in grid.get("columns", ())]
        rows = []
        for row in tables.objects(grid, "rows"):
            figures = [
                {
                    "column": columns[k] if k < len(columns) else "",
                    "caption": str(cell.get("caption") or ""),
                    "picture": pictures.get(str(cell.get("file"))),
                    "file": str(cell.get("file")),
                }
                if cell
                else None
                for k, cell in enumerate(row.get("cells", ()))
            ]
            rows.append({"label": str(row.get("label", "")), "cells": figures})
        texts = {key: str(grid.get(key) or "") for key in ("title", "note")}
        grids.append({**texts, "columns": columns, "rows": rows})
    return grids, note
