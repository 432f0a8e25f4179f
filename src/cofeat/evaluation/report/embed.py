"""Pictures inside a page: data URLs, within a budget."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

# With base64 a third more; leaves room for curves and tables in a page of 5 MB.
BUDGET_BYTES = 3_300_000
# Pixels of a small picture are shown as squares, those of a large one smoothly.
SMALL_PX = 320
_MIME = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
# Tried in order until everything fits: quality, longest side.
_STEPS = ((90, 4096), (80, 2048), (70, 1024), (60, 512), (50, 256))


@dataclass(frozen=True)
class Embedded:
    """One picture, ready for an ``<img>``."""

    url: str
    width_px: int
    height_px: int

    @property
    def is_small(self) -> bool:
        """Whether to enlarge it without smoothing."""
        return max(self.width_px, self.height_px) <= SMALL_PX


def embed_pictures(
    folder: Path, files: Iterable[str], budget_bytes: int = BUDGET_BYTES
) -> tuple[dict[str, Embedded], str]:
    """Turn picture files into data URLs; together they stay within the budget where they can.

    Args:
        folder: of the pictures; a file anywhere else is not read.
        files: names in the folder; one named twice counts twice, for so it stands in the page.
        budget_bytes: of all files, before base64.

    Returns:
        The pictures by file name, without those that cannot be read, and a
        sentence for the reader about recoding, or ``""``.
    """
    wanted = list(files)
    originals = {file: found for file in wanted if (found := _read(folder, file)) is not None}
    wanted = [file for file in wanted if file in originals]
    pictures = originals
    note = ""
    for quality, side_px in _STEPS:
        if sum(len(pictures[file][0]) for file in wanted) <= budget_bytes:
            break
        pictures = {file: _recode(*found, quality, side_px) for file, found in originals.items()}
        note = (
            f"To keep this page small, its pictures were recoded as WebP of quality {quality}, "
            f"at most {side_px} px wide or high; the originals are in results/pictures."
        )
    return {file: _url(*found) for file, found in pictures.items()}, note


def _read(folder: Path, file: str) -> tuple[bytes, str] | None:
    """Return a picture's bytes and format, None where there is no such picture in the folder."""
    path = folder / file
    try:
        if path.resolve().parent != folder.resolve():
            return None
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            form = image.format or ""
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    return (data, form) if form in _MIME else None


def _recode(data: bytes, form: str, quality: int, side_px: int) -> tuple[bytes, str]:
    """Return the smaller of the picture as it is and the picture recoded."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        smaller = image.convert("RGB")
        is_large = max(smaller.size) > side_px
        smaller.thumbnail((side_px, side_px))
        smaller.save(buffer, "WEBP", quality=quality)
    recoded = buffer.getvalue()
    return (recoded, "WEBP") if is_large or len(recoded) < len(data) else (data, form)


def _url(data: bytes, form: str) -> Embedded:
    with Image.open(io.BytesIO(data)) as image:
        width_px, height_px = image.size
    text = base64.b64encode(data).decode("ascii")
    return Embedded(f"data:{_MIME[form]};base64,{text}", width_px, height_px)
