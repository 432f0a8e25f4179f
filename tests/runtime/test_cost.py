"""Graphs made with ONNX's own package, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from cofeat.errors import BundleError
from cofeat.runtime.cost import graph_cost


def constant(name, *shape):
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def model_of(nodes, constants, out_shape):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("N", 3, "H", "W"))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out_shape)],
        constants,
    )
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


X = {"x": np.zeros((1, 3, 6, 8), np.float32)}


def test_convolutions_there_and_back():
    model = model_of(
        [
            helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("ConvTranspose", ["r", "v"], ["y"], strides=[2, 2]),
        ],
        [constant("w", 5, 3, 3, 3), constant("v", 5, 2, 2, 2)],
        ("N", 2, "H", "W"),
    )
    cost = graph_cost(model, X)
    # 5 x 3 x 4 outputs of 27 products; 5 x 3 x 4 inputs that go into 2 x 2 x 2 outputs each.
    assert cost.flops == 2 * (60 * 27 + 60 * 8)
    assert cost.parameters == 5 * 27 + 5 * 8
    assert cost.parameter_bytes == len(model)
    # Alive at once: x and c (144 + 60), c and r (120), r and y (60 + 96 of 2 x 6 x 8): x and c.
    assert cost.activation_bytes == 4 * (144 + 60)


def test_groups_and_products_of_matrices():
    model = model_of(
        [
            helper.make_node("Conv", ["x", "w"], ["c"], group=3),
            helper.make_node("MatMul", ["c", "m"], ["y"]),
        ],
        [constant("w", 3, 1, 1, 1), constant("m", 8, 5)],
        ("N", 3, "H", 5),
    )
    cost = graph_cost(model, X)
    # A product for each of 144 values; 3 x 6 x 5 outputs of 8 products.
    assert cost.flops == 2 * (144 + 90 * 8)
    assert cost.parameters == 3 + 40


def test_what_is_no_graph():
    with pytest.raises(BundleError, match="cannot be counted"):
        graph_cost(b"no graph", X)
