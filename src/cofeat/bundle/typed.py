"""JSON to dataclasses, strictly: every key is known, every value has its type."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")


class MismatchError(Exception):
    """A value has another type than its field; the message says where and what."""


def from_json(wanted: type[T], value: Any, where: str = "") -> T:
    """Turn what ``json.loads`` gave into a dataclass.

    Args:
        wanted: a dataclass of str, int, float, bool, None, tuples of one type, dicts with
            str keys, unions, and such dataclasses.
        value: of plain JSON types.
        where: path of the value, for messages.

    Raises:
        MismatchError: a key is missing or unknown, or a value has another type.
    """
    result: T = _convert(wanted, value, where)
    return result


def _convert(wanted: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if dataclasses.is_dataclass(wanted):
        return _dataclass(wanted, value, where)
    if origin is types.UnionType:
        return _union(arguments, value, where)
    if origin is tuple:  # tuple[X, ...]
        if not isinstance(value, list):
            raise MismatchError(f"{where} must be a list, not {value!r:.60}")
        return tuple(
            _convert(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value)
        )
    if origin is dict:
        if not isinstance(value, dict):
            raise MismatchError(f"{where} must be a table, not {value!r:.60}")
        return {
            key: _convert(arguments[1], item, f"{where}[{key!r:.40}]")
            for key, item in value.items()
        }
    return _scalar(wanted, value, where)


def _dataclass(wanted: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise MismatchError(f"{where or 'it'} must be a table, not {value!r:.60}")
    hints = typing.get_type_hints(wanted)
    prefix = f"{where}." if where else ""
    unknown = sorted(set(value) - set(hints))
    if unknown:
        raise MismatchError(f"the key {prefix + unknown[0]!r:.80} is not known")
    missing = [name for name in hints if name not in value]
    if missing:
        raise MismatchError(f"the key '{prefix}{missing[0]}' is missing")
    fields = {name: _convert(hint, value[name], prefix + name) for name, hint in hints.items()}
    return wanted(**fields)


def _union(options: tuple[Any, ...], value: Any, where: str) -> Any:
    for option in options:
        try:
            return _convert(option, value, where)
        except MismatchError as error:
            mismatch = error
    raise mismatch


def _scalar(wanted: Any, value: Any, where: str) -> Any:
    if wanted is type(None):
        if value is not None:
            raise MismatchError(f"{where} must be null, not {value!r:.60}")
        return None
    if wanted is float and type(value) is int:
        try:
            return float(value)  # JSON writes 1.0 as it likes
        except OverflowError:
            raise MismatchError(f"{where} is beyond what a number may be") from None
    if type(value) is not wanted:  # a bool is no int
        raise MismatchError(f"{where} must be {wanted.__name__}, not {value!r:.60}")
    return value
