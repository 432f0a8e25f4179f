"""`cofeat bd`: how many bits one curve saves against another at equal accuracy."""

from __future__ import annotations

import argparse
import json
import math
from typing import TYPE_CHECKING

from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    from cofeat.evaluation.bd import BdResult
    from cofeat.evaluation.points import Curve

HELP = "compare two rate-accuracy curves: BD-rate with intervals and doubts"

# The measures of the three tasks, taken where no --quality is given and both curves have them.
_MEASURES = ("miou", "irmse", "psnr_db")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="points of the anchor and of the test, CSV or JSON; or one file that holds both",
    )
    parser.add_argument("--rate", default="bpfe", help="column of the rate (default: %(default)s)")
    parser.add_argument(
        "--quality",
        metavar="NAMES",
        help=f"columns of the measures, higher is better (default: {','.join(_MEASURES)})",
    )
    parser.add_argument(
        "--method",
        default="cubic",
        help="cubic, pchip or akima (default: %(default)s)",
    )
    parser.add_argument("--by", metavar="COLUMN", help="the CSV's column that names the curves")
    parser.add_argument("--anchor", metavar="NAME", help="name of the anchor's curve")
    parser.add_argument("--test", metavar="NAME", help="name of the test's curve")
    parser.add_argument(
        "--resamples",
        type=int,
        default=1000,
        metavar="N",
        help="of the bootstrap over images, 0 for none (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Compare and print; return the exit status.

    Raises:
        InvalidInputError: the files or the arguments cannot be used.
        MissingPackageError: the package bjontegaard is not installed.
    """
    from cofeat.evaluation.bd import bd_rate

    if args.resamples < 0:
        raise InvalidInputError(f"--resamples {args.resamples}: give 0 or more")
    anchor, test = _curves(args)
    results = [
        bd_rate(anchor, test, args.rate, measure, args.method, args.resamples)
        for measure in _measures(args.quality, anchor, test)
    ]
    if args.json:
        rows = [result.to_json() for result in results]
        print(json.dumps({"method": args.method, "rows": rows}, indent=1, allow_nan=False))
    else:
        print_results(results, args.method)
    return 0


def _curves(args: argparse.Namespace) -> tuple[Curve, Curve]:
    """Find the anchor and the test.

    Raises:
        InvalidInputError: they are not there.
    """
    from cofeat.evaluation.points import load_curves

    if len(args.files) > 2:
        raise InvalidInputError(f"{len(args.files)} files: give two, or one that holds both curves")
    loaded = [load_curves(path, args.by) for path in args.files]
    if len(loaded) == 1 and not (args.anchor and args.test):
        names = ", ".join(loaded[0])
        raise InvalidInputError(
            f"one file: name its two curves with --anchor and --test, and the column that tells "
            f"them apart with --by; '{args.files[0]}' holds {names}"
        )
    return (
        _pick(loaded[0], args.anchor, "--anchor", args.files[0]),
        _pick(loaded[-1], args.test, "--test", args.files[-1]),
    )


def _pick(curves: dict[str, Curve], name: str | None, option: str, path: str) -> Curve:
    """Return the curve of that name, or the only one.

    Raises:
        InvalidInputError: there is none, or there are several to choose from.
    """
    from cofeat.registry import nearest

    if name is None and len(curves) == 1:
        return next(iter(curves.values()))
    if name in curves:
        return curves[name]
    held = ", ".join(curves)
    if name is None:
        raise InvalidInputError(f"'{path}' holds several curves ({held}): choose with {option}")
    raise InvalidInputError(
        f"'{path}' has no curve '{name}': it holds {held}.{nearest(name, curves)}"
    )


def _measures(text: str | None, anchor: Curve, test: Curve) -> list[str]:
    """Return the measures that were asked for, or those that both curves have.

    Raises:
        InvalidInputError: there is none.
    """
    if text is not None:
        names = [name.strip() for name in text.split(",") if name.strip()]
    else:
        names = [name for name in _MEASURES if name in anchor.columns and name in test.columns]
    if not names:
        raise InvalidInputError(
            f"no measure to compare by: name columns with --quality, of {', '.join(anchor.columns)}"
        )
    return names


def print_results(results: list[BdResult], method: str) -> None:
    """Print BD-rates of one pair of curves as a table, and every doubt below it."""
    from cofeat.cli.tables import table

    first = results[0]
    print(f"BD-rate of {first.test} against {first.anchor}, {first.rate}, {method} fit")
    print("negative: fewer bits at equal accuracy\n")
    rows = []
    for result in results:
        none = math.isnan(result.bd_rate_percent)
        interval = result.interval_percent
        rows.append(
            [
                result.measure,
                "none" if none else f"{result.bd_rate_percent:+.2f} %",
                f"{interval[0]:+.2f} .. {interval[1]:+.2f} %" if interval else "-",
                f"{100 * result.overlap:.0f} %",
                f"{result.anchor_points} / {result.test_points}",
            ]
        )
    header = ["measure", "BD-rate", "95 % over images", "overlap", "points"]
    print(table(header, rows, left=1))
    notes = [f"{result.measure}: {note}" for result in results for note in result.notes]
    if notes:
        print("\n" + "\n".join(notes))
