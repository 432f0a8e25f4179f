"""A plot as a file, in the format that the ending of its name says."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from cofeat.errors import InvalidInputError
from cofeat.files import replacing

FORMATS = (".svg", ".png", ".pdf")
_DPI = 120


def check_plot_path(path: Path) -> None:
    """Refuse a path whose ending names no format, or whose folder is not there.

    Raises:
        InvalidInputError: it is such.
    """
    if not path.parent.is_dir():
        raise InvalidInputError(f"there is no folder '{path.parent}' for the plot: make it first")
    if path.suffix.lower() not in FORMATS:
        raise InvalidInputError(f"'{path}' is no plot: end its name with {', '.join(FORMATS)}")


def save_plot(figure: Any, path: Path) -> None:
    """Write a figure of matplotlib, whole or not at all.

    Args:
        figure: matplotlib's.
        path: ends with one of ``FORMATS``.
    """
    file = io.BytesIO()
    figure.savefig(file, format=path.suffix[1:].lower(), dpi=_DPI)
    with replacing(path) as temporary:
        temporary.write_bytes(file.getvalue())
