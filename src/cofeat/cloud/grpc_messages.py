"""The messages of ``inference.GRPCInferenceService``, made from a table.

No generated code: the table below is what of the protocol's ``.proto`` is used here,
with its numbers, and protobuf makes the classes from it. They are in a pool of their
own, so that a client with generated classes may live in the same process.

Source: ``open_inference_grpc.proto`` of the Open Inference Protocol.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"

# Message -> fields: number, name, type. "*" is repeated, "%" a map from strings, a
# capital letter begins another message, "?" a choice of which one is set.
_MESSAGES: dict[str, str] = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "1 live bool",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "1 ready bool",
    "ModelReadyRequest": "1 name string, 2 version string",
    "ModelReadyResponse": "1 ready bool",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "1 name string, 2 version string, 3 extensions *string",
    "ModelMetadataRequest": "1 name string, 2 version string",
    "TensorMetadata": "1 name string, 2 datatype string, 3 shape *int64",
    "ModelMetadataResponse": "1 name string, 2 versions *string, 3 platform string, "
    "4 inputs *TensorMetadata, 5 outputs *TensorMetadata",
    "InferParameter": "1 bool_param ?bool, 2 int64_param ?int64, 3 string_param ?string, "
    "4 double_param ?double, 5 uint64_param ?uint64",
    "InferTensorContents": "1 bool_contents *bool, 2 int_contents *int32, "
    "3 int64_contents *int64, 4 uint_contents *uint32, 5 uint64_contents *uint64, "
    "6 fp32_contents *float, 7 fp64_contents *double, 8 bytes_contents *bytes",
    "InferInputTensor": "1 name string, 2 datatype string, 3 shape *int64, "
    "4 parameters %InferParameter, 5 contents InferTensorContents",
    "InferRequestedOutputTensor": "1 name string, 2 parameters %InferParameter",
    "ModelInferRequest": "1 model_name string, 2 model_version string, 3 id string, "
    "4 parameters %InferParameter, 5 inputs *InferInputTensor, "
    "6 outputs *InferRequestedOutputTensor, 7 raw_input_contents *bytes",
    "InferOutputTensor": "1 name string, 2 datatype string, 3 shape *int64, "
    "4 parameters %InferParameter, 5 contents InferTensorContents",
    "ModelInferResponse": "1 model_name string, 2 model_version string, 3 id string, "
    "4 parameters %InferParameter, 5 outputs *InferOutputTensor, 6 raw_output_contents *bytes",
}

_Field = descriptor_pb2.FieldDescriptorProto


def _add_field(message: Any, number: str, name: str, kind: str) -> None:
    """Add a field of the table to a message's description."""
    mark = kind[0] if kind[0] in "*%?" else ""
    kind = kind.removeprefix(mark)
    field = message.field.add(name=name, number=int(number), label=_Field.LABEL_OPTIONAL)
    if mark == "%":
        entry = message.nested_type.add(name=f"{name.title()}Entry")
        entry.options.map_entry = True
        _add_field(entry, "1", "key", "string")
        _add_field(entry, "2", "value", kind)
        kind = f"{message.name}.{entry.name}"
    if mark == "?":
        if not message.oneof_decl:
            message.oneof_decl.add(name="parameter_choice")
        field.oneof_index = 0
    if mark in ("*", "%"):
        field.label = _Field.LABEL_REPEATED
    if kind[0].isupper():
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{kind}"
    else:
        field.type = getattr(_Field, f"TYPE_{kind.upper()}")


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="cofeat/open_inference.proto", package=PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in filter(None, fields.split(", ")):
            _add_field(message, *field.split(" "))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in _MESSAGES
    }


CLASSES = _classes()
