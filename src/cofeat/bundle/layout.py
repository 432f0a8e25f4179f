"""Where things lie in a bundle, and what may be called how.

::

    BUNDLE/
      manifest.json               what the models are; bytes and SHA-256 of every other file
      <model>/encoder.onnx        image uint8 (N, 3, H, W) -> features float32 (N, C, h, w)
      <model>/encoder.int8.onnx   the same in 8-bit integers
      <model>/heads.onnx          features -> one output a task, named by it
      <model>/whole.onnx          image -> the same outputs, without quantizer
      <model>/tables.bin          probability tables of the codec

H and W are multiples of the stride; normalization is inside the graphs. Every
file but the manifest may be absent: a device needs no heads, a cloud no encoder.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from cofeat.errors import BundleError, InvalidInputError

MANIFEST_FILE = "manifest.json"
# Part of a model -> its file's name in the model's folder.
PART_FILES = {
    "encoder": "encoder.onnx",
    "encoder_int8": "encoder.int8.onnx",
    "heads": "heads.onnx",
    "whole": "whole.onnx",
    "tables": "tables.bin",
}
IMAGE_INPUT = "image"
FEATURES = "features"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def is_name(text: str) -> bool:
    """Return whether a model may have this name."""
    return bool(_NAME.fullmatch(text))


def check_name(name: str) -> None:
    """Refuse what is no name of a model.

    Raises:
        InvalidInputError: it is not.
    """
    if not is_name(name):
        raise InvalidInputError(
            f"'{name}' is no name of a model: use up to 64 small letters, digits and . _ -, "
            "a letter or digit first"
        )


def file_inside(folder: Path, path: str) -> Path:
    """Return the file of a bundle that a relative path of its manifest means.

    Args:
        folder: of the bundle.
        path: with forward slashes, relative to the folder.

    Raises:
        BundleError: it leads out of the folder, also by a link, or there is no such file.
    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in path or "\0" in path:
        raise BundleError(f"bundle '{folder}': the path {path!r} leads out of it")
    file = folder / pure
    try:
        resolved, root = file.resolve(), folder.resolve()
    except (OSError, RuntimeError) as error:  # a loop of links
        raise BundleError(f"bundle '{folder}': {path!r} cannot be found: {error}") from None
    if not resolved.is_relative_to(root):
        raise BundleError(f"bundle '{folder}': the path {path!r} leads out of it")
    if not resolved.is_file():
        raise BundleError(f"bundle '{folder}': there is no file {path!r}: export it again")
    return resolved
