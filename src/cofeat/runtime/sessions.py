"""ONNX Runtime sessions of one model: made when first used, run from any thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import numpy.typing as npt

from cofeat.bundle import BundleModel
from cofeat.errors import BundleError, InvalidInputError, MissingPackageError
from cofeat.runtime.selection import select_outputs

CPU = "CPUExecutionProvider"
# Each choice of tasks takes a session, with weights of its own. More than these are run as the
# whole graph, so that no caller fills the memory by asking for ever other tasks.
MAX_SESSIONS = 8
# Of ONNX Runtime's log: errors. They are raised as well, and told by us.
_LOG_FATAL = 4


class Sessions:
    """The sessions of a model's parts.

    Args:
        model: from a bundle.
        threads: of one run; None leaves it to ONNX Runtime, which takes every core.
        providers: of ONNX Runtime, in order of preference.

    Raises:
        InvalidInputError: a provider is not in the ONNX Runtime that is installed.
        MissingPackageError: there is no ONNX Runtime.
    """

    def __init__(
        self, model: BundleModel, threads: int | None = None, providers: Sequence[str] = (CPU,)
    ) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise MissingPackageError("onnxruntime", "edge", "running a bundle") from None
        available = onnxruntime.get_available_providers()
        missing = [name for name in providers if name not in available]
        if missing:
            raise InvalidInputError(
                f"the ONNX Runtime that is installed has no '{missing[0]}': "
                f"it has {', '.join(available)}"
            )
        if threads is not None and threads < 1:
            raise InvalidInputError(f"{threads} threads: give at least 1")
        self._onnxruntime = onnxruntime
        self._model = model
        self._threads = threads
        self._providers = list(providers)
        self._lock = Lock()
        self._sessions: dict[tuple[str, tuple[str, ...]], Any] = {}

    def run(
        self, part: str, outputs: tuple[str, ...], inputs: Mapping[str, npt.NDArray[Any]]
    ) -> list[npt.NDArray[Any]]:
        """Compute some outputs of a part's graph, and nothing that they do not need.

        Args:
            part: one of ``layout.PART_FILES``.
            outputs: names of those that are wanted.
            inputs: name -> array.

        Raises:
            InvalidInputError: the bundle does not hold the part, or a provider does not start.
            BundleError: its graph cannot be loaded or fails.
        """
        session = self.load(part, outputs)
        try:
            results: list[npt.NDArray[Any]] = session.run(list(outputs), dict(inputs))
        except Exception as error:  # ONNX Runtime's are plain subclasses of Exception
            raise self._failure(part, "failed", error) from error
        return results

    def load(self, part: str, outputs: tuple[str, ...]) -> Any:
        """Return the session of a part's outputs, loading its graph on first use; see ``run``."""
        with self._lock:  # two threads would load it twice, and wait for each other all the same
            key = (part, outputs)
            if key not in self._sessions and len(self._sessions) >= MAX_SESSIONS:
                key = (part, ())  # the whole graph has them all
            if key not in self._sessions:
                self._sessions[key] = self._load(*key)
            return self._sessions[key]

    def _load(self, part: str, outputs: tuple[str, ...]) -> Any:
        options = self._onnxruntime.SessionOptions()
        options.log_severity_level = _LOG_FATAL
        if self._threads is not None:
            options.intra_op_num_threads = self._threads
        graph = self._model.read(part)
        try:
            selected = select_outputs(graph, outputs) if outputs else graph
            session = self._onnxruntime.InferenceSession(selected, options, self._providers)
        except Exception as error:
            raise self._failure(part, "cannot be loaded", error) from error
        # ONNX Runtime goes on without a provider whose libraries it does not find.
        missing = [name for name in self._providers if name not in session.get_providers()]
        if missing:
            raise InvalidInputError(
                f"ONNX Runtime has '{missing[0]}' but cannot start it, and would run without: "
                "install the driver and the libraries that it needs, or do not ask for it"
            )
        return session

    def _failure(self, part: str, what: str, error: Exception) -> BundleError:
        reason = " ".join(str(error).split())[:300]
        name = f"'{part}' of model '{self._model.entry.name}'"
        return BundleError(f"{name} in bundle '{self._model.folder}' {what}: {reason}")
