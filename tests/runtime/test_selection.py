"""Cut graphs, made and run with ONNX's own package."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from cofeat.runtime.selection import select_outputs


def value(name, kind=TensorProto.FLOAT, shape=("N",)):
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name, number):
    return numpy_helper.from_array(np.asarray([number], np.float32), name)


@pytest.fixture
def model():
    """Outputs double = 2 (x + 1), triple = 3 (x + 1), branch = x + 1 or its product with five."""
    product = helper.make_graph(
        [helper.make_node("Mul", ["shared", "five"], ["inner"])], "then", [], [value("inner")]
    )
    same = helper.make_graph(
        [helper.make_node("Identity", ["shared"], ["same"])], "else", [], [value("same")]
    )
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["x", "one"], ["shared"]),
            helper.make_node("Mul", ["shared", "two"], ["double"]),
            helper.make_node("Mul", ["shared", "three"], ["triple"]),
            helper.make_node("If", ["yes"], ["branch"], then_branch=product, else_branch=same),
        ],
        "graph",
        [value("x")],
        [value("double"), value("triple"), value("branch")],
        [
            *(constant(n, v) for n, v in (("one", 1), ("two", 2), ("three", 3), ("five", 5))),
            numpy_helper.from_array(np.asarray(True), "yes"),
        ],
        value_info=[value("shared")],
    )
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10, producer_name="test"
    )
    return made.SerializeToString()


@pytest.mark.parametrize(
    ("outputs", "nodes", "constants"),
    [
        (["double"], ["Add", "Mul"], {"one", "two"}),
        (["triple"], ["Add", "Mul"], {"one", "three"}),
        (["branch"], ["Add", "If"], {"one", "five", "yes"}),
        (["double", "triple"], ["Add", "Mul", "Mul"], {"one", "two", "three"}),
    ],
)
def test_only_what_the_outputs_need_is_kept(model, outputs, nodes, constants):
    cut = onnx.load_from_string(select_outputs(model, outputs))
    onnx.checker.check_model(cut, full_check=True)
    assert [node.op_type for node in cut.graph.node] == nodes
    assert {tensor.name for tensor in cut.graph.initializer} == constants
    assert [output.name for output in cut.graph.output] == outputs
    assert [given.name for given in cut.graph.input] == ["x"]

    x = np.arange(3, dtype=np.float32)
    expected = {"double": 2 * (x + 1), "triple": 3 * (x + 1), "branch": 5 * (x + 1)}
    session = onnxruntime.InferenceSession(
        cut.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for name, result in zip(outputs, session.run(outputs, {"x": x}), strict=True):
        np.testing.assert_array_equal(result, expected[name])


def test_a_model_with_all_of_its_outputs_stays_as_it_is(model):
    kept = select_outputs(model, ["double", "triple", "branch"])
    assert onnx.load_from_string(kept) == onnx.load_from_string(model)


@pytest.mark.parametrize("data", [b"\x00", b"\xff" * 40, b"not a model"])
def test_what_is_no_model_is_refused(data):
    with pytest.raises(ValueError, match="not an ONNX model"):
        select_outputs(data, ["x"])
