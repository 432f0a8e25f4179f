"""A network's halves as ONNX graphs, and the whole of it: one after the other.

N images, H height, W width, h = H / stride, w = W / stride.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from cofeat.bundle.layout import FEATURES, IMAGE_INPUT
from cofeat.errors import ExportError, MissingPackageError
from cofeat.export.quiet import quiet
from cofeat.network.multitask import MultiTaskNetwork

# An example for the exporter: it takes sides of 0 and 1, and equal ones, for constants.
_IMAGES, _ROWS, _COLUMNS = 2, 3, 5


class _Encoder(nn.Module):
    """image uint8 (N, 3, H, W) -> features float32 (N, C, h, w)."""

    def __init__(self, network: MultiTaskNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Normalize, encode."""
        return self.network.encode(image)


class _Heads(nn.Module):
    """features float32 (N, C, h, w) -> a prediction a task, as the task measures it."""

    def __init__(self, network: MultiTaskNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Decode; the size is that of the features, so that nothing is cropped."""
        x = self.network.bottleneck.up(features)
        heads = (self.network.head(task) for task in self.network.tasks)
        return tuple(head.predict(head(x)) for head in heads)


def export_graph(network: MultiTaskNetwork, part: str) -> bytes:
    """Turn a part of a network into an ONNX model for any N, and any H and W by the stride.

    Args:
        network: in evaluation mode, on the CPU.
        part: ``"encoder"`` or ``"heads"``.

    Raises:
        ExportError: torch cannot export it so.
        MissingPackageError: ONNX is not installed.
    """
    stride = network.stride
    rows, columns = Dim("h", min=1), Dim("w", min=1)
    if part == "encoder":
        module: nn.Module = _Encoder(network)
        name, outputs = IMAGE_INPUT, [FEATURES]
        shape = (_IMAGES, 3, _ROWS * stride, _COLUMNS * stride)
        example = torch.zeros(shape, dtype=torch.uint8)
        rows, columns = stride * rows, stride * columns
    else:
        module = _Heads(network)
        name, outputs = FEATURES, list(network.tasks)
        example = torch.zeros(_IMAGES, network.bottleneck.channels, _ROWS, _COLUMNS)
    try:
        with quiet(), torch.no_grad():
            program = torch.onnx.export(
                module.eval(),
                (example,),
                dynamo=True,
                input_names=[name],
                output_names=outputs,
                dynamic_shapes={name: {0: Dim("N", min=1), 2: rows, 3: columns}},
                verbose=False,
            )
    except ImportError as error:
        raise MissingPackageError(error.name or "onnxscript", "train", "exporting") from None
    except Exception as error:  # whatever a network has in it, torch names it its own way
        raise ExportError(f"torch cannot export the {part}: {_first_line(error)}") from error
    if program is None:
        raise ExportError(f"torch did not export the {part}")
    return _anonymous(program.model_proto)


def join_graphs(encoder: bytes, heads: bytes) -> bytes:
    """Return the whole network, uncut and without quantizer, as one ONNX model.

    Args:
        encoder: of ``export_graph``.
        heads: of the same network.
    """
    import onnx
    from onnx import compose

    first, second = (
        compose.add_prefix(
            onnx.load_from_string(half), f"{name}/", rename_inputs=False, rename_outputs=False
        )
        for name, half in (("encoder", encoder), ("heads", heads))
    )
    whole = compose.merge_models(first, second, io_map=[(FEATURES, FEATURES)])
    content: bytes = whole.SerializeToString()
    return content


def output_words(network: MultiTaskNetwork) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return task -> (dtype of its prediction, a word an axis: N, H, W or a number)."""
    stride = network.stride
    height, width = _ROWS * stride, _COLUMNS * stride
    features = torch.zeros(_IMAGES, network.bottleneck.channels, _ROWS, _COLUMNS)
    with torch.no_grad():
        outputs = network.predict(features, (height, width))
    words = {height: "H", width: "W"}
    return {
        task: (
            str(output.dtype).removeprefix("torch."),
            ("N", *(words.get(side, str(side)) for side in output.shape[1:])),
        )
        for task, output in outputs.items()
    }


def _anonymous(model: Any) -> bytes:
    """Serialize a model without what it tells of the machine that made it: paths, source lines."""
    model.ClearField("metadata_props")
    graph = model.graph
    for message in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        message.ClearField("doc_string")
        message.ClearField("metadata_props")
    content: bytes = model.SerializeToString()
    return content


def _first_line(error: Exception) -> str:
    """Return the reason that torch puts first, without its advice."""
    cause = error.__cause__ or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(cause).__name__
