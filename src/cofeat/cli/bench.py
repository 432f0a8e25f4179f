"""`cofeat bench codecs`: every codec on given features."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    from cofeat.evaluation.codec_bench import Bench
    from cofeat.feature.tables import Tables

HELP = "measure codecs on features: bits, time and error"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat bench` takes."""
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    codecs = actions.add_parser("codecs", help=HELP, description=HELP)
    codecs.add_argument(
        "files", nargs="+", type=Path, metavar="FEATURES", help="`cofeat eval --save-features`"
    )
    codecs.add_argument("--codecs", help="such as png,jpeg:90 (all, lossy ones at a few settings)")
    codecs.add_argument(
        "--tables",
        type=Path,
        help="fitted to the model, which `cofeat fit` wrote: cofeat with them",
    )
    codecs.add_argument("--bits", type=int, default=8, help="of the quantizer (8)")
    codecs.add_argument("--per-channel", action="store_true", help="one range a channel")
    codecs.add_argument("--step", type=float, help="a fixed step in place of a range")
    codecs.add_argument("--images", type=int, metavar="N", help="only the first so many of a file")
    codecs.add_argument("--repeat", type=int, default=3, metavar="N", help="rounds (3)")
    codecs.add_argument("--json", action="store_true", help="print JSON")
    codecs.add_argument("-o", "--out", type=Path, metavar="PLOT", help=".svg, .png or .pdf")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat bench`."""
    from cofeat.cli.machine import machine, versions
    from cofeat.evaluation.codec_bench import default_specs
    from cofeat.evaluation.codec_plot import save_codec_plot
    from cofeat.feature.codecs import parse_codec
    from cofeat.feature.tables import read_tables
    from cofeat.plot_file import check_plot_path

    words = [word for word in (arguments.codecs or "").split(",") if word.strip()]
    specs = tuple(parse_codec(word) for word in words) or default_specs()
    for option in ("images", "repeat"):
        number = getattr(arguments, option)
        if number is not None and number < 1:
            raise InvalidInputError(f"--{option} is {number}: give at least 1")
    if arguments.out:
        check_plot_path(arguments.out)
    tables = None
    if arguments.tables:
        tables = read_tables(arguments.tables.read_bytes())
    with _one_core():
        benches = [(str(path), _bench(path, specs, tables, arguments)) for path in arguments.files]
    if arguments.out:
        save_codec_plot(benches, arguments.out)
    if arguments.json:
        files = [{"file": name, **bench.to_json()} for name, bench in benches]
        about = {"machine": machine(), "versions": versions()}
        print(json.dumps({"files": files, **about}, indent=1, allow_nan=False))
    else:
        print("\n\n".join(f"{name}: {_text(bench)}" for name, bench in benches))
        if arguments.out:
            print(f"drawn in {arguments.out}")
    return 0


def _bench(path: Path, specs: tuple, tables: Tables | None, arguments: argparse.Namespace) -> Bench:
    """Measure the codecs on one file, with progress on standard error."""
    from cofeat.cli.progress import track
    from cofeat.evaluation.codec_bench import bench_codecs, load_features
    from cofeat.feature.pipeline import quantize_finite

    tensors = [
        quantize_finite(features, arguments.bits, arguments.per_channel, arguments.step)
        for features in load_features(path)[: arguments.images]
    ]
    planned = arguments.repeat * len(tensors) * len(specs)
    with track(f"Coding {path}", total=planned) as bar:
        return bench_codecs(
            tensors,
            specs,
            arguments.repeat,
            # What is not installed is done at once.
            lambda done, total: bar.update(planned - total + done),
            tables,
        )


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this process to one core, where the system lets it: codecs with threads too."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _text(bench: Bench) -> str:
    """Return a bench as a table, with what was not measured below it."""
    from cofeat.cli.tables import table

    header = ["codec", "lossless", "bits/element", "encode ms", "decode ms", "max error", "PSNR dB"]
    rows = [
        [
            result.codec,
            "yes" if result.lossless else "no",
            f"{result.bits_per_element:.3f}",
            f"{result.encode_ms:.2f}",
            f"{result.decode_ms:.2f}",
            str(result.max_error_steps),
            "-" if result.psnr_db is None else f"{result.psnr_db:.2f}",
        ]
        for result in bench.results
    ]
    lines = [
        f"{bench.tensors} tensors, {bench.elements} elements of {bench.bits} bits; "
        f"medians of {bench.repeat} rounds, one core; errors in quantizer steps",
        table(header, rows),
        *(f"{skipped.codec}: not measured: {skipped.reason}" for skipped in bench.skipped),
    ]
    return "\n".join(lines)
