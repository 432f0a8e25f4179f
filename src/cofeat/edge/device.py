"""What this machine does with a picture: its half of the network and the bytes, or all of it.

::

    split    image ─ encoder ─► features ─ codec ─► bitstream
    cloud    image ───────────────────── picture ─► file
    mobile   image ─ whole network ─► outputs
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

from cofeat.bundle import Bundle, BundleModel
from cofeat.bundle.reading import open_bundle_model
from cofeat.edge.answers import Answers, check_answers
from cofeat.edge.result import MODES, AnyArray, Mode
from cofeat.edge.wire import Kind, Request
from cofeat.errors import InvalidInputError
from cofeat.feature.bitstream import unpack
from cofeat.feature.budget import Budget, Coding
from cofeat.feature.codecs import codec_name
from cofeat.image import Float32Array, UInt8Array
from cofeat.pictures import encode_picture, parse_picture_spec
from cofeat.registry import nearest
from cofeat.runtime import RuntimeModel
from cofeat.runtime.model import ENCODERS, Precision
from cofeat.tasks import load_task


class Device:
    """A model of a bundle, as a device uses it; any thread may call it.

    Args:
        bundle: folder, ``"FOLDER:NAME"``, or an open bundle of one model.
        codec: of the features; None for the bundle's choice. With a budget what may be used.
        budget: of the features' bitstream.
        picture: format and setting of the picture where it is sent itself.
        tasks: what is wanted; None for all.
        answers: the form in which the server answers.
        precision: of the encoder; None for int8 where the bundle has it.
        threads: of the network; None for every core.

    Raises:
        InvalidInputError: there is no such bundle, task, codec or format.
        BundleError: the bundle is damaged.
        MissingPackageError: there is no ONNX Runtime.
    """

    def __init__(
        self,
        bundle: str | Path | Bundle | BundleModel,
        codec: str | None = None,
        budget: Budget | None = None,
        picture: str = "jpeg",
        tasks: tuple[str, ...] | None = None,
        answers: Answers = "png",
        precision: Precision | None = None,
        threads: int | None = None,
    ) -> None:
        entry = _open(bundle)
        if precision is None:
            precision = "int8" if entry.has("encoder_int8") else "fp32"
        self.model = RuntimeModel(entry, precision, threads)
        self.tasks = self._known(self.model.tasks if tasks is None else tasks)
        self._coding = Coding(codec, budget, default=self.model.codec)
        self._coding.check(self.model.bits)
        self._picture = _picture_name(picture)
        self._answers = check_answers(answers)

    def coding(self, codec: str | None = None, picture: str | None = None) -> Device:
        """Return a device of the same sessions that codes otherwise, within no budget.

        Args:
            codec: of the features; None for this one's.
            picture: format and setting of the picture; None for this one's.

        Raises:
            InvalidInputError: there is no such codec or format.
        """
        other = copy.copy(self)
        if codec is not None:
            other._coding = Coding(codec)
            other._coding.check(self.model.bits)
        if picture is not None:
            other._picture = _picture_name(picture)
        return other

    def can(self, mode: Mode) -> bool:
        """Return whether the bundle holds what a mode needs."""
        parts = {"mobile": "whole", "split": ENCODERS[self.model.precision]}
        return mode == "cloud" or self.model.has(parts[mode])

    def check(self, mode: Mode) -> None:
        """Refuse a mode that cannot be.

        Raises:
            InvalidInputError: there is none of that name, or the bundle lacks its graph.
        """
        if mode not in MODES:
            raise InvalidInputError(f"mode '{mode}': use auto, {', '.join(MODES)}")
        if not self.can(mode):
            raise InvalidInputError(
                f"the bundle's model '{self.model.name}' lacks the graph for mode "
                f"'{mode}': export it with that part, or use another mode"
            )

    def encode(self, image: UInt8Array) -> Float32Array:
        """Return the features, float32 (C, h, w), of an image, uint8 (H, W, 3)."""
        return self.model.encode(image)

    def split_request(self, features: Float32Array, size: tuple[int, int]) -> tuple[Request, str]:
        """Return what sends features, and the codec that was taken.

        Args:
            features: float32 (C, h, w).
            size: (height, width) in pixels of the image.

        Raises:
            BudgetError: the budget cannot be met.
            InvalidInputError: the features are not finite.
            MissingPackageError: the codec needs a package that is not installed.
        """
        model = self.model
        given = (model.bits, model.per_channel, size, model.model_id, model.fitted, model.step)
        data = self._coding.compress(features, *given)
        stream = unpack(data)
        return self._request("bitstream", data, size), codec_name(stream.codec_id, stream.setting)

    def cloud_request(self, image: UInt8Array) -> tuple[Request, str]:
        """Return what sends the picture, and its format.

        Raises:
            InvalidInputError: the format cannot hold it.
            MissingPackageError: the format needs another Pillow.
        """
        data = encode_picture(image, self._picture)
        return self._request("image", data, (image.shape[0], image.shape[1])), self._picture

    def predict(self, image: UInt8Array) -> dict[str, AnyArray]:
        """Return all tasks' outputs, made here; the reconstruction as the picture that it is.

        Raises:
            InvalidInputError: the bundle does not hold the whole network.
            BundleError: the graph cannot be loaded or fails.
        """
        outputs = self.model.predict_images(image[None], self.tasks)
        arrays = {task: output[0] for task, output in outputs.items()}
        if "reconstruction" in arrays:
            picture = load_task("reconstruction").draw(arrays["reconstruction"])
            arrays["reconstruction"] = picture
        return arrays

    def _request(self, kind: Kind, data: bytes, size: tuple[int, int]) -> Request:
        return Request(
            model=self.model.name,
            kind=kind,
            data=data,
            size=size,
            tasks=self.tasks,
            answers=self._answers,
        )

    def _known(self, tasks: tuple[str, ...]) -> tuple[str, ...]:
        """Return the tasks.

        Raises:
            InvalidInputError: the model has not all of them, or there is none.
        """
        known = self.model.tasks
        for task in tasks:
            if task not in known:
                raise InvalidInputError(
                    f"model '{self.model.name}' has no task '{task}': it has "
                    f"{', '.join(known)}." + nearest(task, known)
                )
        if not tasks:
            raise InvalidInputError(f"no task: give some of {', '.join(known)}")
        return tuple(task for task in known if task in tasks)


@dataclass(frozen=True, eq=False)
class Way:
    """How a frame is made.

    Args:
        mode: where the network runs.
        device: this machine's half.
    """

    mode: Mode
    device: Device


def _picture_name(picture: str) -> str:
    """Return format and setting of a picture.

    Raises:
        InvalidInputError: there is no such format.
    """
    form, setting = parse_picture_spec(picture)
    return f"{form.name}:{setting}"


def _open(bundle: str | Path | Bundle | BundleModel) -> BundleModel:
    if isinstance(bundle, BundleModel):
        return bundle
    return bundle.model() if isinstance(bundle, Bundle) else open_bundle_model(str(bundle))
