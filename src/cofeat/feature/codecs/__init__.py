"""The codecs: one file a codec, one line in the table."""

from __future__ import annotations

import contextlib
import functools
import re
from dataclasses import dataclass
from typing import cast

from cofeat.errors import InvalidInputError
from cofeat.feature.codecs.base import Codec
from cofeat.registry import Registry

CODECS = Registry(
    "codec",
    "cofeat.codecs",
    {
        "cofeat": "cofeat.feature.codecs.cofeat:COFEAT",
        "cofeat-lossy": "cofeat.feature.codecs.cofeat_lossy:COFEAT_LOSSY",
        "cofeat-learned": "cofeat.feature.codecs.cofeat_learned:COFEAT_LEARNED",
        "png": "cofeat.feature.codecs.png:PNG",
        "jpeg": "cofeat.feature.codecs.jpeg:JPEG",
        "zstd": "cofeat.feature.codecs.zstd:ZSTD",
        "webp-lossless": "cofeat.feature.codecs.webp_lossless:WEBP_LOSSLESS",
        "webp": "cofeat.feature.codecs.webp:WEBP",
        "avif": "cofeat.feature.codecs.avif:AVIF",
        "jpegls": "cofeat.feature.codecs.jpegls:JPEGLS",
        "jpegls-near": "cofeat.feature.codecs.jpegls:JPEGLS_NEAR",
        "jpegxl": "cofeat.feature.codecs.jpegxl:JPEGXL",
        "hevc": "cofeat.feature.codecs.hevc:HEVC",
        "av1": "cofeat.feature.codecs.av1:AV1",
    },
)


@dataclass(frozen=True)
class CodecSpec:
    """A codec and its setting, what ``"jpeg:95"`` says."""

    codec: Codec
    setting: int

    def __str__(self) -> str:
        """Return ``"jpeg:95"``, and ``"png"`` for a lossless codec at its default setting."""
        if self.codec.lossless and self.setting == self.codec.default_setting:
            return self.codec.name
        return f"{self.codec.name}:{self.setting}"


def load_codec(name: str) -> Codec:
    """Return the codec of that name.

    Raises:
        InvalidInputError: there is none.
    """
    return cast(Codec, CODECS.load(name))


def parse_codec(text: str) -> CodecSpec:
    """Turn ``"png"``, ``"png:6"`` or ``"jpeg:95"`` into a codec and its setting.

    Raises:
        InvalidInputError: another form, no such codec, or a setting out of range.
    """
    match = re.fullmatch(r"([A-Za-z][\w-]*)(?::(\d{1,9}))?", text.strip(), re.ASCII)
    if not match:
        raise InvalidInputError(f"codec '{text}' is not NAME or NAME:SETTING, such as jpeg:95")
    codec = load_codec(match[1].lower())
    setting = codec.default_setting if match[2] is None else int(match[2])
    if not codec.min_setting <= setting <= codec.max_setting:
        raise InvalidInputError(
            f"codec '{text}': the setting of {codec.name} is "
            f"{codec.min_setting} to {codec.max_setting}"
        )
    return CodecSpec(codec, setting)


@functools.cache
def codecs_by_id() -> dict[int, Codec]:
    """Return every codec by the number that it has in a stream; ours win over others'.

    One of another package that cannot be imported is left out: it must not
    keep the streams of the rest from being read.
    """
    codecs = []
    for name in CODECS.names():
        with contextlib.suppress(InvalidInputError):
            codecs.append(load_codec(name))
    return {codec.id: codec for codec in reversed(codecs)}


def codec_name(codec_id: int, setting: int) -> str:
    """Return ``"jpeg:90"``, or the id of a codec that is not known here."""
    codec = codecs_by_id().get(codec_id)
    return f"id {codec_id}:{setting}" if codec is None else str(CodecSpec(codec, setting))
