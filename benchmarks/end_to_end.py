"""How long does a picture take from end to end, by mode and link, and where does the time go?

    python benchmarks/end_to_end.py [--bundle DIR] [--size 512x256] [--tasks segmentation]

`cofeat serve` runs on one core, the device on another, and between them an emulated link
of 0.5, 2, 10 and 100 Mbit/s each way, with 10 ms each way: the kernel's where it can make
one, else a proxy. One picture after another: times are medians over the pictures, which are
read from PNGs in memory. `cloud` is what the server says that decoding and the network took;
`send` all else until the answer begins: the bytes' way there, both delays, the server's own
work on the answer; `receive` the rest: a PNG a task, segmentation and disparity by default.
Bytes are those of the bitstream or of the picture's file; JPEG 85 is what mode cloud sends.

The last table has several frames under way at once: frames a second, against what the
slowest stage alone would allow, and against one frame at a time.

Without ``--bundle`` the encoder is EfficientNet-Lite0 with weights of ImageNet and the
heads are untrained: they take as long as trained ones, and their outputs mean nothing.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cofeat.data.samples import motorcycle, photographs
from cofeat.edge import Device, Edge, Patience, Result
from cofeat.edge.result import STAGES, Mode
from cofeat.edge.summary import HEADER, stage_rows
from cofeat.image import parse_size, resize_image
from cofeat.pictures import encode_picture
from emulator import Emulator
from namespaces import Namespaces, reason_against
from serving import CLIENT_CORE, Scenes, serving

LINKS_MBIT = (0.5, 2.0, 10.0, 100.0)
DELAY_S = 0.01
# No picture is to fall back: what a slow link takes is what is told.
PATIENCE = Patience(deadline_s=120.0, tries=1)
# Under way at once: enough pictures that the first one's way through does not count.
STREAM = 24

LinkKind = type[Emulator] | type[Namespaces]


def export(folder: Path, size: tuple[int, int]) -> Path:
    """Export a network with a trained encoder."""
    import torch

    from cofeat.export.write import Options, Source, export_bundle
    from cofeat.network.build import build_network, load_network, save_network

    torch.manual_seed(0)
    checkpoint, bundle = folder / "checkpoint", folder / "bundle"
    checkpoint.mkdir()
    config = {"encoder": "efficientnet_lite0"}
    network = build_network(**config, weights="imagenet")
    save_network(checkpoint, network, config, {"model": "made", "arm": "baseline"})
    train, val = Scenes(size, 8), Scenes(size, 1, seed=100)
    source = Source("bench", load_network(checkpoint), train, val, "scenes")
    export_bundle(bundle, [source], Options(calibration_images=8, accuracy_images=1))
    return bundle


def pictures_of(kind: str, size: tuple[int, int], count: int) -> list[bytes]:
    """Return pictures, all of one size, as files that lose nothing."""
    if kind == "streets":
        scenes = Scenes(size, count, seed=1000)
        images = [scenes[index].image for index in range(count)]
    else:
        samples = [motorcycle(), *photographs()][:count]
        images = [resize_image(sample.image, size) for sample in samples]
    return [encode_picture(image, "png:1") for image in images]


def one_by_one(device: Device, url: str, mode: Mode, pictures: Sequence[bytes]) -> list[Result]:
    """Run one picture after another; the first one, which loads the network, once more before."""
    with Edge(device, url, mode, patience=PATIENCE) as edge:
        edge.run(pictures[0])
        results = [edge.run(picture) for picture in pictures]
    if any(result.mode != mode for result in results):
        raise SystemExit(f"mode {mode} fell back: {results[0].reason}")
    return results


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of Markdown."""
    print(f"\n| {' | '.join(header)} |\n|{' --- |' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def by_mode_and_link(
    device: Device, port: int, size: tuple[int, int], count: int, make_link: LinkKind
) -> None:
    """Tell each stage of a picture."""
    rows: list[tuple[str, ...]] = []
    for kind in ("streets", "photographs"):
        pictures = pictures_of(kind, size, count)
        for mbit in LINKS_MBIT:
            with make_link(("127.0.0.1", port), 1e6 * mbit, DELAY_S) as link:
                modes: tuple[Mode, ...] = ("split", "cloud")
                for mode in modes:
                    results = one_by_one(device, link.url, mode, pictures)
                    rows += [(kind, f"{mbit:g} Mbit/s", *row) for row in stage_rows(results)]
        results = one_by_one(device, f"http://127.0.0.1:{port}", "mobile", pictures)
        rows += [(kind, "any", *row) for row in stage_rows(results)]
    print_table(("pictures", "link", *HEADER), rows)


def at_once(device: Device, port: int, size: tuple[int, int], make_link: LinkKind) -> None:
    """Tell the throughput of a stream against that of its slowest stage."""
    pictures = (pictures_of("streets", size, 4) * STREAM)[:STREAM]
    rows = []
    for mbit in LINKS_MBIT[1:]:
        with make_link(("127.0.0.1", port), 1e6 * mbit, DELAY_S) as link:
            alone = one_by_one(device, link.url, "split", pictures[:8])
            with Edge(device, link.url, "split", patience=PATIENCE, in_flight=1) as edge:
                edge.run(pictures[0])
                started_s = time.monotonic()
                count = sum(1 for _ in edge.stream(pictures))
                per_s = count / (time.monotonic() - started_s)
        median_ms = {
            stage: float(np.median([result.stages_ms[stage] for result in alone]))
            for stage in STAGES
        }
        # The way there and back is one stage: with one frame in flight it does one at a time.
        wire_ms = sum(median_ms[stage] for stage in ("send", "cloud", "receive"))
        stages = {stage: median_ms[stage] for stage in ("read", "encode", "compress")}
        stages["wire"] = wire_ms
        slowest = max(stages, key=stages.__getitem__)
        limit_per_s = 1000 / stages[slowest]
        rows.append(
            (
                f"{mbit:g} Mbit/s",
                f"{slowest}, {stages[slowest]:.1f} ms",
                f"{1000 / sum(median_ms.values()):.1f}",
                f"{limit_per_s:.1f}",
                f"{per_s:.1f}",
                f"{100 * per_s / limit_per_s:.0f} %",
            )
        )
    print_table(
        ("link", "slowest stage", "one at a time /s", "its limit /s", "at once /s", "of the limit"),
        rows,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", help="of a trained network, FOLDER or FOLDER:NAME")
    parser.add_argument("--size", type=parse_size, default=(256, 512), help="WxH (512x256)")
    parser.add_argument(
        "--tasks", default="segmentation,disparity", help="asked for (segmentation,disparity)"
    )
    parser.add_argument("--pictures", type=int, default=4, help="of each kind, up to 5 (4)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reason = reason_against(DELAY_S)
        print(f"links: {f'a proxy, since {reason}' if reason else 'network namespaces and tc'}")
        link: LinkKind = Emulator if reason else Namespaces
        bundle = arguments.bundle or str(export(folder, arguments.size))
        os.sched_setaffinity(0, {CLIENT_CORE})
        with serving(Path(bundle.rpartition(":")[0] or bundle), folder) as (_, port):
            device = Device(bundle, tasks=tuple(arguments.tasks.split(",")), threads=1)
            by_mode_and_link(device, port, arguments.size, arguments.pictures, link)
            at_once(device, port, arguments.size, link)


if __name__ == "__main__":
    main()
