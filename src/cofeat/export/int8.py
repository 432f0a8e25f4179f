"""An encoder in 8-bit integers: static quantization, calibrated on training images.

Activations in uint8 and weights in int8, one scale an output channel: the pair
that VNNI and its like multiply in one instruction. In the form of QDQ, which every
provider of ONNX Runtime reads. Normalization stays in float32: three scales of
three channels are no job for one scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cofeat.bundle.layout import IMAGE_INPUT
from cofeat.errors import ExportError, InvalidInputError, MissingPackageError
from cofeat.export.quiet import quiet
from cofeat.files import replacing
from cofeat.image import UInt8Array
from cofeat.runtime.padding import pad

# What is quantized. Sums and maxima go with the convolutions around them, so that
# nothing between the first and the last is turned back into floats.
OPERATORS = ("Conv", "Add", "MaxPool", "Relu", "Clip", "AveragePool", "Concat", "Gemm", "MatMul")


class _Images:
    """Calibration images as ONNX Runtime asks for them, one a batch."""

    def __init__(
        self, images: Sequence[UInt8Array], stride: int, on_progress: Callable[[int], None] | None
    ) -> None:
        self._images = images
        self._stride = stride
        self._on_progress = on_progress
        self._batches = self._iterate()

    def get_next(self) -> dict[str, Any] | None:
        """Return the inputs of the next run, None at the end."""
        return next(self._batches, None)

    def rewind(self) -> None:
        """Start again."""
        self._batches = self._iterate()

    def _iterate(self) -> Iterator[dict[str, Any]]:
        for index, image in enumerate(self._images):
            batch = np.ascontiguousarray(image.transpose(2, 0, 1)[None])
            yield {IMAGE_INPUT: pad(batch, self._stride)}
            if self._on_progress:
                self._on_progress(index + 1)


def quantize_encoder(
    encoder: bytes,
    images: Sequence[UInt8Array],
    stride: int,
    file: Path,
    on_progress: Callable[[int], None] | None = None,
) -> None:
    """Write the encoder in 8-bit integers.

    Args:
        encoder: the ONNX model in float32.
        images: of the training set, uint8 (H, W, 3).
        stride: of the encoder.
        file: where to.
        on_progress: called with the number of images done.

    Raises:
        InvalidInputError: there is no image.
        ExportError: ONNX Runtime cannot quantize it.
        MissingPackageError: ONNX or ONNX Runtime is not installed.
    """
    if not images:
        raise InvalidInputError("an int8 encoder needs at least one training image to calibrate")
    try:
        import onnx
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    except ImportError as error:
        package = (error.name or "onnxruntime").partition(".")[0]
        raise MissingPackageError(package, "train", "an int8 encoder") from None
    try:
        with quiet(), replacing(file) as temporary:
            quantize_static(
                onnx.load_from_string(encoder),
                str(temporary),
                _Images(images, stride, on_progress),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(OPERATORS),
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ExportError(f"ONNX Runtime cannot quantize the encoder: {reason}") from error
