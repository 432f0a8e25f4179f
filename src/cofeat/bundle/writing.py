"""A bundle to disk, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cofeat import __version__
from cofeat.bundle.layout import MANIFEST_FILE, PART_FILES, check_name
from cofeat.bundle.manifest import SCHEMA, Manifest, ModelEntry, to_text
from cofeat.bundle.reading import BundleModel, file_entry, is_bundle
from cofeat.errors import InvalidInputError


class BundleWriter:
    """A bundle that is being written, under another name.

    Args:
        folder: the temporary one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._models: dict[str, ModelEntry] = {}

    def place(self, model: str, part: str) -> Path:
        """Return where to write a part of a model; its folder exists.

        Raises:
            InvalidInputError: that is no name of a model.
        """
        check_name(model)
        file = self.folder / model / PART_FILES[part]
        file.parent.mkdir(exist_ok=True)
        return file

    def add(self, entry: ModelEntry) -> BundleModel:
        """Take a model whose files are written; again, to change what is told of it.

        Args:
            entry: its ``files`` are filled in here.

        Returns:
            The model as a reader would get it, until the block ends.
        """
        files = {
            part: file_entry(self.folder / entry.name / name, f"{entry.name}/{name}")
            for part, name in PART_FILES.items()
            if (self.folder / entry.name / name).is_file()
        }
        self._models[entry.name] = replace(entry, files=files)
        return BundleModel(self.folder, self._models[entry.name])

    def finish(self) -> None:
        """Write the manifest and have the disk hold everything."""
        manifest = Manifest(SCHEMA, __version__, tuple(self._models.values()))
        (self.folder / MANIFEST_FILE).write_text(to_text(manifest), encoding="utf-8")
        for path in (*self.folder.rglob("*"), self.folder):
            _flush(path)


@contextmanager
def writing_bundle(folder: Path, overwrite: bool = False) -> Iterator[BundleWriter]:
    """Give a writer, and move the bundle into place at the end; nothing where the block raises.

    Args:
        folder: of the bundle; must not exist.
        overwrite: take the place of an older bundle there (of a bundle, nothing else).

    Raises:
        InvalidInputError: the folder exists.
    """
    _check_free(folder, overwrite)
    folder = folder.resolve()  # its name is needed, and "." has none
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".tmp-{os.getpid()}-{folder.name}")
    temporary.mkdir()
    try:
        writer = BundleWriter(temporary)
        yield writer
        writer.finish()
        _move(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move(temporary: Path, folder: Path) -> None:
    """Move the new bundle into place, and an older one out of it."""
    if not folder.exists():
        temporary.rename(folder)
    else:
        old = folder.with_name(f".old-{os.getpid()}-{folder.name}")
        folder.rename(old)
        try:
            temporary.rename(folder)
        except OSError:
            old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    _flush(folder.parent)


def _check_free(folder: Path, overwrite: bool) -> None:
    if not folder.exists() or (overwrite and is_bundle(folder)):
        return
    if overwrite:
        raise InvalidInputError(f"'{folder}' is no bundle, and is not overwritten")
    raise InvalidInputError(f"'{folder}' exists: give another folder, or --overwrite")


def _flush(path: Path) -> None:
    """Have the disk hold a file, or a folder's list of names, before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
