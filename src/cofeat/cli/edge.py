"""`cofeat edge`: pictures and videos through this machine's half, a server, and back."""

from __future__ import annotations

import argparse
import glob
import io
import json
import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cofeat.cli.coding import add_coding, budget_of
from cofeat.cli.numbers import finite
from cofeat.cli.planning import add_wish
from cofeat.errors import InvalidInputError, MissingPackageError

if TYPE_CHECKING:
    from cofeat.edge import Edge, Result
    from cofeat.edge.frame import Frame

HELP = "run pictures and videos here and in the cloud: encode, compress, send, receive, show"

# Holds the token where no file is named.
VARIABLE = "COFEAT_TOKEN"
LOST = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat edge` takes."""
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="a picture, a folder of them, a video, or -"
    )
    parser.add_argument("--bundle", required=True, help="its folder, FOLDER:NAME of several models")
    parser.add_argument("--server", required=True, metavar="URL", help="such as http://host:8000")
    parser.add_argument(
        "--mode",
        default="auto",
        choices=("auto", "split", "cloud", "mobile"),
        help="send features (split), the picture (cloud), or nothing (mobile); auto: as "
        "the planner says where there are profiles, else split; mobile while the server is gone "
        "(auto)",
    )
    parser.add_argument("--tasks", help="separated by commas (all)")
    add_coding(parser)
    parser.add_argument(
        "--picture", default="jpeg", metavar="FORMAT", help="of mode cloud, such as webp:75 (jpeg)"
    )
    parser.add_argument(
        "--answers",
        default="png",
        choices=("raw", "png", "jpeg"),
        help="tensors, PNGs, or PNGs and a JPEG of the reconstruction (png)",
    )
    parser.add_argument("--precision", choices=("fp32", "int8"), help="of the encoder (int8)")
    parser.add_argument("--threads", type=int, help="of one run of the network (all cores)")
    link = parser.add_argument_group("the link")
    link.add_argument(
        "--deadline", type=finite, default=2.0, metavar="S", help="seconds for an answer (2)"
    )
    link.add_argument("--tries", type=int, default=4, help="within the deadline (4)")
    link.add_argument(
        "--fallback",
        choices=("mobile", "queue", "none"),
        help="without an answer (mobile if the bundle has it, else queue if there is one)",
    )
    link.add_argument("--queue", type=Path, metavar="DIR", help="where frames wait for the link")
    link.add_argument("--queue-mb", type=finite, default=256.0, help="of the queue at most (256)")
    link.add_argument(
        "--when-full",
        default="refuse",
        choices=("refuse", "drop-oldest"),
        help="of a frame for a full queue (refuse)",
    )
    link.add_argument("--token-file", type=Path, help=f"its first line; or the variable {VARIABLE}")
    link.add_argument("--ca", type=Path, metavar="PEM", help="certificates that sign the server's")
    plan = parser.add_argument_group("the plan of mode auto, from frame to frame")
    plan.add_argument("--device-profile", type=Path, metavar="JSON", help="of cofeat profile here")
    plan.add_argument("--cloud-profile", type=Path, metavar="JSON", help="of the server's machine")
    plan.add_argument(
        "--self-profile", action="store_true", help="measure what is not given here, quickly"
    )
    add_wish(parser)
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="a line of JSON for each frame")
    shown.add_argument("--table", action="store_true", help="bytes and milliseconds per stage")
    parser.add_argument("-o", "--out", type=Path, metavar="DIR", help="folder of the pictures")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat edge`; 1 where frames are lost."""
    from cofeat.cli.tables import table

    try:
        from cofeat.edge.summary import HEADER, stage_rows
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "cofeat"):
            raise
        raise MissingPackageError(package, "edge", "an edge device") from None

    lost, kept = 0, []
    with _open(arguments) as edge:
        for result in edge.stream(_frames(arguments.sources, arguments.out is not None)):
            if arguments.out is not None:
                _write(arguments.out, result)
            if arguments.table:
                kept.append(_without_arrays(result))
            else:
                print(json.dumps(result.summary()) if arguments.json else _line(result), flush=True)
            if result.mode == "lost":
                print(f"cofeat: '{result.name}' is lost: {result.reason}", file=sys.stderr)
                lost = LOST
        if edge.waiting:
            print(
                f"cofeat: {edge.waiting} frames wait in '{arguments.queue}' and are sent when "
                "the server answers again",
                file=sys.stderr,
            )
    if kept:
        print(table(HEADER, stage_rows(kept), left=1))
        _say_why(kept)
    return lost


def _open(arguments: argparse.Namespace) -> Edge:
    """Return the edge that the options describe."""
    from cofeat.cli.following import following, plans_live
    from cofeat.edge import Device, Edge, Outbox, Patience

    live = plans_live(arguments)
    device = Device(
        arguments.bundle,
        codec=arguments.codec,
        budget=budget_of(arguments),
        picture=arguments.picture,
        tasks=tuple(arguments.tasks.split(",")) if arguments.tasks else None,
        answers=arguments.answers,
        precision=arguments.precision,
        threads=arguments.threads,
    )
    queue = None
    if arguments.queue is not None:
        queue = Outbox(arguments.queue, int(arguments.queue_mb * 1e6), arguments.when_full)
    return Edge(
        device,
        arguments.server,
        arguments.mode,
        patience=Patience(arguments.deadline, arguments.tries),
        fallback=arguments.fallback,
        queue=queue,
        token=_token(arguments.token_file),
        ca=arguments.ca,
        **({"choose": following(arguments, device)} if live else {}),
    )


def _token(file: Path | None) -> str | None:
    """Return the token, which is never printed.

    Raises:
        InvalidInputError: there is none in the file.
    """
    if file is None:
        return os.environ.get(VARIABLE) or None
    lines = file.read_text(encoding="utf-8", errors="replace").split()
    if not lines:
        raise InvalidInputError(f"there is no token in '{file}': write one")
    return lines[0]


def _frames(sources: list[str], distinct: bool) -> Iterator[Frame]:
    """Find the frames of all sources; one that cannot be read is a frame that cannot.

    Args:
        sources: as the command line has them.
        distinct: whether no two frames may have one name, since files are called by it.

    Raises:
        InvalidInputError: two have, or a source is not there; as far as that can be known, before
            the first frame.
    """
    from cofeat.edge.frames import names_of

    known = [name for source in sources for name in names_of(source)]
    if distinct and len(set(known)) < len(known):
        raise _same_name(next(name for name in known if known.count(name) > 1))
    names: set[str] = set()
    for source in sources:
        for frame in _as_far_as_read(source):
            if distinct and frame.name in names:  # of a video
                raise _same_name(frame.name)
            names.add(frame.name)
            yield frame


def _same_name(name: str) -> InvalidInputError:
    return InvalidInputError(
        f"two frames are called '{name}' and would be written to the same files: give their "
        "sources one at a time"
    )


def _as_far_as_read(source: str) -> Iterator[Frame]:
    """Find the frames of a source; the last one tells why there are no more, where it cannot."""
    from cofeat.edge.frame import Frame
    from cofeat.edge.frames import frames

    try:
        yield from frames(source)
    except InvalidInputError as error:
        reason = error

        def refuse() -> NoReturn:
            raise reason

        yield Frame(Path(source).name, refuse)


def _line(result: Result) -> str:
    """Return what became of a frame, for people."""
    how = f"{result.mode}{', late' if result.late else ''}"
    made = result.codec and result.mode != "mobile"  # where what was made is of use
    sent = f", {result.payload_bytes} bytes of {result.codec}" if made else ""
    why = f" ({result.reason})" if result.reason else ""
    return f"{result.name}: {how}{sent}, {result.total_ms:.0f} ms{why}"


def _say_why(results: list[Result]) -> None:
    """Tell beside a table, which cannot, why frames were made otherwise than they were to be."""
    others = [result for result in results if result.reason and result.mode != "lost"]
    if others:
        print(
            f"cofeat: {len(others)} of {len(results)} frames were made otherwise than they were "
            f"to be, the first since {others[0].reason}",
            file=sys.stderr,
        )


def _write(folder: Path, result: Result) -> None:
    """Write each output as a picture, ``NAME_TASK.png``; ``NAME_late_TASK.png`` from the queue.

    A frame that waited may have the name of one of now, or of another that waited.
    """
    from PIL import Image

    from cofeat.cli.each import write_bytes
    from cofeat.edge.overlay import overlays

    folder.mkdir(parents=True, exist_ok=True)
    name = _free_name(folder, f"{result.name}_late") if result.late else result.name
    for task, picture in overlays(result).items():
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        write_bytes(str(folder / f"{name}_{task}.png"), file.getvalue())


def _free_name(folder: Path, name: str) -> str:
    """Return the name, with a number where pictures have it already."""
    names = (name if number == 1 else f"{name}{number}" for number in count(1))
    return next(free for free in names if not any(folder.glob(f"{glob.escape(free)}_*.png")))


def _without_arrays(result: Result) -> Result:
    """Return a result for the table, so that a long video takes no memory."""
    from dataclasses import replace

    return replace(result, outputs={}, image=None)
