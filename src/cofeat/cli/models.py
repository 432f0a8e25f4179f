"""What ``-m MODEL`` means: from a word on the command line to something that runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cofeat import shipped
from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np

    from cofeat.feature.tables import Tables
    from cofeat.image import Float32Array, UInt8Array
    from cofeat.network.build import Model

HELP = (
    "folder of a run, of a checkpoint or of a bundle (FOLDER:NAME where it has several models), or "
    "a model that comes with cofeat: " + ", ".join(shipped.names())
)


class RunnableModel(Protocol):
    """Both halves of a network, from arrays to arrays, whatever runs them."""

    model_id: bytes
    """Names the network in a bitstream."""
    bits: int
    """Of the quantizer."""
    per_channel: bool
    """One range a channel rather than one an image."""
    step: float | None
    """A fixed distance of two levels, instead of the features' own range."""
    stride: int
    """Image pixels for one feature, along each side."""
    codec: str
    """Taken where none is asked for."""

    @property
    def fitted(self) -> Tables | None:
        """Tables of the codec, fitted to its features."""
        ...

    def feature_shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        """Return (C, H, W) of the features of an image of (height, width)."""
        ...

    def encode(self, image: UInt8Array) -> Float32Array:
        """Turn an image, uint8 (H, W, 3), into features, float32 (C, h, w)."""
        ...

    def predict(self, features: Float32Array, size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Turn features (C, h, w) into each task's prediction, cropped to (height, width)."""
        ...


def open_model(name: str) -> RunnableModel:
    """Open the model that a word on the command line names: a bundle needs no torch.

    Raises:
        InvalidInputError: there is no such model, or it cannot be used.
        BundleError: the bundle is damaged.
        MissingPackageError: what runs it is not installed.
    """
    from cofeat.bundle.reading import names_bundle, open_bundle_model

    if names_bundle(name):
        from cofeat.runtime import RuntimeModel

        model = open_bundle_model(name)
        only_int8 = model.has("encoder_int8") and not model.has("encoder")
        return RuntimeModel(model, "int8" if only_int8 else "fp32")
    if not Path(name).is_dir() and name not in shipped.names():
        raise InvalidInputError(
            f"'{name}' is no folder: give the folder of a run or of a checkpoint, as 'cofeat "
            "train' writes it, or of a bundle, as 'cofeat export' does, or a model that comes "
            f"with cofeat: {', '.join(shipped.names())}"
        )
    from cofeat.network.build import load_network

    return CheckpointModel(load_network(name))


class CheckpointModel:
    """A checkpoint of training, run by torch; see ``RunnableModel``.

    Args:
        model: from ``load_network``.
    """

    def __init__(self, model: Model) -> None:
        from cofeat.feature.budget import DEFAULT_CODEC
        from cofeat.feature.tables import usual_codec

        self._network = model.network
        self.model_id = model.model_id
        self.bits = model.network.qlayer.bits
        self.per_channel = model.network.qlayer.per_channel
        self.step = model.network.qlayer.step
        self.stride = model.network.stride
        self.fitted = model.tables
        self.codec = usual_codec(model.tables, DEFAULT_CODEC)

    def feature_shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        """Return (C, H, W) of the features of an image of (height, width)."""
        return self._network.feature_shape(size)

    def encode(self, image: UInt8Array) -> Float32Array:
        """Run the device's half."""
        import torch

        with torch.no_grad():
            batch = torch.from_numpy(image).permute(2, 0, 1)[None]
            features: Float32Array = self._network.encode(batch)[0].numpy()
        return features

    def predict(self, features: Float32Array, size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Run the cloud's half."""
        import torch

        with torch.no_grad():
            outputs = self._network.predict(torch.from_numpy(features)[None], size)
        return {task: output[0].numpy() for task, output in outputs.items()}
