"""The models that come with the package: checkpoint folders in ``cofeat/models``."""

from __future__ import annotations

from pathlib import Path

_MODELS = Path(__file__).parent / "models"


def names() -> tuple[str, ...]:
    """Return the names of the models, in order."""
    return tuple(sorted(folder.name for folder in _MODELS.iterdir() if folder.is_dir()))


def is_shipped(name: str) -> bool:
    """Return whether a word names such a model; a folder of that name goes first."""
    return name in names() and not Path(name).exists()


def folder_of(name: str) -> Path:
    """Return the checkpoint folder of a model."""
    return _MODELS / name
