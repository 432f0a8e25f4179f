"""What a client sent to what a model takes; everything about it is checked here.

The sizes that bytes declare are checked before memory is taken for them: a
bitstream has the model's shape for a picture of at most ``max_pixels``, and a
picture has at most that many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cofeat.cloud.repository import AnyArray, CloudModel, Repository, newest
from cofeat.errors import BitstreamError, InvalidInputError, MissingPackageError
from cofeat.feature.bitstream import unpack
from cofeat.feature.pipeline import decompress
from cofeat.pictures import decode_picture

Kind = Literal["bitstream", "image"]
KINDS: tuple[Kind, ...] = ("bitstream", "image")


@dataclass(frozen=True, eq=False)
class Work:
    """One picture's work.

    Args:
        model: what it goes through.
        kind: what was sent.
        array: features float32 (C, h, w), or an image uint8 (H, W, 3).
        size: (height, width) in pixels of the outputs.
    """

    model: CloudModel
    kind: Kind
    array: AnyArray
    size: tuple[int, int]


def decode(
    kind: Kind,
    data: bytes,
    repository: Repository,
    candidates: Sequence[CloudModel],
    max_pixels: int,
) -> Work:
    """Turn bytes from outside into work.

    Args:
        kind: what they are said to be.
        data: the bytes.
        repository: of the server.
        candidates: the models that the client allows, newest first.
        max_pixels: of the largest picture.

    Raises:
        BitstreamError: the bytes are not what they are said to be.
        WrongModelError: they are for another model.
        InvalidInputError: several models would do, or the model cannot do this.
    """
    try:
        if kind == "bitstream":
            return _bitstream(data, repository, candidates, max_pixels)
        return _image(data, candidates, max_pixels)
    except MissingPackageError:
        raise BitstreamError("this server cannot decode that codec or format") from None


def _bitstream(
    data: bytes, repository: Repository, candidates: Sequence[CloudModel], max_pixels: int
) -> Work:
    stream = unpack(data)
    model = repository.for_stream(candidates, stream)
    if not model.has("heads"):
        raise InvalidInputError(f"model '{model.name}' does not finish features: send the picture")
    _, height, width = stream.shape
    size = stream.image_size or (height * model.stride, width * model.stride)
    if size[0] * size[1] > max_pixels:
        raise BitstreamError(
            f"the features are of a picture of {size[1]}x{size[0]}, more than {max_pixels} pixels"
        )
    expected = model.feature_shape(size)
    if stream.shape != expected:
        raise BitstreamError(
            f"the features are {_sizes(stream.shape)}, and those of model '{model.name}' for a "
            f"picture of {size[1]}x{size[0]} are {_sizes(expected)}"
        )
    return Work(model, "bitstream", decompress(data, tables=model.fitted).features, size)


def _image(data: bytes, candidates: Sequence[CloudModel], max_pixels: int) -> Work:
    model = newest(candidates)
    if not model.has("whole"):
        raise InvalidInputError(f"model '{model.name}' takes no pictures: send its features")
    image = decode_picture(data, max_pixels)
    return Work(model, "image", image, (image.shape[0], image.shape[1]))


def _sizes(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
