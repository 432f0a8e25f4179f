"""`cofeat compress`: pictures to bitstreams, through the device's half of a model."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofeat.cli.models import HELP as MODEL_HELP
from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    from cofeat.cli.models import RunnableModel
    from cofeat.feature.codecs import CodecSpec
    from cofeat.image import UInt8Array

HELP = "turn pictures into bitstreams, at a codec's setting or within a budget of bytes or time"

DEFAULT_CODEC = "png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat compress` takes."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="a picture, or - for one piped")
    parser.add_argument("-m", "--model", required=True, help=MODEL_HELP)
    parser.add_argument(
        "-c",
        "--codec",
        help="codec:setting, such as png or jpeg:90; with a budget what may be used, best first, "
        "such as png,jpeg (a lossy codec without a setting: all of its settings)",
    )
    parser.add_argument("-o", "--out", metavar="FILE", help="bitstream of the one picture, or -")
    parser.add_argument(
        "-O", "--folder", type=Path, metavar="DIR", help="folder of NAME.cft (beside each picture)"
    )
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--bytes", type=int, metavar="N", help="at most so many bytes each")
    budget.add_argument("--bpfe", type=float, metavar="X", help="at most so many bits an element")
    budget.add_argument("--ms", type=float, metavar="T", help="at most so long on the --link")
    parser.add_argument(
        "--link", metavar="RATE", help="such as 10Mbit; its transmission time alone is counted"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat compress`."""
    from cofeat.cli.each import STANDARD, for_each, outputs, read_bytes, write_bytes
    from cofeat.cli.models import open_model
    from cofeat.cli.streams import codec_name
    from cofeat.feature.bitstream import unpack
    from cofeat.image import read_image

    rungs = _rungs(arguments)
    places = outputs(arguments.images, arguments.out, arguments.folder, ".cft")
    to_standard = STANDARD in places.values()
    if to_standard and arguments.json:
        raise InvalidInputError("standard output cannot hold both a bitstream and JSON")
    model = open_model(arguments.model)
    rows: list[dict[str, Any]] = []

    def work(name: str) -> None:
        image = read_image(read_bytes(name) if name == STANDARD else name)
        data = _compress(arguments, model, image, rungs)
        write_bytes(places[name], data)
        stream = unpack(data)
        row = {
            "image": name,
            "bitstream": places[name],
            "codec": codec_name(stream.codec_id, stream.setting),
            "bytes": len(data),
            "bpfe": 8 * len(data) / (stream.shape[0] * stream.shape[1] * stream.shape[2]),
        }
        rows.append(row)
        if not (arguments.json or to_standard):
            print(
                f"{name} -> {row['bitstream']}: {row['bytes']} bytes, "
                f"{row['bpfe']:.3f} bits/element, {row['codec']}"
            )

    status = for_each(arguments.images, work)
    if arguments.json:
        print(json.dumps(rows, indent=1))
    return status


def _rungs(arguments: argparse.Namespace) -> tuple[CodecSpec, ...]:
    """Return the codec that was asked for, or those that may be used within a budget.

    Raises:
        InvalidInputError: the codec or the budget cannot be used.
    """
    from cofeat.feature.codecs import parse_codec
    from cofeat.feature.rate import DEFAULT_LADDER, parse_ladder

    if _max_bytes(arguments, elements=1) is None:
        return (parse_codec(arguments.codec or DEFAULT_CODEC),)
    return parse_ladder(arguments.codec or DEFAULT_LADDER)


def _max_bytes(arguments: argparse.Namespace, elements: int) -> int | None:
    """Return the budget of a picture with so many feature elements, None without one.

    Raises:
        InvalidInputError: it is no budget.
    """
    from cofeat.feature.rate import bytes_of_bpfe, bytes_of_time, parse_rate

    if (arguments.ms is None) != (arguments.link is None):
        raise InvalidInputError("--ms and --link go together, such as --ms 20 --link 10Mbit")
    if arguments.ms is not None:
        return bytes_of_time(arguments.ms, parse_rate(arguments.link))
    if arguments.bpfe is not None:
        return bytes_of_bpfe(arguments.bpfe, elements)
    max_bytes: int | None = arguments.bytes
    if max_bytes is not None and max_bytes < 1:
        raise InvalidInputError(f"--bytes {max_bytes}: give at least 1")
    return max_bytes


def _compress(
    arguments: argparse.Namespace,
    model: RunnableModel,
    image: UInt8Array,
    rungs: tuple[CodecSpec, ...],
) -> bytes:
    """Turn one picture into a bitstream."""
    from cofeat.feature.pipeline import compress
    from cofeat.feature.rate import compress_to

    features, size = model.encode(image), (image.shape[0], image.shape[1])
    max_bytes = _max_bytes(arguments, features.size)
    for_model = (model.bits, model.per_channel, size, model.model_id)
    if max_bytes is None:
        return compress(features, rungs[0], *for_model, tables=model.fitted)
    return compress_to(features, max_bytes, rungs, *for_model, tables=model.fitted)
