"""The models that a server has, by name and version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol

import numpy.typing as npt

from cofeat.bundle.manifest import ModelEntry
from cofeat.errors import InvalidInputError, UnknownModelError, WrongModelError
from cofeat.feature.bitstream import NO_MODEL, NO_TABLES, Bitstream
from cofeat.feature.tables import Tables
from cofeat.image import Float32Array, UInt8Array

AnyArray = npt.NDArray[Any]

# The parts of a bundle that answer: features, and pictures.
SERVED: tuple[Literal["heads", "whole"], ...] = ("heads", "whole")


class CloudModel(Protocol):
    """What the server needs of a model; ``cofeat.runtime.RuntimeModel`` is one."""

    entry: ModelEntry
    name: str
    version: str
    model_id: bytes
    tables_id: bytes | None
    stride: int
    tasks: tuple[str, ...]

    @property
    def fitted(self) -> Tables | None:
        """Tables of the codec that a bitstream may need."""
        ...

    def has(self, part: str) -> bool:
        """Return whether the model has ``"heads"`` or ``"whole"``."""
        ...

    def read(self, part: str) -> bytes:
        """Return the content of a part's file, for a device that runs it."""
        ...

    def load(self, *parts: Literal["encoder", "heads", "whole"]) -> None:
        """Load graphs now rather than when they are first needed."""
        ...

    def feature_shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        """Return (C, H, W) of the features of an image of (height, width)."""
        ...

    def predict_batch(
        self, features: Float32Array, tasks: Sequence[str] | None = None
    ) -> dict[str, AnyArray]:
        """Turn features (N, C, h, w) into each task's predictions, not cropped."""
        ...

    def predict_images(
        self, images: UInt8Array, tasks: Sequence[str] | None = None
    ) -> dict[str, AnyArray]:
        """Turn images (N, H, W, 3) into each task's predictions."""
        ...


class Repository:
    """The models of a server.

    Args:
        models: at least one; no two of the same name and version.

    Raises:
        InvalidInputError: there is none, or two are the same.
    """

    def __init__(self, models: Iterable[CloudModel]) -> None:
        # Newest version first, which is what one gets who names none.
        self.models = sorted(models, key=lambda model: (model.name, -int(model.version)))
        if not self.models:
            raise InvalidInputError("there is no model to serve: give a bundle")
        for model in self.models:
            if not any(model.has(part) for part in SERVED):
                raise InvalidInputError(
                    f"model '{model.name}' has neither {' nor '.join(SERVED)}, so there is nothing "
                    "to answer with: export it with one of them"
                )
        for one, two in zip(self.models, self.models[1:], strict=False):
            if (one.name, one.version) == (two.name, two.version):
                raise InvalidInputError(
                    f"two bundles have model '{one.name}' version {one.version}: "
                    "serve one of them, or export one as another version"
                )

    def load(self) -> None:
        """Load the graphs that requests need.

        Raises:
            BundleError: one cannot be loaded.
            InvalidInputError: a provider of ONNX Runtime does not start.
        """
        for model in self.models:
            model.load(*(part for part in SERVED if model.has(part)))

    def have(self) -> list[dict[str, str]]:
        """Return what a client is told that asks for something else."""
        return [
            {
                "name": model.name,
                "version": model.version,
                "model_id": model.model_id.hex(),
                "tables_id": (model.tables_id or NO_TABLES).hex(),
            }
            for model in self.models
        ]

    def candidates(self, name: str | None = None, version: str | None = None) -> list[CloudModel]:
        """Return the models of a name and a version, newest first; None means any.

        Raises:
            UnknownModelError: there is none.
        """
        found = [
            model
            for model in self.models
            if name in (None, model.name) and version in (None, model.version)
        ]
        if not found:
            raise UnknownModelError("the server has no such model or version", have=self.have())
        return found

    def for_stream(self, candidates: Sequence[CloudModel], stream: Bitstream) -> CloudModel:
        """Return the newest of some models that a bitstream is for.

        Raises:
            WrongModelError: it is for none of them.
            InvalidInputError: it does not say, and there are several.
        """
        fitting = [
            model
            for model in candidates
            if stream.model_id in (NO_MODEL, model.model_id)
            and stream.tables_id in (NO_TABLES, model.tables_id)
        ]
        if not fitting:
            raise WrongModelError(
                f"the features are for model {stream.model_id.hex()} with tables "
                f"{stream.tables_id.hex()}, which the server does not have",
                have=self.have(),
            )
        return fitting[0] if stream.model_id != NO_MODEL else newest(fitting)


def newest(candidates: Sequence[CloudModel]) -> CloudModel:
    """Return the newest version of the one model that there is.

    Raises:
        InvalidInputError: there are several models.
    """
    names = sorted({model.name for model in candidates})
    if len(names) > 1:
        raise InvalidInputError(f"the server has several models: say which of {', '.join(names)}")
    return candidates[0]
