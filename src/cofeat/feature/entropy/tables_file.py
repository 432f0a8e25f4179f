"""What every file of tables has around its content: head, zlib body, checksum.

The head begins with four bytes of magic and a version, and ends with the body's length.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.errors import BitstreamError

_CRC = struct.Struct("<I")
# Shape and dtype of an array of the body.
Entry = tuple[tuple[int, ...], str]


def seal(
    head: struct.Struct, fields: tuple[bytes | int, ...], arrays: Sequence[npt.NDArray[Any]]
) -> bytes:
    """Return a file.

    Args:
        head: of magic, version, the fields and the body's length.
        fields: all but the last.
        arrays: of the body, in order.
    """
    raw = b"".join(a.astype(a.dtype.newbyteorder("<"), order="C").tobytes() for a in arrays)
    body = zlib.compress(raw, 9)
    start = head.pack(*fields, len(body))
    return start + body + _CRC.pack(zlib.crc32(start + body))


def unseal(
    data: bytes, head: struct.Struct, magic: bytes, version: int
) -> tuple[tuple[int, ...], bytes]:
    """Return the fields between version and length, and the body as it is in the file.

    Raises:
        BitstreamError: the bytes are no whole file of that magic and version.
    """
    if len(data) < head.size + _CRC.size or data[: len(magic)] != magic:
        raise BitstreamError(f"{len(data)} bytes are no tables of cofeat")
    _, found, *fields, size = head.unpack_from(data)
    if found != version:
        raise BitstreamError(f"the tables have version {found}, known is {version}")
    if len(data) != head.size + size + _CRC.size:
        raise BitstreamError("the tables are cut off, or bytes follow them")
    if _CRC.unpack_from(data, len(data) - _CRC.size)[0] != zlib.crc32(data[: -_CRC.size]):
        raise BitstreamError("the tables are damaged: their checksum is another")
    return tuple(fields), data[head.size : -_CRC.size]


def read_arrays(body: bytes, layout: Sequence[Entry]) -> list[npt.NDArray[Any]]:
    """Return the arrays of a body.

    Args:
        body: as ``unseal`` gives it.
        layout: shape and dtype of each, in order.

    Raises:
        BitstreamError: they are no zlib stream of exactly so many bytes.
    """
    raw = _inflate(body, sum(_bytes(entry) for entry in layout))
    arrays: list[npt.NDArray[Any]] = []
    start = 0
    for entry in layout:
        shape, dtype = entry
        stop = start + _bytes(entry)
        little = np.frombuffer(raw[start:stop], np.dtype(dtype).newbyteorder("<"))
        arrays.append(little.astype(dtype).reshape(shape))
        start = stop
    return arrays


def _bytes(entry: Entry) -> int:
    shape, dtype = entry
    return int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize


def _inflate(body: bytes, size: int) -> bytes:
    """Inflate to exactly so many bytes.

    Raises:
        BitstreamError: it is another number, or no zlib stream.
    """
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(body, size + 1)
    except zlib.error as error:
        raise BitstreamError(f"the tables cannot be inflated: {error}") from error
    if len(raw) != size or not stream.eof or stream.unused_data:
        raise BitstreamError("the tables have another length than their head says")
    return raw
