"""The frames of a video, by PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import IO

import numpy as np

from cofeat.edge.frame import Frame
from cofeat.errors import InvalidInputError, MissingPackageError
from cofeat.image import MAX_SIDE_PX, UInt8Array


def video_frames(source: str | IO[bytes], name: str) -> Iterator[Frame]:
    """Decode a video, frame by frame, as far as it can be.

    Args:
        source: path of a file, or an open one that need not be seekable.
        name: of the video; its frames are ``NAME_000000`` and so on.

    Raises:
        InvalidInputError: it is no video, or damaged from here on.
        MissingPackageError: PyAV is not installed.
    """
    try:
        import av
    except ModuleNotFoundError:
        raise MissingPackageError("av", "video", "reading a video") from None
    try:
        with av.open(source, mode="r") as container:
            if not container.streams.video:
                raise InvalidInputError(f"'{name}' has no pictures: give a video")
            stream = container.streams.video[0]
            if max(stream.width, stream.height) > MAX_SIDE_PX:
                raise InvalidInputError(f"'{name}': a side is at most {MAX_SIDE_PX} pixels")
            stream.thread_type = "AUTO"
            for number, decoded in enumerate(container.decode(stream)):
                # Decoding stays a frame ahead at most, so the pixels are converted when read.
                yield Frame(f"{name}_{number:06d}", partial(_upright, decoded))
    except av.FFmpegError as error:
        piped = not isinstance(source, str) and not source.seekable()
        hint = "; an MP4 that was not made for streaming wants a file, not a pipe" if piped else ""
        what = source if isinstance(source, str) else name
        raise InvalidInputError(
            f"'{what}' cannot be read as a picture or a video: {error.strerror or error}{hint}"
        ) from error


def _upright(decoded: object) -> UInt8Array:
    """Return a decoded frame as RGB, turned as the video says."""
    image: UInt8Array = decoded.to_ndarray(format="rgb24")  # type: ignore[attr-defined]
    quarters = round(getattr(decoded, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, quarters)) if quarters else image
