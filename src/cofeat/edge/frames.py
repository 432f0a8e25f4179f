"""Frames from where they are: a picture, a folder, a video, or standard input."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import cast

from cofeat.edge.frame import Frame, frame_of
from cofeat.errors import InvalidInputError

STANDARD = "-"
_STANDARD_NAME = "stdin"
# What the files of ``image.FORMATS`` begin with; what begins otherwise is tried as a video.
_PICTURE = re.compile(
    rb"\x89PNG|\xff\xd8\xff|RIFF....WEBP|....ftypavi[fs]|II\*\0|MM\0\*|BM|GIF8|P[36]\s", re.DOTALL
)
_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif", ".ppm")
)
_HEAD_BYTES = 16
# An 8K frame without compression takes less.
_MAX_PICTURE_BYTES = 256 * 2**20


def names_of(source: str | Path) -> list[str]:
    """Return the names of a source's frames without reading them; a video's alone, of all of its.

    Args:
        source: as ``frames`` takes it.

    Raises:
        InvalidInputError: there is nothing.
    """
    if source == STANDARD:
        return [_STANDARD_NAME]
    path = Path(source)
    if path.is_dir():
        return [file.stem for file in _pictures_in(path)]
    if not path.is_file():
        raise InvalidInputError(
            f"there is no file '{source}': give a picture, a folder of pictures or a video"
        )
    return [path.stem]


def frames(source: str | Path) -> Iterator[Frame]:
    """Find the frames of a source, one after another.

    Args:
        source: a picture, a folder of pictures (in the order of their names), a video, or ``-``
            for a picture or a video from standard input.

    Raises:
        InvalidInputError: there is nothing, or no picture and no video.
        MissingPackageError: it is a video, and PyAV is not installed.
    """
    if source == STANDARD:
        yield from _standard()
        return
    path = Path(source)
    if path.is_dir():
        for picture in _pictures_in(path):
            yield frame_of(picture, picture.stem)
        return
    names_of(source)  # refuses what is not there
    with path.open("rb") as file:
        is_picture = _PICTURE.match(file.read(_HEAD_BYTES))
    if is_picture or path.suffix.lower() in _SUFFIXES:
        yield frame_of(path, path.stem)
        return
    from cofeat.edge.video import video_frames

    yield from video_frames(str(path), path.stem)


def _pictures_in(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in _SUFFIXES)
    if not files:
        raise InvalidInputError(f"folder '{folder}' holds no picture: give one that does")
    return files


def _standard() -> Iterator[Frame]:
    # Unlike its declared type, standard input can be looked into.
    file = cast(BufferedReader, sys.stdin.buffer)
    head = file.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    if not head:
        raise InvalidInputError("standard input is empty: pipe a picture or a video into it")
    if not _PICTURE.match(head):
        from cofeat.edge.video import video_frames

        yield from video_frames(file, _STANDARD_NAME)
        return
    data = file.read(_MAX_PICTURE_BYTES + 1)
    if len(data) > _MAX_PICTURE_BYTES:
        raise InvalidInputError(f"standard input has more than {_MAX_PICTURE_BYTES} bytes")
    yield frame_of(data, _STANDARD_NAME)
