"""Bearer tokens: who may ask."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path

from cofeat.errors import InvalidInputError, UnauthorizedError

# Where tokens are looked for when no file is named; several are separated by white space.
VARIABLE = "COFEAT_TOKENS"
_SCHEME = "bearer "
# 128 bits in hexadecimal; shorter ones can be guessed.
MIN_LENGTH = 16


class Tokens:
    """The tokens that open the server; with none it is open.

    Only their hashes are kept, so that all comparisons are of one length and nothing
    that is ever printed holds a token.

    Args:
        tokens: each of printable ASCII without white space.

    Raises:
        InvalidInputError: one is too short, or of other characters.
    """

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        tokens = list(tokens)
        for number, token in enumerate(tokens, 1):
            if len(token) < MIN_LENGTH or not token.isascii() or not token.isprintable():
                raise InvalidInputError(
                    f"token {number} is not usable: give at least {MIN_LENGTH} characters of ASCII"
                )
        self._hashes = [_hash(token) for token in tokens]

    def __bool__(self) -> bool:
        """Whether a token is needed."""
        return bool(self._hashes)

    def check(self, authorization: str | None) -> None:
        """Check the value of the header ``Authorization``, in constant time.

        Raises:
            UnauthorizedError: it holds none of the tokens.
        """
        if not self._hashes:
            return
        given = authorization or ""
        token = given[len(_SCHEME) :] if given[: len(_SCHEME)].lower() == _SCHEME else ""
        found = False
        for known in self._hashes:  # all of them, whichever it is
            found |= hmac.compare_digest(known, _hash(token.strip()))
        if not found:
            raise UnauthorizedError("give a token of this server: Authorization: Bearer TOKEN")


def read_tokens(file: Path | None, variable: str = "") -> Tokens:
    """Read tokens from a file, one a line, or else from the value of ``VARIABLE``.

    Raises:
        InvalidInputError: there is no such file, it holds none, or one is not usable.
    """
    if file is None:
        return Tokens(variable.split())
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InvalidInputError(
            f"the tokens in '{file}' cannot be read: give a text file"
        ) from None
    tokens = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not tokens:
        raise InvalidInputError(f"there is no token in '{file}': write one a line")
    return Tokens(tokens)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
