"""`cofeat data`: check a data set, or make street scenes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

HELP = "check a data set, or make street scenes as a stand-in for one"

# Exit status of a check that has found problems; 2 is wrong use, as everywhere.
HAS_PROBLEMS = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat data` takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    help_text = "name what is missing, mis-sized, mismatched or unreadable"
    check = actions.add_parser("check", help=help_text, description=help_text)
    check.add_argument("root", metavar="DIR", type=Path, help="folder that holds leftImg8bit")
    check.add_argument("--full", action="store_true", help="read all pixels, not headers alone")
    check.add_argument("--json", action="store_true", help="print JSON")

    help_text = "draw street scenes, in Cityscapes' layout"
    streets = actions.add_parser("streets", help=help_text, description=help_text)
    streets.add_argument("root", metavar="OUT", type=Path, help="folder to write to")
    streets.add_argument(
        "--train", metavar="N", type=int, default=100, help="training scenes (default: 100)"
    )
    streets.add_argument(
        "--val", metavar="M", type=int, default=20, help="validation scenes (default: 20)"
    )
    streets.add_argument(
        "--size", metavar="WxH", default="512x256", help="pixels (default: 512x256)"
    )
    streets.add_argument("--seed", metavar="S", type=int, default=0, help="default: 0")
    streets.add_argument("--workers", metavar="K", type=int, help="processes (default: one a core)")
    streets.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat data` and return the exit status."""
    return _check(arguments) if arguments.action == "check" else _streets(arguments)


def _check(arguments: argparse.Namespace) -> int:
    from cofeat.cli.progress import track
    from cofeat.data.check import check_cityscapes
    from cofeat.data.cityscapes import IMAGES, SPLITS, find_files

    root = arguments.root
    total = sum(len(find_files(root, IMAGES, split)) for split in SPLITS)
    # Headers are read within seconds; only pixels are worth a bar.
    with track(f"Checking {root}", total=total, show=arguments.full and total > 0) as bar:
        report = check_cityscapes(
            root, full=arguments.full, progress=lambda done, _: bar.update(done)
        )
    print(json.dumps(report.to_json(), indent=1) if arguments.json else report.to_text())
    return 0 if report.ok else HAS_PROBLEMS


def _streets(arguments: argparse.Namespace) -> int:
    from cofeat.cli.progress import track
    from cofeat.data.streets.write import write_streets
    from cofeat.errors import InvalidInputError
    from cofeat.image import format_size, parse_size

    size = parse_size(arguments.size)
    total = arguments.train + arguments.val
    if total == 0:
        raise InvalidInputError("there is nothing to make: give --train or --val a number above 0")
    with track("Making street scenes", total=total) as bar:
        write_streets(
            arguments.root,
            arguments.train,
            arguments.val,
            size,
            arguments.seed,
            workers=arguments.workers,
            progress=lambda done, _: bar.update(done),
        )
        bar.update(total)  # also where all were there already
    made = {
        "root": str(arguments.root),
        "train": arguments.train,
        "val": arguments.val,
        "size": format_size(size),
        "seed": arguments.seed,
        "stand_in": True,
    }
    if arguments.json:
        print(json.dumps(made, indent=1))
    else:
        print(
            f"{arguments.train} training and {arguments.val} validation scenes of {made['size']} "
            f"are in {arguments.root} (a stand-in for Cityscapes, in its layout)"
        )
    return 0
