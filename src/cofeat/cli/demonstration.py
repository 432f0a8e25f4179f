"""The split, shown: a network as a bundle, a cloud beside this process, a device that uses it.

::

    checkpoint ──► RUN/bundle ──► cloud, a process of its own, at a free port of the loopback
                       └────────► device, here ── features of some pictures ──► cloud
                                         └─ overlays, stage table ──► RUN/results/pictures

`cofeat reproduce --split` puts it into the report.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofeat.errors import (
    BundleError,
    CofeatError,
    InvalidInputError,
    LinkError,
    MissingPackageError,
)

if TYPE_CHECKING:
    from cofeat.data.base import Dataset
    from cofeat.edge.summary import Demonstration
    from cofeat.network.build import Model

BUNDLE = "bundle"
INDEX = "split.json"
PICTURES = 4
# Waits that end: all are far above what a loaded machine takes.
_STARTED_S = 180.0
_ANSWERED_S = 60.0
_DRAINED_S = 60.0


def is_shown(pictures: Path, key: str) -> bool:
    """Whether the folder holds what ``show_split`` would make; what else it holds is removed."""
    index = pictures / INDEX
    try:
        told = json.loads(index.read_text(encoding="utf-8")).get("key") == key
    except (OSError, ValueError, AttributeError):
        told = False
    if not told:
        index.unlink(missing_ok=True)  # of another network: not for this one's report
    return told


def put_split(
    wanted: bool,
    key: str,
    model: Model,
    splits: Callable[[], tuple[Dataset, Dataset]],
    run: Path,
    about: dict[str, Any],
) -> None:
    """Show the split in the report where it is wanted and not shown yet; without it goes on."""
    if is_shown(run / "results" / "pictures", key) or not wanted:
        return
    told = {"key": key, **{name: about[name] for name in ("command", "date", "machine", "commit")}}
    try:
        show_split(model, splits, run, told)
    except CofeatError as error:
        print(f"no split in the report: {error}", file=sys.stderr)


def show_split(
    model: Model, splits: Callable[[], tuple[Dataset, Dataset]], run: Path, about: dict[str, Any]
) -> None:
    """Run some validation pictures through device and cloud, and keep what a report shows.

    Args:
        model: whose bundle is made where it is not there already.
        splits: opens training and validation samples.
        run: folder of the run.
        about: key, command, date, machine and commit, to stand beside the figures.

    Raises:
        MissingPackageError: the device's or the cloud's packages are not installed.
        CofeatError: the network cannot be exported, or the cloud does not answer.
    """
    try:
        import uvicorn  # noqa: F401  # what the cloud's process needs

        from cofeat.edge import Device, Patience
        from cofeat.edge.frame import Frame
        from cofeat.edge.summary import demonstrate
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "cofeat"):
            raise
        raise MissingPackageError(package, "cloud,edge", "showing the split") from None
    from cofeat.image import read_image
    from cofeat.pictures import encode_picture

    train, val = splits()
    bundle = run / BUNDLE
    _export(model, train, val, bundle)
    names = val.names[:PICTURES]
    # As files, so that there is something to read.
    files = [encode_picture(val[index].image, "png") for index in range(len(names))]
    frames = [
        Frame(name, partial(read_image, file)) for name, file in zip(names, files, strict=True)
    ]
    with cloud(bundle) as url:
        patience = Patience(deadline_s=_ANSWERED_S)
        device = Device(bundle)
        demonstrate(device, url, frames[:1], "split", patience)  # loads the networks
        shown = demonstrate(device, url, frames, "split", patience)
    others = [result for result in shown.results if result.mode != "split"]
    if others:
        raise LinkError(f"'{others[0].name}' did not go through the cloud: {others[0].reason}")
    _keep(shown, run / "results" / "pictures", about)


def _export(model: Model, train: Dataset, val: Dataset, bundle: Path) -> None:
    """Make the bundle, unless a whole one of this network is there."""
    from cofeat.bundle import open_bundle
    from cofeat.cli.export import default_name
    from cofeat.cli.train import PhaseBars
    from cofeat.export.write import Source, export_bundle

    try:
        if open_bundle(bundle).model().entry.model_id == model.model_id.hex():
            return
    except (BundleError, InvalidInputError):
        pass  # there is none, or it is damaged
    data = str(model.about.get("recipe", {}).get("data", {}).get("name", "data"))
    source = Source(default_name(model), model, train, val, data)
    with PhaseBars({}) as bars:
        export_bundle(
            bundle,
            [source],
            overwrite=True,
            on_progress=lambda phase, done, total: bars.update(phase, done, total, ""),
        )


def _keep(shown: Demonstration, pictures: Path, about: dict[str, Any]) -> None:
    """Write the overlays and, last, the index that makes them count."""
    from cofeat.edge.summary import HEADER
    from cofeat.evaluation.gallery import Gallery

    gallery = Gallery(pictures, INDEX)
    rows = []
    for result, drawn in zip(shown.results, shown.pictures, strict=True):
        cells = dict(drawn) if result.image is None else {"picture": result.image, **drawn}
        caption = f"{result.payload_bytes:,} bytes, {result.total_ms:.0f} ms"
        rows.append((result.name, caption, cells))
    gallery.drawn(
        "What the device shows",
        "Classes are laid over the picture. All of it was predicted in the cloud, from the "
        "features that the device sent.",
        rows,
    )
    codecs = sorted({result.codec for result in shown.results})
    told = {"codec": ", ".join(codecs), "header": list(HEADER), "rows": shown.rows}
    gallery.finish(**about, **told)


@contextmanager
def cloud(bundle: Path) -> Iterator[str]:
    """Serve a bundle from a process of its own; gives its URL.

    The process ends with the block, and with this process, however that ends.

    Raises:
        LinkError: it does not start.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(bundle, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield _url(ours, bundle)
    finally:
        process.terminate()
        process.join(_DRAINED_S)
        if process.is_alive():
            process.kill()
            process.join()
        ours.close()


def _url(told: Connection, bundle: Path) -> str:
    """Wait until the cloud listens, and return where.

    Raises:
        LinkError: it does not.
    """
    if not told.poll(_STARTED_S):
        raise LinkError(f"the cloud did not listen within {_STARTED_S:g} s: try again")
    try:
        url, fault = told.recv()
    except EOFError:
        url, fault = "", f"it ended: 'cofeat serve {bundle}' tells why"
    if fault:
        raise LinkError(f"the cloud does not start: {fault}")
    return str(url)


def _serve(bundle: Path, told: Connection) -> None:
    """Be the cloud."""
    # Ctrl-C reaches both processes; the other one ends this one when it needs it no more.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from cofeat.cloud.server import ServerOptions, serve

    options = ServerOptions((bundle,), port=0, log_level="error")
    try:
        serve(options, lambda url: told.send((url, "")))
    except (CofeatError, OSError) as error:
        told.send(("", str(error)))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # nobody is left to be answered
