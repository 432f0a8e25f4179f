"""The picture of a bench of codecs: bits against time, and bits against error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from cofeat.errors import MissingPackageError
from cofeat.evaluation.codec_bench import Bench, CodecResult
from cofeat.plot_file import check_plot_path, save_plot

# Okabe and Ito's colors, which the color-blind tell apart; shapes go on where they end.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_WIDTH_IN, _HEIGHT_IN = 11.0, 4.2


def save_codec_plot(benches: Sequence[tuple[str, Bench]], path: Path) -> None:
    """Draw benches, one below the other, and write them in the format that the ending names.

    Args:
        benches: (title, bench).
        path: ends with one of ``plot_file.FORMATS``.

    Raises:
        InvalidInputError: another ending.
        MissingPackageError: matplotlib is not installed.
    """
    check_plot_path(path)
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("matplotlib", "train", "the plot of codecs") from error
    figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN * len(benches)), layout="constrained")
    grid = figure.subplots(len(benches), 2, squeeze=False)
    looks = _looks([result for _, bench in benches for result in bench.results])
    for (title, bench), (times, errors) in zip(benches, grid, strict=True):
        _draw_times(times, bench, looks)
        _draw_errors(errors, bench, looks)
        times.set_title(title, loc="left", fontsize=10, parse_math=False)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False)
    save_plot(figure, path)


def _looks(results: Sequence[CodecResult]) -> dict[str, dict[str, Any]]:
    """Return color and marker of each codec's name: filled where lossless, hollow where lossy."""
    styles = zip(cycle(_COLORS), cycle(_MARKERS), strict=False)
    looks: dict[str, dict[str, Any]] = {}
    for result in results:
        name = _family(result)
        if name not in looks:
            color, marker = next(styles)
            fill = color if result.lossless else "none"
            looks[name] = {"color": color, "marker": marker, "markerfacecolor": fill}
    return looks


def _draw_times(axes: Any, bench: Bench, looks: dict[str, dict[str, Any]]) -> None:
    """Draw bits against the time of encoding and decoding."""
    from matplotlib.ticker import LogLocator, NullLocator

    for name, look in looks.items():
        points = [result for result in bench.results if _family(result) == name]
        if points:
            bits = [result.bits_per_element for result in points]
            times = [result.encode_ms + result.decode_ms for result in points]
            axes.plot(bits, times, linewidth=1, label=name, **look)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    _finish(axes, "encode + decode, ms, one core  (← better)")


def _draw_errors(axes: Any, bench: Bench, looks: dict[str, dict[str, Any]]) -> None:
    """Draw bits against PSNR; what loses nothing is a line across all of them."""
    for name, look in looks.items():
        points = [result for result in bench.results if _family(result) == name]
        lossy = [result for result in points if result.psnr_db is not None]
        if lossy:
            bits = [result.bits_per_element for result in lossy]
            axes.plot(bits, [result.psnr_db for result in lossy], linewidth=1, **look)
        for result in points:
            if result.psnr_db is None:
                axes.axvline(result.bits_per_element, color=look["color"], linewidth=1, alpha=0.7)
    axes.set_title("a line from bottom to top: nothing is lost", loc="left", fontsize=10)
    _finish(axes, "PSNR of the integers, dB  (better →)")


def _finish(axes: Any, y_label: str) -> None:
    axes.set_xlabel("bits per feature element, all bytes  (← better)")
    axes.set_ylabel(y_label)
    axes.grid(visible=True, color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)


def _family(result: CodecResult) -> str:
    """Return the codec without its setting, with or without tables: what one line joins."""
    return re.sub(r":\d+", "", result.codec)
