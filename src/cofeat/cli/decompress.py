"""`cofeat decompress`: bitstreams to the integers and features in them; needs no torch."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofeat.cli.models import HELP as MODEL_HELP
from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    from cofeat.feature.pipeline import Decompressed

HELP = "turn bitstreams into the features that they hold, as .npz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat decompress` takes."""
    parser.add_argument("streams", nargs="+", metavar="FILE", help="a bitstream, or - for one")
    parser.add_argument("-o", "--out", metavar="FILE", help=".npz of the one bitstream, or -")
    parser.add_argument(
        "-O", "--folder", type=Path, metavar="DIR", help="folder of NAME.npz (beside each)"
    )
    parser.add_argument(
        "-m", "--model", help=f"whose tables a bitstream of codec cofeat may need: {MODEL_HELP}"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat decompress`."""
    from cofeat.cli.each import STANDARD, for_each, outputs, write_bytes
    from cofeat.cli.models import open_model
    from cofeat.cli.streams import read_stream
    from cofeat.feature.pipeline import decompress

    places = outputs(arguments.streams, arguments.out, arguments.folder, ".npz")
    to_standard = STANDARD in places.values()
    if to_standard and arguments.json:
        raise InvalidInputError("standard output cannot hold both features and JSON")
    tables = open_model(arguments.model).fitted if arguments.model else None
    rows: list[dict[str, Any]] = []

    def work(name: str) -> None:
        result = decompress(read_stream(name), tables=tables)
        write_bytes(places[name], npz(result))
        shape, bits = result.stream.shape, result.stream.bits
        rows.append({"bitstream": name, "features": places[name], "shape": shape, "bits": bits})
        if not (arguments.json or to_standard):
            sizes = " x ".join(map(str, shape))
            print(f"{name} -> {places[name]}: {sizes} features of {bits} bits")

    status = for_each(arguments.streams, work)
    if arguments.json:
        print(json.dumps(rows, indent=1))
    return status


def npz(result: Decompressed) -> bytes:
    """Return a decompressed stream as the bytes of an .npz file, without pickles.

    ``quantized`` (C, H, W) uint8 or uint16, ``minimum`` and ``maximum`` float32 () or (C,),
    ``bits``, ``features`` float32 (C, H, W), ``image_size`` (height, width), (0, 0) where it is
    not told, and ``model_id`` in hexadecimal.
    """
    import numpy as np

    file = io.BytesIO()
    np.savez(
        file,
        quantized=result.quantized.values,
        minimum=result.quantized.range.minimum,
        maximum=result.quantized.range.maximum,
        bits=np.array(result.quantized.bits),
        features=result.features,
        image_size=np.array(result.stream.image_size or (0, 0)),
        model_id=np.array(result.stream.model_id.hex()),
    )
    return file.getvalue()
