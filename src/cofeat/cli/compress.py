"""`cofeat compress`: pictures to bitstreams, through the device's half of a model."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofeat.cli.models import HELP as MODEL_HELP
from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    from cofeat.feature.budget import Budget

HELP = "turn pictures into bitstreams, at a codec's setting or within a budget of bytes or time"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat compress` takes."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="a picture, or - for one piped")
    parser.add_argument("-m", "--model", required=True, help=MODEL_HELP)
    parser.add_argument("-o", "--out", metavar="FILE", help="bitstream of the one picture, or -")
    parser.add_argument(
        "-O", "--folder", type=Path, metavar="DIR", help="folder of NAME.cft (beside each picture)"
    )
    add_coding(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


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


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat compress`."""
    from cofeat.cli.each import STANDARD, for_each, outputs, read_bytes, write_bytes
    from cofeat.cli.models import open_model
    from cofeat.feature.bitstream import unpack
    from cofeat.feature.budget import Coding
    from cofeat.feature.codecs import codec_name
    from cofeat.image import read_image

    coding = Coding(arguments.codec, budget_of(arguments))
    places = outputs(arguments.images, arguments.out, arguments.folder, ".cft")
    to_standard = STANDARD in places.values()
    if to_standard and arguments.json:
        raise InvalidInputError("standard output cannot hold both a bitstream and JSON")
    model = open_model(arguments.model)
    rows: list[dict[str, Any]] = []

    def work(name: str) -> None:
        image = read_image(read_bytes(name) if name == STANDARD else name)
        size = (image.shape[0], image.shape[1])
        features = model.encode(image)
        data = coding.compress(features, model.bits, model.per_channel, size, model.model_id)
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
