"""gRPC's messages by hand: what a ready-made client does not send."""

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2

from cofeat.cloud.grpc import to_request
from cofeat.cloud.grpc_messages import CLASSES
from cofeat.errors import ProtocolError

INFER = "/inference.GRPCInferenceService/ModelInfer"


def test_the_table_is_the_protocol_s():
    # The same numbers and types as in the classes that were generated from the .proto.
    ours = {name: one.DESCRIPTOR for name, one in CLASSES.items()}
    nested = {
        "TensorMetadata": service_pb2.ModelMetadataResponse.TensorMetadata,
        "InferInputTensor": service_pb2.ModelInferRequest.InferInputTensor,
        "InferRequestedOutputTensor": service_pb2.ModelInferRequest.InferRequestedOutputTensor,
        "InferOutputTensor": service_pb2.ModelInferResponse.InferOutputTensor,
    }
    for name, descriptor in ours.items():
        theirs = (nested.get(name) or getattr(service_pb2, name)).DESCRIPTOR
        assert [(f.number, f.name, f.type, f.is_repeated) for f in descriptor.fields] == [
            (f.number, f.name, f.type, f.is_repeated) for f in theirs.fields
        ]


@pytest.fixture(scope="module")
def channel(server):
    if server.grpc is None:
        pytest.skip("the engine ray has no gRPC")
    with grpc.insecure_channel(server.grpc) as channel:
        yield channel


def call(channel, data):
    return channel.unary_unary(INFER)(data, timeout=60)


@given(st.binary(max_size=60))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_message_is_refused_and_never_as_our_fault(channel, data):
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, data)
    assert caught.value.code().name in ("INVALID_ARGUMENT", "NOT_FOUND")


def message(**changes):
    entry = CLASSES["InferInputTensor"](name="bitstream", datatype="BYTES", shape=[1])
    entry.contents.bytes_contents.append(b"stream")
    return CLASSES["ModelInferRequest"](model_name="street", **{"inputs": [entry], **changes})


def test_contents_may_stand_in_the_tensor():
    assert to_request(message()).inputs[0].elements == (b"stream",)


def test_parameters_are_plain_values():
    asked = message()
    asked.parameters["timeout"].int64_param = 5
    asked.parameters["unset"].SetInParent()
    assert to_request(asked).parameters == {"timeout": 5}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"inputs": []}, "0 inputs"),
        ({"raw_input_contents": [b"", b""]}, "1 inputs with the contents of 2"),
        ({"raw_input_contents": [b"\xff\xff\xff\xff"]}, "beyond its bytes"),
    ],
)
def test_messages_that_contradict_themselves_are_refused(changes, why):
    with pytest.raises(ProtocolError, match=why):
        to_request(message(**changes))


@pytest.mark.parametrize(
    ("field", "value"), [("datatype", "FP32"), ("shape", []), ("shape", [-1]), ("shape", [2])]
)
def test_what_is_no_tensor_of_bytes_is_refused(field, value):
    asked = message()
    if field == "shape":
        del asked.inputs[0].shape[:]
        asked.inputs[0].shape.extend(value)
    else:
        asked.inputs[0].datatype = value
    with pytest.raises(ProtocolError):
        to_request(asked)


def test_what_there_is_comes_with_a_refusal(channel, kit):
    asked = message()
    asked.inputs[0].contents.bytes_contents[0] = kit.stream_of(model_id=b"9" * 8)
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, asked.SerializeToString())
    trailing = dict(caught.value.trailing_metadata())
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert '"name": "street"' in trailing["have"]
    assert trailing["x-request-id"]
