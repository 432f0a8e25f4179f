"""The machine that runs engine.wasm, where the package ``wasmtime`` is installed.

engine.c says what the module does. Its memory is its own, so that whatever a payload
makes it do, nothing else is harmed.
"""

from __future__ import annotations

import atexit
import functools
import math
import threading
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cofeat.errors import BitstreamError, MissingPackageError
from cofeat.feature.entropy import harm, tables
from cofeat.feature.entropy.fitted import FittedTables

if TYPE_CHECKING:
    from wasmtime import Engine, Module

Array = npt.NDArray[Any]

_PAGE_BYTES = 1 << 16
# The system hands out memory page by page, which takes longer than the work on it; so a thread
# keeps its machine, but not what a huge tensor took.
_MOST_IDLE_BYTES = 1 << 24
_idle = threading.local()
# The fields of ``job`` in engine.c, in their order.
_FIELDS = """
    decoding lanes words words_count bits bytes entries entries_count steps head
    told told_count fields widths
    places top left passes passes_count planes deviations prediction said filters
    zero_class scale surprise before
    first stop level expected usual symbols rows chosen activity
"""
_JOB = np.dtype([(name, np.int32) for name in _FIELDS.split()])
# The numbers that it returns, from 1.
_HARM = (
    harm.WORDS_END,
    harm.BITS_END,
    harm.MANY_LANES,
    harm.NOT_TOGETHER,
    harm.OUT_OF_RANGE,
    harm.BITS_SET,
    harm.HALF_WORD,
    harm.NOT_AT_END,
    harm.NOT_AT_LOWEST,
)


@functools.cache
def compiled() -> tuple[Engine, Module] | None:
    """Return the module, compiled once a process, or None where wasmtime is not installed."""
    try:
        from wasmtime import Config, Engine, Module
    except (ImportError, OSError, RuntimeError):
        # Not installed; or it is, on a platform that it has no build for.
        return None
    config = Config()
    # Threads of the compiler would not live on in a forked process.
    config.parallel_compilation = False
    engine = Engine(config)
    return engine, Module(engine, files(__package__).joinpath("engine.wasm").read_bytes())


@functools.cache
def model_constants() -> npt.NDArray[np.void]:
    """Return ``model`` of engine.c, filled with the constants of tables.py."""
    fields: dict[str, Array] = {
        "channel_weights": tables.channel_prior().astype(np.int32),
        "zero_weights": tables.zero_prior().astype(np.int32),
        "value_weights": tables.value_prior().astype(np.int32),
        "logarithm": tables.LOGARITHM,
        "levels_by_logarithm": tables.LEVELS_BY_LOGARITHM,
        "shifts": tables.SHIFTS,
        "room_classes": tables.ROOM_CLASSES,
        "scale_weights": tables.SCALE_WEIGHTS,
        "zero_by_class": tables.ZERO_BY_CLASS,
        "zero_by_neighbors": tables.ZERO_BY_NEIGHBORS,
        "zero_by_prediction": tables.ZERO_BY_PREDICTION,
    }
    model = np.zeros(1, [(name, array.dtype, array.shape) for name, array in fields.items()])
    for name, array in fields.items():
        model[name] = array
    return model


class Machine:
    """An instance of the module and its memory, for one tensor at a time; see ``take_machine``.

    Raises:
        MissingPackageError: wasmtime is not installed.
    """

    def __init__(self) -> None:
        found = compiled()
        if found is None:
            raise MissingPackageError("wasmtime", "fast", "the compiled codec")
        from wasmtime import Instance, Store

        engine, module = found
        self._store = Store(engine)
        exports = Instance(self._store, module, []).exports(self._store)
        self._exports: Any = exports
        self._memory: Any = exports["memory"]
        self._heap = self._address("__heap_base")
        self._model, self._job = self._address("model"), self._address("job")
        self._map()

    def _address(self, name: str) -> int:
        return int(self._exports[name].value(self._store))

    def _map(self) -> None:
        self._bytes = np.frombuffer(self._memory.get_buffer_ptr(self._store), np.uint8)

    def clear(self, fitted: FittedTables | None) -> None:
        """Get ready for another tensor."""
        self._end = self._heap
        model = model_constants()
        if fitted:
            model = model.copy()
            model["channel_weights"][:, : len(fitted.channel_rows)] = fitted.channel_rows
            model["zero_weights"], model["value_weights"] = fitted.zero_rows, fitted.value_rows
        self.array(self._model, model.shape, model.dtype)[:] = model
        self.array(self._job, 1, _JOB)[:] = 0

    def release(self) -> None:
        """Keep the machine for the thread's next tensor, unless it holds much memory."""
        if self._bytes.size <= _MOST_IDLE_BYTES:
            _idle.machine = self

    @property
    def job(self) -> Any:
        """What is told to the module and by it, by name."""
        return self.array(self._job, (1,), _JOB)[0]

    def set(self, **fields: int) -> None:
        """Tell the module something."""
        job = self.job
        for name, value in fields.items():
            job[name] = value

    def place(self, bytes_: int) -> int:
        """Return where there is room for so many bytes, of any content; arrays are invalid then.

        Raises:
            MemoryError: there is none; the module can have 4 GiB.
        """
        start = self._end
        self._end += -(-bytes_ // 16) * 16
        missing = self._end - self._bytes.size
        if missing > 0:
            from wasmtime import WasmtimeError

            try:
                self._memory.grow(self._store, -(-missing // _PAGE_BYTES))
            except WasmtimeError as error:
                raise MemoryError(f"no room for {self._end} bytes in the engine") from error
            self._map()
        return start

    def put(self, array: Array) -> int:
        """Copy an array into the memory, and return where it is."""
        start = self.place(array.nbytes)
        self.array(start, array.shape, array.dtype)[...] = array
        return start

    def array(self, start: int, shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """Return a part of the memory as an array, valid until the next ``place``."""
        dtype = np.dtype(dtype)
        shape = (shape,) if isinstance(shape, int) else shape
        size = math.prod(shape) * dtype.itemsize
        return self._bytes[start : start + size].view(dtype).reshape(shape)

    def call(self, name: str) -> None:
        """Run a function of the module.

        Raises:
            BitstreamError: decoding, the payload is harmed.
        """
        result = self._exports[name](self._store)
        if result:
            raise BitstreamError(_HARM[result - 1].format(lanes=self.job["lanes"]))


def take_machine(fitted: FittedTables | None = None) -> Machine:
    """Return a cleared machine that nobody else uses.

    Args:
        fitted: gives the rows' first weights, where there is one.

    Raises:
        MissingPackageError: wasmtime is not installed.
    """
    machine: Machine | None = getattr(_idle, "machine", None)
    _idle.machine = None
    machine = machine or Machine()
    machine.clear(fitted)
    return machine


@atexit.register
def _close() -> None:
    """Give the module back while wasmtime is still there to take it."""
    _idle.machine = None
    compiled.cache_clear()
