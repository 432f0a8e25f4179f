"""A bundle from disk: nothing in it is used before its size and hash are right."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cofeat.bundle.layout import MANIFEST_FILE, file_inside
from cofeat.bundle.manifest import FileEntry, Manifest, ModelEntry, parse_manifest
from cofeat.bundle.typed import MismatchError
from cofeat.errors import BundleError, InvalidInputError
from cofeat.registry import nearest

# Far above what a manifest with long curves takes, far below what exhausts memory.
MAX_MANIFEST_BYTES = 16 * 2**20
_CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class BundleModel:
    """One model of a bundle.

    Args:
        folder: of the bundle.
        entry: what the manifest says of the model.
    """

    folder: Path
    entry: ModelEntry

    def has(self, part: str) -> bool:
        """Return whether the bundle holds a part, one of ``layout.PART_FILES``."""
        return part in self.entry.files

    def read(self, part: str) -> bytes:
        """Return the content of a part's file, its size and hash checked once more.

        What is returned is what was checked, whatever happens to the file.

        Raises:
            InvalidInputError: the bundle does not hold this part.
            BundleError: the file has changed.
        """
        if not self.has(part):
            raise InvalidInputError(
                f"model '{self.entry.name}' of bundle '{self.folder}' has no {part}: it holds "
                f"{', '.join(self.entry.files)}; export it with that part"
            )
        expected = self.entry.files[part]
        data = file_inside(self.folder, expected.path).read_bytes()
        actual = FileEntry(expected.path, len(data), hashlib.sha256(data).hexdigest())
        _compare(self.folder, expected, actual)
        return data


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files were all there and whole when it was opened.

    Args:
        folder: of the bundle.
        manifest: what it holds.
    """

    folder: Path
    manifest: Manifest

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models, in order."""
        return tuple(entry.name for entry in self.manifest.models)

    def model(self, name: str | None = None) -> BundleModel:
        """Return a model by its name; without one the only model.

        Raises:
            InvalidInputError: there is no such model, or no name and several models.
        """
        if name is None and len(self.names) > 1:
            raise InvalidInputError(
                f"bundle '{self.folder}' holds several models: say which, "
                f"'{self.folder}:NAME', of {', '.join(self.names)}"
            )
        for entry in self.manifest.models:
            if name in (None, entry.name):
                return BundleModel(self.folder, entry)
        raise InvalidInputError(
            f"bundle '{self.folder}' has no model '{name}': it holds {', '.join(self.names)}."
            + nearest(str(name), self.names)
        )


def open_bundle(folder: str | Path) -> Bundle:
    """Read a bundle's manifest and check every file that it names.

    Raises:
        InvalidInputError: there is no bundle.
        BundleError: the manifest cannot be used, or a file is missing or has changed.
    """
    folder = Path(folder)
    if not is_bundle(folder):
        what = f"holds no {MANIFEST_FILE}" if folder.is_dir() else "is no folder"
        raise InvalidInputError(
            f"'{folder}' {what}: give the folder of a bundle, as 'cofeat export' writes it"
        )
    manifest = _read_manifest(folder)
    for model in manifest.models:
        for expected in model.files.values():
            file = file_inside(folder, expected.path)
            _compare(folder, expected, file_entry(file, expected.path))
    return Bundle(folder, manifest)


def is_bundle(folder: str | Path) -> bool:
    """Return whether a folder looks like a bundle."""
    return (Path(folder) / MANIFEST_FILE).is_file()


def names_bundle(word: str) -> bool:
    """Return whether a word, ``FOLDER`` or ``FOLDER:NAME``, means a bundle on disk."""
    return is_bundle(word) or is_bundle(_split(word)[0])


def open_bundle_model(word: str) -> BundleModel:
    """Open a bundle and return the model that a word, ``FOLDER`` or ``FOLDER:NAME``, means.

    Raises:
        InvalidInputError: there is no such bundle or model.
        BundleError: the bundle cannot be used.
    """
    if is_bundle(word):
        return open_bundle(word).model()
    folder, name = _split(word)
    if not is_bundle(folder):
        return open_bundle(word).model()  # says what is missing of the word as it was given
    return open_bundle(folder).model(name)


def file_entry(file: Path, path: str) -> FileEntry:
    """Return size and hash of a file, read piece by piece."""
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return FileEntry(path, size, digest.hexdigest())


def _split(word: str) -> tuple[str, str]:
    """Split ``FOLDER:NAME`` at the last colon."""
    folder, _, name = word.rpartition(":")
    return folder, name


def _read_manifest(folder: Path) -> Manifest:
    with (folder / MANIFEST_FILE).open("rb") as file:
        data = file.read(MAX_MANIFEST_BYTES + 1)
    try:
        if len(data) > MAX_MANIFEST_BYTES:
            raise MismatchError(f"it is over {MAX_MANIFEST_BYTES} bytes")
        return parse_manifest(data.decode("utf-8"))
    except (MismatchError, UnicodeDecodeError) as error:
        raise BundleError(f"the manifest of bundle '{folder}' cannot be used: {error}") from None


def _compare(folder: Path, expected: FileEntry, actual: FileEntry) -> None:
    """Refuse a file that is not the one that was exported.

    Raises:
        BundleError: it is another.
    """
    if actual.bytes != expected.bytes:
        raise BundleError(
            f"bundle '{folder}': '{expected.path}' has {actual.bytes} bytes and the manifest says "
            f"{expected.bytes}: copy or export the bundle again"
        )
    if actual.sha256 != expected.sha256:
        raise BundleError(
            f"bundle '{folder}': the SHA-256 of '{expected.path}' is not the manifest's: "
            "the file was damaged or changed; copy or export the bundle again"
        )
