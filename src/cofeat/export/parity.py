"""Do the exported graphs compute what torch computes, on real images?

The distance of an output is the largest difference over the range of torch's
output (over 1 where that is constant); of labels, the share of pixels that differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cofeat.errors import ExportError
from cofeat.feature.quantizer import dequantize, quantize
from cofeat.image import UInt8Array
from cofeat.network.multitask import MultiTaskNetwork
from cofeat.runtime import RuntimeModel

# A fortieth of a step of 8 bits: rounding hides what is below, and float32 summed in another
# order stays a hundred times below that.
TOLERANCE = 1e-4
# Of labels: two classes that are nearly as likely change places.
LABEL_TOLERANCE = 1e-3

AnyArray = npt.NDArray[Any]


def check_parity(
    network: MultiTaskNetwork, model: RuntimeModel, images: Sequence[UInt8Array]
) -> dict[str, float]:
    """Compare a model's graphs with its network, on each image whole and cut to an odd size.

    Args:
        network: in evaluation mode, on the CPU.
        model: its export, in fp32.
        images: uint8 (H, W, 3).

    Returns:
        ``"encoder.features"``, ``"heads.TASK"`` and ``"whole.TASK"`` -> the largest distance.

    Raises:
        ExportError: a distance is beyond tolerance.
    """
    worst: dict[str, float] = {}
    for image in images:
        for cut in (image, image[: -(image.shape[0] // 3), : -(image.shape[1] // 5)]):
            for name, (output, expected) in _outputs(network, model, cut).items():
                worst[name] = max(worst.get(name, 0.0), _checked(name, output, expected))
    return worst


def _outputs(
    network: MultiTaskNetwork, model: RuntimeModel, image: UInt8Array
) -> dict[str, tuple[AnyArray, AnyArray]]:
    """Return every output for one image, the graphs' and torch's."""
    size = (image.shape[0], image.shape[1])
    with torch.no_grad():
        batch = torch.from_numpy(image.copy()).permute(2, 0, 1)[None]
        features = network.encode(batch)
        sent = dequantize(quantize(features[0].numpy(), model.bits, model.per_channel, model.step))
        from_sent = network.predict(torch.from_numpy(sent)[None], size)
        uncut = network.predict(features, size)
    found = {"encoder.features": (model.encode(image), features[0].numpy())}
    parts = {
        "heads": (model.predict(sent, size), from_sent),
        "whole": ({k: v[0] for k, v in model.predict_images(image[None]).items()}, uncut),
    }
    for part, (outputs, expected) in parts.items():
        for task, tensor in expected.items():
            found[f"{part}.{task}"] = (outputs[task], tensor[0].numpy())
    return found


def _checked(name: str, output: AnyArray, expected: AnyArray) -> float:
    """Return the distance of an output.

    Raises:
        ExportError: it is beyond tolerance.
    """
    if output.shape != expected.shape or output.dtype != expected.dtype:
        raise ExportError(
            f"the exported {name} is {output.dtype} {output.shape}, "
            f"and torch's is {expected.dtype} {expected.shape}"
        )
    labels = expected.dtype.kind != "f"
    tolerance = LABEL_TOLERANCE if labels else TOLERANCE
    if labels:
        distance = float(np.mean(output != expected))
    else:
        span = float(expected.max() - expected.min())
        distance = float(np.max(np.abs(output - expected))) / (span or 1.0)
    if not distance <= tolerance:  # NaN is beyond it
        unit = "of the labels differ" if labels else "of its range away"
        raise ExportError(
            f"the exported {name} is not torch's: {distance:.2g} {unit}, "
            f"and at most {tolerance:g} is taken for rounding"
        )
    return distance
