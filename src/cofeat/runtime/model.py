"""A model of a bundle, from arrays to arrays.

::

    image ─ pad ─► encoder ─► features                     encode()
                                 ═ quantizer, codec, wire ═
    outputs ◄─ crop ─ heads ◄─ features                    predict()

    images ─ pad ─► whole ─ crop ─► outputs                predict_images()
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from cofeat.bundle import BundleModel
from cofeat.bundle.layout import FEATURES, IMAGE_INPUT
from cofeat.errors import BitstreamError, BundleError, InvalidInputError
from cofeat.feature.tables import Tables, read_tables
from cofeat.image import Float32Array, UInt8Array
from cofeat.registry import nearest
from cofeat.runtime.padding import crop, pad
from cofeat.runtime.sessions import CPU, Sessions

Precision = Literal["fp32", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
ENCODERS = {"fp32": "encoder", "int8": "encoder_int8"}

AnyArray = npt.NDArray[Any]


class RuntimeModel:
    """Both halves of a network by ONNX Runtime; any thread may call it.

    A graph is loaded when it is first needed: a device that only encodes never
    loads the heads.

    Args:
        model: of an open bundle.
        precision: of the encoder.
        threads: of one call; None takes every core.
        providers: of ONNX Runtime, in order of preference.

    Raises:
        InvalidInputError: an argument cannot be, or the bundle holds no encoder of that
            precision.
        MissingPackageError: there is no ONNX Runtime.
    """

    def __init__(
        self,
        model: BundleModel,
        precision: Precision = "fp32",
        threads: int | None = None,
        providers: Sequence[str] = (CPU,),
    ) -> None:
        entry = model.entry
        if precision not in ENCODERS:
            raise InvalidInputError(f"precision '{precision}': use {' or '.join(PRECISIONS)}")
        if precision == "int8" and not model.has(ENCODERS[precision]):
            raise InvalidInputError(
                f"model '{entry.name}' of bundle '{model.folder}' has no int8 encoder: "
                "use fp32, or export it with int8"
            )
        self.entry = entry
        self.precision = precision
        self.name = entry.name
        self.version = entry.version
        self.model_id = bytes.fromhex(entry.model_id)
        self.tables_id = None if entry.tables_id is None else bytes.fromhex(entry.tables_id)
        self.bits = entry.bits
        self.per_channel = entry.per_channel
        self.step = entry.step
        self.stride = entry.stride
        self.codec = entry.codec
        self.tasks = tuple(task.name for task in entry.tasks)
        self._shapes = {task.name: task.shape for task in entry.tasks}
        self._model = model
        self._sessions = Sessions(model, threads, providers)

    def has(self, part: str) -> bool:
        """Return whether the bundle holds a part, one of ``layout.PART_FILES``."""
        return self._model.has(part)

    def read(self, part: str) -> bytes:
        """Return the content of a part's file, for a device that runs it.

        Raises:
            InvalidInputError: the bundle does not hold the part.
            BundleError: the file has changed.
        """
        return self._model.read(part)

    def load(self, *parts: Literal["encoder", "heads", "whole"]) -> None:
        """Load graphs now rather than when they are first needed.

        Raises:
            InvalidInputError: the bundle does not hold the part.
            BundleError: a graph cannot be loaded.
        """
        for part in parts:
            if part == "encoder":
                self._sessions.load(ENCODERS[self.precision], (FEATURES,))
            else:
                self._sessions.load(part, self.tasks)

    @cached_property
    def fitted(self) -> Tables | None:
        """Tables of the codec, fitted to the features, or None.

        Raises:
            BundleError: the file has changed, or is none.
        """
        if not self.has("tables"):
            return None
        try:
            fitted = read_tables(self._model.read("tables"))
        except BitstreamError as error:
            raise BundleError(
                f"model '{self.name}' of the bundle: {error}; export the bundle again"
            ) from error
        if fitted.id != self.tables_id:
            raise BundleError(f"model '{self.name}' of the bundle has other tables than it says")
        return fitted

    def feature_shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        """Return (C, H, W) of the features of an image of (height, width)."""
        height, width = (-(-side // self.stride) for side in size)
        return self.entry.channels, height, width

    def encode(self, image: UInt8Array) -> Float32Array:
        """Run the device's half.

        Args:
            image: uint8 (H, W, 3), RGB, any size.

        Returns:
            float32 (C, ceil(H / stride), ceil(W / stride)).

        Raises:
            InvalidInputError: that is no image, or the bundle holds no encoder.
            BundleError: the graph cannot be loaded or fails.
        """
        features: Float32Array = self.encode_batch(image[None])[0]
        return features

    def encode_batch(self, images: UInt8Array) -> Float32Array:
        """Run the device's half on images of one size.

        Args:
            images: uint8 (N, H, W, 3).

        Returns:
            float32 (N, C, h, w).

        Raises:
            InvalidInputError: those are no images, or the bundle holds no encoder.
            BundleError: the graph cannot be loaded or fails.
        """
        batch = self._batch(images)
        part = ENCODERS[self.precision]
        features: Float32Array = self._sessions.run(part, (FEATURES,), {IMAGE_INPUT: batch})[0]
        return features

    def predict(
        self, features: Float32Array, size: tuple[int, int], tasks: Sequence[str] | None = None
    ) -> dict[str, AnyArray]:
        """Run the cloud's half.

        Args:
            features: float32 (C, h, w), dequantized.
            size: (height, width) of the image, to which outputs are cropped.
            tasks: which heads to run; all by default.

        Returns:
            task -> prediction of the image, as ``cofeat.tasks`` measures it.

        Raises:
            InvalidInputError: the features are not of this model and size, there is no such
                task, or the bundle holds no heads.
            BundleError: the graph cannot be loaded or fails.
        """
        if features.shape != self.feature_shape(size):
            raise InvalidInputError(
                f"features of shape {features.shape}: those of model '{self.name}' for an image "
                f"of {size[1]}x{size[0]} are {self.feature_shape(size)}"
            )
        outputs = self.predict_batch(features[None], tasks)
        return {task: crop(output, self._shapes[task], size)[0] for task, output in outputs.items()}

    def predict_batch(
        self, features: Float32Array, tasks: Sequence[str] | None = None
    ) -> dict[str, AnyArray]:
        """Run the cloud's half on features of one shape, and crop nothing.

        Args:
            features: float32 (N, C, h, w).
            tasks: which heads to run; all by default.

        Returns:
            task -> predictions, batch first, sides h * stride and w * stride.

        Raises:
            InvalidInputError: those are no features of this model, there is no such task, or the
                bundle holds no heads.
            BundleError: the graph cannot be loaded or fails.
        """
        channels = self.entry.channels
        if features.dtype != np.float32 or features.ndim != 4 or features.shape[1] != channels:
            raise InvalidInputError(
                f"features of {features.dtype} {features.shape}: model '{self.name}' takes "
                f"float32 (images, {channels}, height, width)"
            )
        if not features.size:
            raise InvalidInputError(f"features of shape {features.shape} are none")
        return self._outputs("heads", {FEATURES: features}, tasks)

    def predict_images(
        self, images: UInt8Array, tasks: Sequence[str] | None = None
    ) -> dict[str, AnyArray]:
        """Run the whole network, uncut and without quantizer, on images of one size.

        Args:
            images: uint8 (N, H, W, 3), RGB.
            tasks: which heads to run; all by default.

        Returns:
            task -> predictions, batch first, cropped to the images.

        Raises:
            InvalidInputError: those are no images, there is no such task, or the bundle does not
                hold the whole network.
            BundleError: the graph cannot be loaded or fails.
        """
        outputs = self._outputs("whole", {IMAGE_INPUT: self._batch(images)}, tasks)
        size = (images.shape[1], images.shape[2])
        return {task: crop(output, self._shapes[task], size) for task, output in outputs.items()}

    def _outputs(
        self, part: str, inputs: dict[str, AnyArray], tasks: Sequence[str] | None
    ) -> dict[str, AnyArray]:
        """Run a graph with the heads that are wanted and no others."""
        wanted = self.tasks if tasks is None else tuple(tasks)
        for task in wanted:
            if task not in self.tasks:
                raise InvalidInputError(
                    f"model '{self.name}' has no task '{task}': it has {', '.join(self.tasks)}."
                    + nearest(task, self.tasks)
                )
        chosen = tuple(task for task in self.tasks if task in wanted)
        return dict(zip(chosen, self._sessions.run(part, chosen, inputs), strict=True))

    def _batch(self, images: UInt8Array) -> UInt8Array:
        """Return (N, 3, H', W'), sides multiples of the stride."""
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or not images.size:
            raise InvalidInputError(
                f"images of {images.dtype} {images.shape}: give uint8 (images, height, width, 3), "
                "or one of them to encode, not empty"
            )
        return pad(np.ascontiguousarray(images.transpose(0, 3, 1, 2)), self.stride)
