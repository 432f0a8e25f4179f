"""Curves as SVG that takes its colors from the page around it, light or dark.

matplotlib draws with one hex color for each role; afterwards each is replaced
by a CSS variable (``var(--curve-proposed)``), and the text keeps the font of
the page. No pyplot: nothing global is touched.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cofeat.errors import MissingPackageError
from cofeat.evaluation.report.plot_labels import Label, along, place_labels

# 72 SVG units are an inch, so a plot of 5 in is 360 units wide: the text keeps
# its size on a phone of 360 px.
WIDTH_IN, HEIGHT_IN = 5.0, 3.9
SMALL_WIDTH_IN, SMALL_HEIGHT_IN = 3.4, 2.3
FONT_SIZE, SMALL_FONT_SIZE = 11, 10
_INK, _MUTED, _GRID = "#010101", "#020202", "#030303"
_ROLES = {_INK: "var(--ink)", _MUTED: "var(--muted)", _GRID: "var(--grid)"}


@dataclass(frozen=True)
class Style:
    """How one curve looks everywhere on the page."""

    variable: str
    """CSS variable of its color."""
    marker: str
    line: str | tuple[int, tuple[float, ...]]
    is_filled: bool = True
    """Filled markers are features, hollow ones pictures."""


# Colors are those of Okabe and Ito, darkened where white paper needs it (see the style sheet).
_STYLES = {
    "baseline": Style("--curve-baseline", "o", (0, (5, 1.6))),
    "proposed": Style("--curve-proposed", "s", "-"),
    "cloud-jpeg": Style("--curve-jpeg", "^", (0, (1, 1.2)), is_filled=False),
    "cloud-webp": Style("--curve-webp", "D", (0, (5, 1.2, 1, 1.2)), is_filled=False),
    "cloud-avif": Style("--curve-avif", "v", (0, (2.4, 1.2)), is_filled=False),
}
_OTHERS = tuple(
    Style(f"--curve-other-{k}", marker, "-") for k, marker in enumerate(("P", "X", "p", "h"))
)


@dataclass(frozen=True)
class Line:
    """One curve of a plot."""

    label: str
    style: Style
    x: Sequence[float]
    y: Sequence[float]
    kept: Sequence[int]
    """Indices that the line joins, in this order; other points stand alone and faint."""
    is_lossless: Sequence[bool] = ()
    """Points drawn as a star; empty for none."""


@dataclass(frozen=True)
class Reference:
    """A horizontal line across a plot."""

    label: str
    y: float


def style_of(name: str, names: Sequence[str]) -> Style:
    """Return the style of a curve; unknown names take the spare styles in the order of ``names``.

    Args:
        name: one of ``names``.
        names: all curves of the page.
    """
    if name in _STYLES:
        return _STYLES[name]
    others = [other for other in names if other not in _STYLES]
    return _OTHERS[others.index(name) % len(_OTHERS)]


def rate_plot(
    lines: Sequence[Line], reference: Reference | None, x_label: str, y_label: str, key: str
) -> str:
    """Draw rate (log) against a measure, with labels beside the curves.

    Args:
        lines: the curves; points with a NaN are left out.
        reference: a horizontal line, or None.
        x_label: with unit.
        y_label: with unit.
        key: makes the ids inside this SVG unique on the page.

    Returns:
        An ``<svg>`` element.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    colors = _Colors()
    figure, axes = _figure(WIDTH_IN, HEIGHT_IN, FONT_SIZE)
    _set_margins(figure, FONT_SIZE)
    axes.set_xscale("log")
    # The first lie on top: their dashes let the solid ones below be seen.
    for line in reversed(lines):
        _draw_line(axes, line, colors.of(line.style))
    if reference is not None:
        axes.axhline(reference.y, color=_INK, linewidth=1, linestyle=(0, (8, 3)), zorder=1)
    axes.margins(x=0.06, y=0.1)
    _log_ticks(axes)
    axes.set_xlabel(f"{x_label}  (← better)", parse_math=False)
    axes.set_ylabel(f"{y_label}  (better →)", parse_math=False)
    labels = [(line, colors.of(line.style)) for line in lines]
    _label_lines(axes, labels, reference)
    return _svg(figure, colors, key)


def training_plot(lines: Sequence[Line], title: str, x_label: str, key: str) -> str:
    """Draw one logged column of all arms over the steps, small; the legend is the page's.

    Args:
        lines: one an arm; NaN where nothing was measured.
        title: what is drawn, with unit.
        x_label: of the steps or epochs.
        key: makes the ids inside this SVG unique on the page.

    Returns:
        An ``<svg>`` element.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    colors = _Colors()
    figure, axes = _figure(SMALL_WIDTH_IN, SMALL_HEIGHT_IN, SMALL_FONT_SIZE)
    _set_margins(figure, SMALL_FONT_SIZE)
    for line in reversed(lines):  # the dashed first arm on top
        x, y = (
            np.asarray(values, dtype=np.float64)[list(line.kept)] for values in (line.x, line.y)
        )
        # A lone validation would be invisible as a line.
        marker = line.style.marker if len(x) <= 12 else ""
        axes.plot(
            x,
            y,
            color=colors.of(line.style),
            linestyle=line.style.line,
            linewidth=1.5,
            marker=marker,
            markersize=3.5,
        )
    if _spans_decades([y for line in lines for y in (line.y[i] for i in line.kept)]):
        axes.set_yscale("log")
        _log_ticks(axes, "y")
    axes.set_title(title, fontsize=SMALL_FONT_SIZE, color=_INK, loc="left", parse_math=False)
    axes.set_xlabel(x_label, parse_math=False)
    axes.locator_params(axis="x", nbins=5)
    return _svg(figure, colors, key)


def legend_key(style: Style, key: str, marker: str | None = None) -> str:
    """Draw a short sample of a curve for the page's legend.

    Args:
        style: of the curve.
        key: makes the ids inside this SVG unique on the page.
        marker: in place of the style's own.

    Returns:
        An ``<svg>`` element, 36 by 14 units.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    colors = _Colors()
    figure, axes = _figure(0.5, 14 / 72, FONT_SIZE)
    axes.set_position((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, 36)
    axes.set_ylim(0, 14)
    color = colors.of(style)
    axes.plot([1, 35], [7, 7], color=color, linewidth=1.8, linestyle=style.line)
    marker = marker or style.marker
    axes.plot([18], [7], linestyle="", **_marker(style, color, marker, 10 if marker == "*" else 6))
    return _svg(figure, colors, key)


class _Colors:
    """Stand-in hex colors, one for each CSS variable of a figure."""

    def __init__(self) -> None:
        self.roles = dict(_ROLES)
        self.roles["#0a0a0a"] = "var(--paper)"

    def of(self, style: Style) -> str:
        """Return the stand-in of a style's color."""
        value = f"var({style.variable})"
        for color, role in self.roles.items():
            if role == value:
                return color
        color = f"#{0x0B0000 + len(self.roles):06x}"
        self.roles[color] = value
        return color


def _figure(width_in: float, height_in: float, font_size: int) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("matplotlib", "train", "drawing the report's curves") from error
    figure = Figure(figsize=(width_in, height_in))
    axes = figure.subplots()
    axes.grid(visible=True, which="major", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name in {"left", "bottom"})
        spine.set_color(_MUTED)
    axes.tick_params(colors=_MUTED, labelsize=font_size - 1, which="both", length=3)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_color(_INK)
        axis.label.set_fontsize(font_size)
    return figure, axes


def _set_margins(figure: Any, font_size: int) -> None:
    """Leave room for the words around the axes: the same in all, so that neighbors line up."""
    width, height = 72 * figure.get_size_inches()
    figure.subplots_adjust(
        left=5.5 * font_size / width,  # tick labels of six characters and the name
        right=1 - 6 / width,
        bottom=3.4 * font_size / height,
        top=1 - 1.7 * font_size / height,
    )


def _marker(style: Style, color: str, marker: str, size: float) -> dict[str, Any]:
    return {
        "marker": marker,
        "markersize": size,
        "markerfacecolor": color if style.is_filled else "#0a0a0a",
        "markeredgecolor": color,
        "markeredgewidth": 1.3,
        "color": color,
    }


def _draw_line(axes: Any, line: Line, color: str) -> None:
    x, y = np.asarray(line.x, dtype=np.float64), np.asarray(line.y, dtype=np.float64)
    kept = list(line.kept)
    axes.plot(x[kept], y[kept], color=color, linewidth=1.8, linestyle=line.style.line, zorder=2)
    for i in np.flatnonzero(np.isfinite(x) & np.isfinite(y)).tolist():
        is_star = bool(line.is_lossless) and line.is_lossless[i]
        marker, size = ("*", 11.0) if is_star else (line.style.marker, 5.5)
        faint = {} if i in kept else {"alpha": 0.35}
        axes.plot(
            [x[i]],
            [y[i]],
            linestyle="",
            zorder=3,
            **_marker(line.style, color, marker, size),
            **faint,
        )


def _spans_decades(values: Sequence[float]) -> bool:
    known = [value for value in values if math.isfinite(value)]
    return bool(known) and min(known) > 0 and max(known) / min(known) > 30


def _log_ticks(axes: Any, which: str = "x") -> None:
    """Put plain numbers (0.5, 1, 2, 5) on a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    ratio = high / low
    subs = (1, 1.5, 2, 3, 4, 5, 6, 8) if ratio < 6 else (1, 2, 5) if ratio < 300 else (1,)
    axis.set_major_locator(LogLocator(base=10, subs=subs, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _label_lines(axes: Any, lines: Sequence[tuple[Line, str]], reference: Reference | None) -> None:
    """Write the names of the curves and of the reference beside them."""
    polylines = [along(axes, [(line.x[i], line.y[i]) for i in line.kept]) for line, _ in lines]
    obstacles, labels = list(polylines), []
    if reference is not None:
        frame = axes.get_window_extent()
        y = axes.transData.transform((1.0, reference.y))[1]
        level = np.column_stack([np.linspace(frame.x0, frame.x1, 200), np.full(200, y)])
        obstacles.append(level)
        labels.append(Label(reference.label, _INK, level[:150:10]))
    for (line, color), own in zip(lines, polylines, strict=True):
        labels.append(Label(line.label, color, own[:: max(1, len(own) // 24)]))
    place_labels(axes, labels, obstacles, FONT_SIZE - 1)


def _svg(figure: Any, colors: _Colors, key: str) -> str:
    """Return the figure as an ``<svg>`` element that scales with its container."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": key, "svg.fonttype": "none"}):
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    # A style element would reach out of its SVG and over the whole page.
    svg = re.sub(r"<(metadata|style)\b.*?</\1>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r' xmlns(?::\w+)?="[^"]*"', "", svg)
    svg = svg.replace("xlink:href=", "href=")
    svg = _unique_ids(svg, key)
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--font)", svg)
    # The role of an image comes from the figure around it, which also has the words.
    svg = svg.replace("<svg ", '<svg aria-hidden="true" stroke-linejoin="round" ', 1)
    for color, role in colors.roles.items():
        svg = svg.replace(color, role)
    return svg.strip()


def _unique_ids(svg: str, key: str) -> str:
    """Prefix every id that is referred to, and drop the others: they are alike in every figure."""
    used = {a or b for a, b in re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', svg)}
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{key}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r'href="#([^"]*)"', rf'href="#{key}-\1"', svg)
    return re.sub(r"url\(#([^)]*)\)", rf"url(#{key}-\1)", svg)
