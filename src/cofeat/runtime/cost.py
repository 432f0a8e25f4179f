"""What a graph takes: operations, parameters and memory, counted for one picture size.

Shapes are ONNX Runtime's own: every value of the graph is made an output of it, and the graph
is run once on zeros. Counted are the multiplications and additions of convolutions and matrix
products, two for each multiply-add; all else is small beside them, and left out as is the habit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cofeat.errors import BundleError, MissingPackageError
from cofeat.runtime.selection import parse_model
from cofeat.runtime.sessions import CPU

Shape = tuple[int, ...]
AnyArray = npt.NDArray[Any]

# (shape of the input, of the weights, of the output) -> multiply-adds. Weights of a convolution
# are (out, in / groups, sides...), of a transposed one (in, out / groups, sides...).
_MULTIPLY_ADDS: dict[str, Callable[[Shape, Shape, Shape], int]] = {
    "Conv": lambda _, weights, out: math.prod(out) * math.prod(weights[1:]),
    "ConvTranspose": lambda given, weights, _: math.prod(given) * math.prod(weights[1:]),
    "MatMul": lambda given, _, out: math.prod(out) * given[-1],
    "Gemm": lambda given, _, out: math.prod(out) * given[-1],
}


@dataclass(frozen=True)
class GraphCost:
    """What one run of a graph takes."""

    flops: int
    """Two for each multiply-add of convolutions and matrix products."""
    parameters: int
    """Numbers in the graph; scales of a quantized one included."""
    parameter_bytes: int
    """Of the file, which is little more."""
    activation_bytes: int
    """Of the values that are alive at once, at most, if every one is freed after its last use."""


def graph_cost(model: bytes, inputs: Mapping[str, AnyArray]) -> GraphCost:
    """Count what a graph takes.

    Args:
        model: an ONNX file's content.
        inputs: name -> array of the shape to count for; the graph is run on them.

    Raises:
        BundleError: it cannot be run.
        MissingPackageError: there is no ONNX Runtime.
    """
    try:
        tree = parse_model(model)
        values = _values(tree, inputs)
    except MissingPackageError:
        raise
    except Exception as error:  # ONNX Runtime's are plain subclasses of Exception
        reason = " ".join(str(error).split())[:300]
        raise BundleError(f"a graph cannot be counted: {reason}") from error
    shapes = {name: value.shape for name, value in values.items()}
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in tree.graph.initializer}
    multiply_adds = 0
    for node in tree.graph.node:
        count = _MULTIPLY_ADDS.get(node.op_type)
        if count is not None:
            given, weights = (shapes[name] for name in node.input[:2])
            multiply_adds += count(given, weights, shapes[node.output[0]])
    return GraphCost(
        flops=2 * multiply_adds,
        parameters=sum(math.prod(tensor.dims) for tensor in tree.graph.initializer),
        parameter_bytes=len(model),
        activation_bytes=_most_alive(tree.graph, {name: v.nbytes for name, v in values.items()}),
    )


def _values(tree: Any, inputs: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """Return every value that the graph computes or is given."""
    try:
        import onnxruntime
    except ImportError:
        raise MissingPackageError("onnxruntime", "edge", "counting a graph") from None
    every = type(tree).FromString(tree.SerializeToString())
    made = [name for node in every.graph.node for name in node.output if name]
    known = {output.name for output in every.graph.output}
    for name in made:
        if name not in known:
            every.graph.output.add(name=name)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # Nodes that are melted into others would have no values.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(every.SerializeToString(), options, [CPU])
    outputs = session.run(made, dict(inputs))
    return {**inputs, **{name: np.asarray(v) for name, v in zip(made, outputs, strict=True)}}


def _most_alive(graph: Any, sizes: Mapping[str, int]) -> int:
    """Return the most bytes of values that are needed at once, running node after node."""
    last_use = {name: index for index, node in enumerate(graph.node) for name in node.input}
    last_use |= {output.name: len(graph.node) for output in graph.output}
    made = {name for node in graph.node for name in node.output}
    alive = {name for name in sizes if name not in made}
    most = 0
    for index, node in enumerate(graph.node):
        alive.update(name for name in node.output if name in sizes)
        most = max(most, sum(sizes[name] for name in alive))
        alive = {name for name in alive if last_use.get(name, -1) > index}
    return most
