"""How features are coded, as the commands that code them are told."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cofeat.feature.budget import Budget


def add_coding(parser: argparse.ArgumentParser) -> None:
    """Add how features are coded: a codec's setting, or a budget."""
    parser.add_argument(
        "-c",
        "--codec",
        help="codec:setting, such as png or jpeg:90; with a budget what may be used, best first, "
        "such as png,jpeg (a lossy codec without a setting: all of its settings)",
    )
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--bytes", type=int, metavar="N", help="at most so many bytes each")
    budget.add_argument("--bpfe", type=float, metavar="X", help="at most so many bits an element")
    budget.add_argument("--ms", type=float, metavar="T", help="at most so long on the --link")
    parser.add_argument(
        "--link", metavar="RATE", help="such as 10Mbit; its transmission time alone is counted"
    )


def budget_of(arguments: argparse.Namespace) -> Budget:
    """Return the budget that was given, if any.

    Raises:
        InvalidInputError: it is none.
    """
    from cofeat.feature.budget import Budget

    return Budget(arguments.bytes, arguments.bpfe, arguments.ms, arguments.link)
