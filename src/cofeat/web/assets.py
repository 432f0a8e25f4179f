"""What the page loads, by name; read once a process, named by one hash of all of it."""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np

from cofeat.feature.codecs.cofeat_learned import STEPS as LEARNED_STEPS
from cofeat.feature.codecs.cofeat_lossy import STEPS
from cofeat.feature.entropy import tables
from cofeat.feature.entropy.engine import model_constants
from cofeat.feature.entropy.learned_rows import INVERSES
from cofeat.tasks import load_task
from cofeat.tasks.disparity import DRAWN_MAX_PX
from cofeat.tasks.segmentation import CLASSES

INDEX = "index.html"
SERVICE_WORKER = "service_worker.js"
# Stands in these two for the hash, which is part of every other asset's address.
_DIGEST = b"{{digest}}"
_NAMES = b"{{names}}"
_GZIP = ".gz"
_SHRINKING = (".html", ".css", ".js", ".mjs", ".json", ".svg")
_MEDIA_TYPES = {
    "bin": "application/octet-stream",
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "mjs": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "wasm": "application/wasm",
}
_LEVELS = 256


@dataclass(frozen=True)
class Asset:
    """One file for a browser.

    Args:
        media_type: what it is.
        data: its bytes, gzipped or not.
        gzipped: whether they are.
    """

    media_type: str
    data: bytes
    gzipped: bool

    @property
    def plain(self) -> bytes:
        """Its bytes, for whoever takes no gzip."""
        return gzip.decompress(self.data) if self.gzipped else self.data

    @property
    def etag(self) -> str:
        """Names its content."""
        return f'"{hashlib.sha256(self.data).hexdigest()[:32]}"'


@dataclass(frozen=True)
class Assets:
    """All of them.

    Args:
        digest: hexadecimal; another one for any other content.
        index: the page.
        service_worker: what keeps the page when the server is gone.
        by_name: name -> asset, of everything else.
    """

    digest: str
    index: Asset
    service_worker: Asset
    by_name: Mapping[str, Asset]


@functools.cache
def assets() -> Assets:
    """Return the assets."""
    found = dict(_walk(files(__package__).joinpath("page")))
    found["engine.wasm"] = files("cofeat.feature.entropy").joinpath("engine.wasm").read_bytes()
    found["engine_model.bin"] = model_constants().tobytes()
    found["constants.json"] = json.dumps(_constants(), separators=(",", ":")).encode()
    hash_ = hashlib.sha256()
    for name, content in sorted(found.items()):
        hash_.update(f"{name} {len(content)}\n".encode() + content)
    digest = hash_.hexdigest()[:16]
    by_name = dict(_asset(name, content) for name, content in sorted(found.items()))
    names = json.dumps(sorted(set(by_name) - {INDEX, SERVICE_WORKER})).encode()

    def filled(name: str) -> Asset:
        text = by_name.pop(name).plain
        text = text.replace(_DIGEST, digest.encode()).replace(_NAMES, names)
        return _asset(name, text)[1]

    return Assets(digest, filled(INDEX), filled(SERVICE_WORKER), by_name)


def _walk(folder: Traversable, under: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of every file."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{under}{entry.name}/")
        else:
            yield under + entry.name, entry.read_bytes()


def _asset(name: str, content: bytes) -> tuple[str, Asset]:
    """Return the name without ``.gz``, and the asset."""
    gzipped = name.endswith(_GZIP)
    name = name.removesuffix(_GZIP)
    media_type = _MEDIA_TYPES.get(name.rpartition(".")[2], "text/plain; charset=utf-8")
    if not gzipped and name.endswith(_SHRINKING):
        content, gzipped = gzip.compress(content, mtime=0), True
    return name, Asset(media_type, content, gzipped)


def _constants() -> dict[str, object]:
    """Return what the page's modules take from the library, so that it stands in one place."""
    ids = np.arange(_LEVELS, dtype=np.uint8)[None]
    # The smallest disparity that is drawn; 0 stands for none.
    ramp = np.linspace(0, DRAWN_MAX_PX, _LEVELS, dtype=np.float32)[None]
    ramp[0, 0] = np.finfo(np.float32).tiny
    return {
        "centers": tables.CENTERS.tolist(),
        "logarithm": tables.LOGARITHM.tolist(),
        "magnitudes": tables.MAGNITUDES.tolist(),
        "logistic": tables.LOGISTIC.tolist(),
        "learned_inverses": INVERSES.tolist(),
        "learned_steps": list(LEARNED_STEPS),
        "steps": list(STEPS),
        "classes": [entry.name for entry in CLASSES],
        "class_colors": load_task("segmentation").draw(ids)[0].tolist(),
        "disparity_colors": load_task("disparity").draw(ramp)[0].tolist(),
        "disparity_max_px": DRAWN_MAX_PX,
    }
