"""Names of exchangeable parts, resolved to code on first use.

A table maps a name to "module:attribute"; nothing is imported until the part
is asked for, so a room without torch may list parts that need it. Third
parties add parts through entry points of the table's group.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from cofeat.errors import InvalidInputError


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the allowed name most like ``name``, or ``""``."""
    matches = difflib.get_close_matches(name, list(allowed), n=1)
    return f" Did you mean '{matches[0]}'?" if matches else ""


class Registry:
    """A table of parts of one kind.

    Args:
        kind: what the parts are, for messages, e.g. ``"codec"``.
        group: entry-point group through which other packages add parts.
        entries: name -> ``"module:attribute"``.
    """

    def __init__(self, kind: str, group: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self.group = group
        self._entries = dict(entries)

    def names(self) -> tuple[str, ...]:
        """Return all names, ours first, in the order of the table."""
        others = (point.name for point in entry_points(group=self.group))
        return tuple(dict.fromkeys((*self._entries, *others)))

    def load(self, name: str) -> Any:
        """Return the object behind ``name``, importing its module on first use.

        Raises:
            InvalidInputError: there is no part of that name, or another package's cannot be
                imported.
        """
        if name in self._entries:
            module, _, attribute = self._entries[name].partition(":")
            return getattr(importlib.import_module(module), attribute)
        for point in entry_points(group=self.group):
            if point.name == name:
                return self._load_other(point)
        names = self.names()
        raise InvalidInputError(
            f"there is no {self.kind} '{name}': use one of {', '.join(names)}."
            + nearest(name, names)
        )

    def _load_other(self, point: EntryPoint) -> Any:
        try:
            return point.load()
        except Exception as error:  # another package's code may raise anything
            package = f" of package '{point.dist.name}'" if point.dist else ""
            raise InvalidInputError(
                f"{self.kind} '{point.name}'{package} cannot be imported "
                f"({type(error).__name__}: {' '.join(str(error).split())}): mend or remove it"
            ) from error
