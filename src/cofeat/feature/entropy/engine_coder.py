"""Both directions of coding by the compiled module; see coder.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.feature.entropy.coder import lanes_to_use
from cofeat.feature.entropy.engine import take_machine
from cofeat.feature.entropy.rans import LEAST_LANES, MOST_LANES_BITS
from cofeat.feature.entropy.rawbits import MOST_BITS

Array = npt.NDArray[Any]

# As in engine.c: instead of a row, for raw fields.
_RAW = -1
_MOST_LANES = 1 << MOST_LANES_BITS
# A list comes in at most so many blocks, each twice as long as the one before.
_MOST_BLOCKS_OF_A_LIST = 32


class EngineEncoder:
    """See ``EncodingCoder``; what is told before the elements is kept until they come.

    Args:
        lanes: about how many; more are faster.
    """

    def __init__(self, lanes: int) -> None:
        self.machine = take_machine()
        self._lanes = lanes_to_use(lanes)
        self.machine.job["lanes"] = self._lanes
        self.machine.call("begin")
        self._told: list[tuple[int, int]] = []
        self._fields: list[Array] = []
        self._widths: list[Array] = []
        self._room = dict.fromkeys(("entries", "steps", "bits"), 0)

    def listed(self, row: int, given: Array | None, count: int) -> Array:
        """See ``Teller``."""
        if given is None:
            raise TypeError("an encoder has to be given the symbols")
        self._told.append((row, count))
        self._fields.append(given.astype(np.uint8))
        return given

    def raw(self, given: Array | None, widths: Array) -> Array:
        """See ``Teller``."""
        if given is None:
            raise TypeError("an encoder has to be given the fields")
        self._told.append((_RAW, len(given)))
        self._fields.append(given.astype(np.uint8))
        self._widths.append(widths.astype(np.uint8))
        return given

    def tell(self, elements: int, passes: int) -> None:
        """Hand over what was kept, and make room for elements that are coded in passes."""
        machine = self.machine
        lists = [count for row, count in self._told if row != _RAW]
        symbols = sum(lists) + 2 * elements
        steps = symbols // LEAST_LANES + _MOST_BLOCKS_OF_A_LIST * len(lists) + 2 * passes
        widths = np.concatenate([np.zeros(0, np.uint8), *self._widths])
        bits = int(widths.sum(dtype=np.int64)) + MOST_BITS * elements
        self._more("entries", 4 * symbols)
        self._more("steps", 4 * steps)
        # And a byte that is begun.
        self._more("bits", bits // 8 + 2)
        if self._told:
            told = machine.put(np.array(self._told, np.int32))
            fields = machine.put(np.concatenate(self._fields))
            rows = machine.place(max(lists, default=0))
            pointers = {"told": told, "fields": fields, "widths": machine.put(widths), "rows": rows}
            machine.set(told_count=len(self._told), **pointers)
            machine.call("tell")
        self._told, self._fields, self._widths = [], [], []

    def _more(self, name: str, bytes_: int) -> None:
        """Give an array of the module more room; what it holds moves along."""
        machine, size = self.machine, self._room[name]
        if not bytes_:
            return
        old = int(machine.job[name])
        new = machine.place(size + bytes_)
        machine.array(new, size, np.uint8)[:] = machine.array(old, size, np.uint8)
        machine.set(**{name: new})
        self._room[name] += bytes_

    def finish(self) -> bytes:
        """See ``EncodingCoder``."""
        self.tell(0, 0)
        machine = self.machine
        # A lane's state takes 4 bits and up to 31.
        machine.set(head=machine.place(self._room["bits"] + 5 * self._lanes + 8))
        machine.call("finish")
        job = machine.job
        words = machine.array(int(job["words"]), int(job["words_count"]), "<u2")
        raw = machine.array(int(job["head"]), int(job["bytes"]), np.uint8)
        payload = words.tobytes() + raw[::-1].tobytes()
        machine.release()
        return payload


class EngineDecoder:
    """See ``DecodingCoder``.

    Args:
        payload: what ``EngineEncoder.finish`` returned.

    Raises:
        BitstreamError: it is too short, or has too many lanes.
    """

    def __init__(self, payload: bytes) -> None:
        machine = self.machine = take_machine()
        data = np.frombuffer(payload, np.uint8)
        # Retiring lanes put words in front; a step may look as far beyond the end.
        words = machine.place(2 * (_MOST_LANES + len(data) // 2 + 1 + _MOST_LANES))
        words += 2 * _MOST_LANES
        bits = machine.place(len(data) + 8)
        machine.array(words, len(data), np.uint8)[:] = data
        machine.array(bits, len(data), np.uint8)[:] = data[::-1]
        machine.array(bits + len(data), 8, np.uint8)[:] = 0
        machine.set(decoding=1, words=words, words_count=len(data) // 2)
        machine.set(bits=bits, bytes=len(data))
        machine.call("begin")
        self.lanes = int(machine.job["lanes"])
        self._room = 0
        machine.set(told=machine.place(8), told_count=1)

    def listed(self, row: int, given: Array | None, count: int) -> Array:  # noqa: ARG002
        """See ``Teller``."""
        return self._tell(row, count).astype(np.int64)

    def raw(self, given: Array | None, widths: Array) -> Array:  # noqa: ARG002
        """See ``Teller``."""
        self._make_room(len(widths))
        job = self.machine.job
        self.machine.array(int(job["widths"]), len(widths), np.uint8)[:] = widths
        return self._tell(_RAW, len(widths)).astype(np.int16)

    def _make_room(self, count: int) -> None:
        if count > self._room:
            self._room = 2 * count
            names = ("fields", "widths", "rows")
            self.machine.set(**{name: self.machine.place(self._room) for name in names})

    def _tell(self, row: int, count: int) -> Array:
        machine = self.machine
        self._make_room(count)
        machine.array(int(machine.job["told"]), 2, np.int32)[:] = row, count
        machine.call("tell")
        return machine.array(int(machine.job["fields"]), count, np.uint8)

    def tell(self, elements: int, passes: int) -> None:
        """See ``EngineEncoder``: there is nothing to hand over."""

    def finish(self) -> None:
        """See ``DecodingCoder``."""
        self.machine.call("finish")
        self.machine.release()
