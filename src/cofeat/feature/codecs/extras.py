"""The packages that codecs need beyond the base install, imported on first use."""

from __future__ import annotations

import importlib
from typing import Any

from PIL import features

from cofeat.errors import MissingPackageError

EXTRA = "codecs"


def require(package: str, codec: str) -> Any:
    """Import a package for a codec.

    Args:
        package: its name, which is also what pip calls it.
        codec: name of the codec, for the message.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingPackageError(package, EXTRA, f"codec '{codec}'") from error


def require_pillow(feature: str, codec: str) -> None:
    """Check that Pillow, which its wheels are, was built with a file format.

    Args:
        feature: Pillow's name of it.
        codec: name of the codec, for the message.

    Raises:
        MissingPackageError: it was built without.
    """
    if not features.check(feature):
        raise MissingPackageError(f"pillow with {feature}", EXTRA, f"codec '{codec}'")
