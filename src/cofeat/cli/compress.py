"""`cofeat compress`: pictures to bitstreams, through the device's half of a model."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cofeat.cli.coding import add_coding, budget_of
from cofeat.cli.models import HELP as MODEL_HELP
from cofeat.errors import InvalidInputError

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


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat compress`."""
    from cofeat.cli.each import STANDARD, for_each, outputs, read_bytes, write_bytes
    from cofeat.cli.models import open_model
    from cofeat.feature.bitstream import unpack
    from cofeat.feature.budget import Coding
    from cofeat.feature.codecs import codec_name
    from cofeat.image import read_image

    Coding(arguments.codec, budget_of(arguments))  # what is wrong is told before work is done
    places = outputs(arguments.images, arguments.out, arguments.folder, ".cft")
    to_standard = STANDARD in places.values()
    if to_standard and arguments.json:
        raise InvalidInputError("standard output cannot hold both a bitstream and JSON")
    model = open_model(arguments.model)
    coding = Coding(arguments.codec, budget_of(arguments), model.codec)
    coding.check(model.bits)
    rows: list[dict[str, Any]] = []

    def work(name: str) -> None:
        image = read_image(read_bytes(name) if name == STANDARD else name)
        size = (image.shape[0], image.shape[1])
        features = model.encode(image)
        given = (model.bits, model.per_channel, size, model.model_id, model.fitted, model.step)
        data = coding.compress(features, *given)
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
