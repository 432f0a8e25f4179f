"""The part of an ONNX graph that some of its outputs need.

ONNX Runtime computes a whole graph, whichever outputs are asked for: three heads
where one is wanted. So a graph is cut down before it is loaded. Of the format's
messages only the fields that tell what depends on what are declared here;
protobuf, which ONNX Runtime brings along, keeps all others as they are.

Source: onnx.proto of ONNX, whose field numbers never change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

# Message -> field -> (number, type); a type in brackets is repeated.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Model": {"graph": (7, "Graph")},
    "Graph": {
        "node": (1, "[Node]"),
        "initializer": (5, "[Tensor]"),
        "output": (12, "[Value]"),
        "value_info": (13, "[Value]"),
    },
    "Node": {
        "input": (1, "[string]"),
        "output": (2, "[string]"),
        "op_type": (4, "string"),
        "attribute": (5, "[Attribute]"),
    },
    "Attribute": {"g": (6, "Graph"), "graphs": (11, "[Graph]")},
    "Tensor": {"dims": (1, "[int64]"), "name": (8, "string")},
    "Value": {"name": (1, "string")},
}


def select_outputs(model: bytes, outputs: Sequence[str]) -> bytes:
    """Return an ONNX model with only some of its outputs, and what they need.

    Args:
        model: an ONNX file's content.
        outputs: names of the outputs to keep.

    Raises:
        ValueError: the model is no ONNX model.
    """
    tree = parse_model(model)
    graph = tree.graph
    needed = _needed(graph, outputs)
    _keep(graph.output, [value for value in graph.output if value.name in outputs])
    _keep(graph.node, [node for node in graph.node if needed.intersection(node.output)])
    _keep(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in needed])
    _keep(graph.value_info, [value for value in graph.value_info if value.name in needed])
    cut: bytes = tree.SerializeToString()
    return cut


def parse_model(model: bytes) -> Any:
    """Return an ONNX model as a message with the fields above.

    Raises:
        ValueError: it is none.
    """
    from google.protobuf.message import DecodeError

    tree = _message_class()()
    try:
        tree.ParseFromString(model)
    except DecodeError as error:
        raise ValueError(f"not an ONNX model: {error}") from error
    return tree


def _needed(graph: Any, outputs: Iterable[str]) -> set[str]:
    """Return the names of all values that the outputs depend on, themselves included."""
    makers = {name: node for node in graph.node for name in node.output if name}
    needed: set[str] = set()
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += _inputs(makers[name]) if name in makers else ()
    return needed


def _inputs(node: Any) -> Iterator[str]:
    """Yield what a node reads, the graphs inside it included (branches, bodies of loops)."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from _inputs(inner)
            yield from (value.name for value in graph.output)


def _keep(field: Any, kept: list[Any]) -> None:
    copies = [type(item).FromString(item.SerializeToString()) for item in kept]
    del field[:]
    field.extend(copies)


@cache
def _message_class() -> Any:
    """Return the class of ``Model``, made of the table above."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    scalars = {"string": kinds.TYPE_STRING, "int64": kinds.TYPE_INT64}
    file = descriptor_pb2.FileDescriptorProto(
        name="cofeat/onnx_graph.proto", package="cofeat.onnx_graph", syntax="proto2"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, (number, kind) in fields.items():
            repeated, kind = kind.startswith("["), kind.strip("[]")
            field = message.field.add(
                name=field_name,
                number=number,
                label=kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL,
                type=scalars.get(kind, kinds.TYPE_MESSAGE),
            )
            if kind not in scalars:
                field.type_name = f".{file.package}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.Model"))
