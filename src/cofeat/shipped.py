"""The models that come with the package: checkpoint folders in ``cofeat/models``."""

from __future__ import annotations

from pathlib import Path

_MODELS = Path(__file__).parent / "models"


def names() -> tuple[str, ...]:
    """Return the names of the models, in order."""
    return tuple(sorted(folder.name for folder in _MODELS.iterdir() if folder.is_dir()))


def folder_of(name: str) -> Path:
    """Return the checkpoint folder of a model."""
    return _MODELS / name


def holds(folder: Path) -> bool:
    """Return whether a checkpoint folder is one of these models."""
    return folder.resolve().parent == _MODELS.resolve()
