"""A frame on its way through the stages that this machine does, each timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from cofeat.edge.device import Device
from cofeat.edge.frame import Frame
from cofeat.edge.result import AnyArray, Mode, Outcome, Result
from cofeat.edge.wire import Request, Tally
from cofeat.image import Float32Array, UInt8Array

T = TypeVar("T")


@dataclass(eq=False)
class Job:
    """A frame on its way; one stage after another fills it.

    Args:
        frame: what is to be done.
        device: this machine's half.
        mode: how, once that is chosen.
        reason: why otherwise than it was to be.
        lost: why there will be no result.
    """

    frame: Frame
    device: Device
    mode: Mode = "split"
    reason: str = ""
    lost: str = ""
    image: UInt8Array | None = None
    features: Float32Array | None = None
    request: Request | None = None
    codec: str = ""
    outputs: dict[str, AnyArray] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    stages_ms: dict[str, float] = field(default_factory=dict)

    def read(self) -> None:
        """Read the image.

        Raises:
            InvalidInputError: it cannot be read.
        """
        self.image = self._timed("read", self.frame.read)

    def encode(self) -> None:
        """Run the network as far as the mode has it run here.

        Raises:
            InvalidInputError: that is no image, or the bundle cannot do it.
            BundleError: a graph fails.
        """
        image, device = self._image(), self.device
        if self.mode == "split":
            self.features = self._timed("encode", lambda: device.encode(image))
        elif self.mode == "mobile":
            self.outputs = self._timed("encode", lambda: device.predict(image))

    def compress(self) -> None:
        """Make what is sent, where something is.

        Raises:
            InvalidInputError: it cannot be coded, or not within the budget.
            MissingPackageError: the codec is not installed.
        """
        image, features, device = self._image(), self.features, self.device
        if features is not None and self.mode == "split":
            size = (image.shape[0], image.shape[1])
            make = lambda: device.split_request(features, size)  # noqa: E731
        elif self.mode == "cloud":
            make = lambda: device.cloud_request(image)  # noqa: E731
        else:
            return
        self.request, self.codec = self._timed("compress", make)
        self.features = None

    def result(self, mode: Outcome) -> Result:
        """Return what became of the frame."""
        return Result(
            name=self.frame.name,
            mode=mode,
            outputs=self.outputs,
            reason=self.lost or self.reason,
            payload_bytes=0 if self.request is None else len(self.request.data),
            codec=self.codec,
            bytes_sent=self.tally.bytes_sent,
            attempts=self.tally.attempts,
            stages_ms=self.stages_ms,
            image=self.image,
        )

    def _image(self) -> UInt8Array:
        # One that was not read is no image to any stage, and each says so in one line.
        return np.zeros((0, 0, 3), np.uint8) if self.image is None else self.image

    def _timed(self, stage: str, call: Callable[[], T]) -> T:
        """Call, and add the time to a stage's."""
        started_s = time.monotonic()
        try:
            return call()
        finally:
            passed_ms = 1000 * (time.monotonic() - started_s)
            self.stages_ms[stage] = self.stages_ms.get(stage, 0.0) + passed_ms
