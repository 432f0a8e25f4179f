"""`cofeat profile`: what this machine takes for every stage of a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    from cofeat.planner.profile import Profile

HELP = "measure what every stage of a bundle takes on this machine, for cofeat plan"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat profile` takes."""
    parser.add_argument("bundle", help="its folder, FOLDER:NAME for one of its models")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="JSON", help="where to")
    parser.add_argument(
        "--size", help="WxH of the pictures (that on which the bundle was measured)"
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="PATH",
        help="a picture or a folder of them (street scenes)",
    )
    parser.add_argument(
        "--codecs", help="of the features (those that the bundle has measured, and some more)"
    )
    parser.add_argument("--formats", help="of the picture (alike)")
    parser.add_argument("--batches", default="1,2,4,8", help="pictures at once (1,2,4,8)")
    parser.add_argument("--rounds", type=int, default=15, help="in which each is done once (15)")
    parser.add_argument("--threads", type=int, help="of one run of a network (all cores)")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat profile`.

    Raises:
        InvalidInputError: there is no place for the file, or an option cannot be.
    """
    from cofeat.cli.planning import open_models, profile_here
    from cofeat.planner.profile import save_profile

    folder = arguments.out.parent
    if not folder.is_dir():
        raise InvalidInputError(f"there is no folder '{folder}' for the profile: make it first")
    if arguments.out.is_dir():
        raise InvalidInputError(f"'{arguments.out}' is a folder: name the file of the profile")
    profile = profile_here(
        open_models(arguments.bundle),
        size=arguments.size,
        pictures=_files(arguments.pictures),
        codecs=_words(arguments.codecs),
        formats=_words(arguments.formats),
        batches=_numbers(arguments.batches),
        rounds=arguments.rounds,
        threads=arguments.threads,
    )
    save_profile(profile, arguments.out)
    _print(profile)
    print(f"written to {arguments.out}")
    return 0


def _files(path: Path | None) -> list[Path]:
    """Return the files of pictures.

    Raises:
        InvalidInputError: there are none.
    """
    if path is None:
        return []
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    if not files:
        raise InvalidInputError(f"folder '{path}' holds no picture: give one that does")
    return files


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _numbers(text: str) -> tuple[int, ...]:
    """Return numbers that stand between commas.

    Raises:
        InvalidInputError: they are none.
    """
    try:
        return tuple(int(word) for word in _words(text))
    except ValueError:
        raise InvalidInputError(f"--batches '{text}': give numbers, such as 1,2,4,8") from None


def _print(profile: Profile) -> None:
    """Print stages and graphs of every model."""
    from cofeat.cli.tables import table

    print(
        f"{profile.machine}, {profile.cores} cores; {profile.pictures} pictures of {profile.size}"
    )
    for model in profile.models:
        rows = [
            [
                t.stage,
                t.how,
                str(t.batch),
                f"{t.median_ms:.2f}",
                f"{t.p95_ms:.2f}",
                f"{t.spread_ms:.2f}",
                f"{t.bytes:.0f}" if t.bytes else "-",
            ]
            for t in model.stages
        ]
        print(f"\n{model.name} ({model.model_id})")
        print(table(["stage", "how", "batch", "ms", "p95", "spread", "bytes"], rows))
        graphs = [
            [
                part,
                f"{cost.flops / 1e9:.3f}",
                f"{cost.parameters / 1e6:.3f}",
                f"{cost.parameter_bytes / 1e6:.2f}",
                f"{cost.activation_bytes / 1e6:.2f}",
            ]
            for part, cost in model.graphs.items()
        ]
        print(table(["graph", "GFLOP", "M parameters", "MB", "MB of values"], graphs, left=1))
