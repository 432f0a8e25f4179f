"""`cofeat inspect`: what bitstreams say of themselves; needs no torch."""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

HELP = "show what bitstreams hold: codec, shape, range, model, and where their bytes go"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat inspect` takes."""
    parser.add_argument("streams", nargs="+", metavar="FILE", help="a bitstream, or - for one")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat inspect`."""
    from cofeat.cli.each import for_each
    from cofeat.cli.streams import read_stream

    rows: list[dict[str, Any]] = []
    status = for_each(arguments.streams, lambda name: rows.append(about(name, read_stream(name))))
    if arguments.json:
        print(json.dumps(rows, indent=1, allow_nan=False))
    elif len(arguments.streams) == 1:
        _print_one(rows)
    elif rows:
        _print_many(rows)
    return status


def about(name: str, data: bytes) -> dict[str, Any]:
    """Return the fields of a stream and the figures that follow from them.

    Raises:
        BitstreamError: it is no valid stream, or was damaged.
    """
    from cofeat.feature.bitstream import MAGIC, NO_MODEL, NO_TABLES, unpack
    from cofeat.feature.codecs import codec_name

    stream = unpack(data)
    size = stream.image_size
    return {
        "file": name,
        "version": data[len(MAGIC)],
        "codec": codec_name(stream.codec_id, stream.setting),
        "setting": stream.setting,
        "shape": list(stream.shape),
        "bits": stream.bits,
        "per_channel": stream.range.per_channel,
        "minimum": stream.range.minimum.tolist(),
        "maximum": stream.range.maximum.tolist(),
        "image_height": None if size is None else size[0],
        "image_width": None if size is None else size[1],
        "model_id": None if stream.model_id == NO_MODEL else stream.model_id.hex(),
        "tables_id": None if stream.tables_id == NO_TABLES else stream.tables_id.hex(),
        # With the length of the payload and the checksum behind it.
        "header_bytes": len(data) - len(stream.payload),
        "payload_bytes": len(stream.payload),
        "total_bytes": len(data),
        "bpfe": 8 * len(data) / math.prod(stream.shape),
        "bpp": None if size is None else 8 * len(data) / math.prod(size),
        "checksum": "ok",  # unpack refuses any other
    }


def _shown(row: dict[str, Any]) -> dict[str, str]:
    """Return a row's fields as people read them."""
    import numpy as np

    low, high = np.min(row["minimum"]), np.max(row["maximum"])
    ranges = f" ({len(row['minimum'])} ranges)" if row["per_channel"] else ""
    told = row["image_height"] is not None
    return {
        "file": row["file"],
        "version": str(row["version"]),
        "codec": row["codec"],
        "shape": "x".join(map(str, row["shape"])),
        "bits": str(row["bits"]),
        "range": f"{low:.4g} .. {high:.4g}{ranges}",
        "picture": f"{row['image_width']}x{row['image_height']}" if told else "-",
        "model": row["model_id"] or "-",
        "tables": row["tables_id"] or "-",
        "header": str(row["header_bytes"]),
        "payload": str(row["payload_bytes"]),
        "total": str(row["total_bytes"]),
        "bits/element": f"{row['bpfe']:.3f}",
        "bits/pixel": f"{row['bpp']:.3f}" if told else "-",
        "checksum": row["checksum"],
    }


def _print_one(rows: list[dict[str, Any]]) -> None:
    """Print the one stream, a field a line."""
    for row in rows:
        shown = _shown(row)
        for part in ("header", "payload", "total"):
            shown[part] += " bytes"
        width = max(map(len, shown))
        for key, value in shown.items():
            print(f"{key.ljust(width)}  {value}")


def _print_many(rows: list[dict[str, Any]]) -> None:
    """Print streams, one a row."""
    from cofeat.cli.tables import table

    shown = [_shown(row) for row in rows]
    print(table(list(shown[0]), [list(row.values()) for row in shown], left=1))
