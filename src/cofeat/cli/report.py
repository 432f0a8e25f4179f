"""``cofeat report``: the page of a run, built anew from its results."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "write the HTML report of a run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this subcommand."""
    parser.add_argument(
        "folder", type=Path, metavar="RUN", help="folder of a run, made by 'cofeat reproduce'"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="HTML file (default: RUN/report.html)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the report and say where it is.

    Raises:
        InvalidInputError: the folder cannot be read or the file not written.
        MissingPackageError: jinja2 or matplotlib is not installed.
    """
    from cofeat.evaluation.report.page import build_report

    out: Path = args.output or args.folder / "report.html"
    build_report(args.folder, out)
    print(f"{out} ({out.stat().st_size / 1e6:.1f} MB)")
    return 0
