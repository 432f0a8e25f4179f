"""Bodies written by hand as the protocol says them, and any bytes."""

import json
import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cofeat.errors import ProtocolError
from cofeat.protocol.http import (
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    parse_header_length,
    wants_binary,
)
from cofeat.protocol.messages import (
    DTYPES,
    InferRequest,
    InferResponse,
    RequestedOutput,
    Tensor,
    array_tensor,
    bytes_tensor,
)

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PARAMETERS = st.dictionaries(
    NAMES.map("x".__add__), st.booleans() | st.integers(-(2**60), 2**60) | NAMES, max_size=3
)


def with_head(head, tail=b""):
    text = json.dumps(head).encode()
    return text + tail, len(text)


def with_input(tail=b"", **entry):
    return with_head({"inputs": [{"name": "a", **entry}]}, tail)


@st.composite
def tensors(draw):
    shape = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    number = int(np.prod(shape))
    datatype = draw(st.sampled_from(["BYTES", *DTYPES]))
    if datatype == "BYTES":
        values = tuple(draw(st.lists(st.binary(max_size=5), min_size=number, max_size=number)))
    elif datatype == "BOOL":
        values = np.arange(number).reshape(shape) % 2 == 0
    else:
        values = np.arange(number).astype(DTYPES[datatype]).reshape(shape)
    return Tensor(draw(NAMES), datatype, shape, values, draw(PARAMETERS))


def check_same(one, two):
    assert (one.name, one.datatype, one.shape) == (two.name, two.datatype, two.shape)
    if one.datatype == "BYTES":
        assert one.elements == two.elements
    else:
        assert one.array.dtype == two.array.dtype
        np.testing.assert_array_equal(one.array, two.array)


def test_a_request_written_by_hand():
    element = b"\x03\x00\x00\x00\xff\x00\x01"
    body, length = with_head(
        {
            "id": "7",
            "parameters": {"timeout": 500},
            "inputs": [
                {
                    "name": "bitstream",
                    "datatype": "BYTES",
                    "shape": [1],
                    "parameters": {"binary_data_size": 7},
                },
                {"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [[1, 2.5], [3, 4]]},
                {
                    "name": "y",
                    "datatype": "INT16",
                    "shape": [2],
                    "parameters": {"binary_data_size": 4},
                },
            ],
            "outputs": [{"name": "o", "parameters": {"binary_data": True}}, {"name": "p"}],
        },
        element + struct.pack("<hh", -2, 300),
    )
    request = decode_request(body, length)
    assert (request.id, request.parameters) == ("7", {"timeout": 500})
    bitstream, x, y = request.inputs
    assert bitstream.elements == (b"\xff\x00\x01",)
    np.testing.assert_array_equal(x.array, np.array([[1, 2.5], [3, 4]], np.float32))
    np.testing.assert_array_equal(y.array, np.array([-2, 300], np.int16))
    assert [output.name for output in request.outputs] == ["o", "p"]
    assert wants_binary(request, "o")
    assert not wants_binary(request, "p")


def test_a_response_written_by_hand():
    response = InferResponse(
        "street",
        "3",
        (
            array_tensor("labels", np.array([[1, 2]], np.uint8)),
            bytes_tensor("png", b"\x89PNG"),
            array_tensor("pixels", np.array([0.5], np.float32)),
        ),
        id="7",
    )
    body, length = encode_response(response, lambda name: name == "labels")
    assert json.loads(body[:length]) == {
        "model_name": "street",
        "model_version": "3",
        "id": "7",
        "outputs": [
            {
                "name": "labels",
                "datatype": "UINT8",
                "shape": [1, 2],
                "parameters": {"binary_data_size": 2},
            },
            {
                "name": "png",
                "datatype": "BYTES",
                "shape": [1],
                "data": ["iVBORw=="],
                "parameters": {"content_type": "base64"},
            },
            {"name": "pixels", "datatype": "FP32", "shape": [1], "data": [0.5]},
        ],
    }
    assert body[length:] == b"\x01\x02"


def test_a_response_without_binary_tensors_is_json():
    response = InferResponse("a", "1", (array_tensor("x", np.zeros(1)),))
    body, length = encode_response(response, lambda _: False)
    assert length is None
    assert json.loads(body)["outputs"][0]["data"] == [0.0]


@given(st.lists(tensors(), min_size=1, max_size=3), NAMES, PARAMETERS)
def test_decoding_inverts_encoding_of_requests(inputs, text, parameters):
    outputs = (RequestedOutput(text, parameters),)
    request = InferRequest(tuple(inputs), outputs, id=text, parameters=parameters)
    restored = decode_request(*encode_request(request))
    for one, two in zip(request.inputs, restored.inputs, strict=True):
        check_same(one, two)
    assert restored.id == text
    assert parameters.items() <= restored.parameters.items()
    assert restored.outputs[0].name == text
    assert wants_binary(restored, text)
    assert wants_binary(restored, text + "another")


@given(st.lists(tensors(), min_size=1, max_size=3), st.booleans(), PARAMETERS)
def test_decoding_inverts_encoding_of_responses(outputs, binary, parameters):
    response = InferResponse("m", "1", tuple(outputs), "id", parameters)
    restored = decode_response(*encode_response(response, lambda _: binary))
    for one, two in zip(response.outputs, restored.outputs, strict=True):
        check_same(one, two)
    assert (restored.model_name, restored.model_version, restored.id) == ("m", "1", "id")
    assert restored.parameters == parameters


@pytest.mark.parametrize("base64", [True, False])
def test_bytes_in_json_are_text_or_base64(base64):
    parameters = {"parameters": {"content_type": "base64"}} if base64 else {}
    body, _ = with_input(datatype="BYTES", shape=[1], data=["YQ=="], **parameters)
    assert decode_request(body).inputs[0].elements == ((b"a",) if base64 else (b"YQ==",))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"datatype": "FP32", "shape": [2], "data": [1]}, "1 elements do not fill"),
        ({"datatype": "FP32", "shape": [1], "data": [1, 2]}, "2 elements do not fill"),
        ({"datatype": "FP32", "shape": [1], "data": [True]}, "something else"),
        ({"datatype": "INT8", "shape": [1], "data": [1.5]}, "something else"),
        ({"datatype": "INT8", "shape": [1], "data": ["1"]}, "something else"),
        ({"datatype": "UINT8", "shape": [1], "data": [256]}, "does not fit UINT8"),
        ({"datatype": "FP64", "shape": [1], "data": [10**400]}, "does not fit FP64"),
        ({"datatype": "FP32", "shape": [1], "data": 1}, "are a list"),
        ({"datatype": "FP32", "shape": [1]}, "are a list"),
        ({"datatype": "FP128", "shape": [1], "data": [1]}, "no datatype 'FP128'"),
        ({"datatype": 5, "shape": [1], "data": [1]}, "datatype of 'a' is a string"),
        ({"datatype": "FP32", "shape": [0], "data": []}, "shape"),
        ({"datatype": "FP32", "shape": [-1], "data": []}, "shape"),
        ({"datatype": "FP32", "shape": [True], "data": [1]}, "shape"),
        ({"datatype": "FP32", "shape": [], "data": []}, "shape"),
        ({"datatype": "FP32", "shape": 1, "data": [1]}, "shape"),
        ({"datatype": "FP32", "shape": [1] * 9, "data": [1]}, "shape"),
        ({"datatype": "BYTES", "shape": [1], "data": [1]}, "are strings"),
        ({"datatype": "BYTES", "shape": [1], "data": ["\ud800"]}, "no text"),
        (
            {
                "datatype": "BYTES",
                "shape": [1],
                "data": ["Y Q"],
                "parameters": {"content_type": "base64"},
            },
            "no base64",
        ),
        ({"datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}}, "fit the body"),
        (
            {"datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": True}},
            "fit the body",
        ),
        ({"datatype": "FP32", "shape": [1], "data": [1], "parameters": 5}, "parameters"),
        ({"datatype": "FP32", "shape": [1], "data": [1], "parameters": {"x": []}}, "'x' is a"),
        (
            {"datatype": "FP32", "shape": [1], "data": [1], "parameters": {"x": "\udc00"}},
            "half of a character",
        ),
        ({"name": "n" * 1025}, "at most 1024 characters"),
    ],
)
def test_what_is_no_tensor_is_refused(entry, message):
    body, length = with_input(**entry)
    with pytest.raises(ProtocolError, match=message):
        decode_request(body, length)


@pytest.mark.parametrize(
    ("tail", "size", "message"),
    [
        (b"\x01\x00\x00\x00", 4, "beyond its bytes"),
        (b"\xff\xff\xff\xffx", 5, "beyond its bytes"),
        (b"\x00\x00\x00\x00x", 5, "1 bytes follow"),
        (b"\x00\x00", 2, "cannot hold 1 elements"),
        (b"\x00\x00\x00\x00x", 4, "belong to no tensor"),
        (b"\x00\x00\x00\x00", 5, "does not fit the body"),
    ],
)
def test_what_are_no_elements_is_refused(tail, size, message):
    body, length = with_input(
        tail, datatype="BYTES", shape=[1], parameters={"binary_data_size": size}
    )
    with pytest.raises(ProtocolError, match=message):
        decode_request(body, length)


def test_a_boolean_has_two_values():
    body, length = with_input(
        b"\x02", datatype="BOOL", shape=[1], parameters={"binary_data_size": 1}
    )
    with pytest.raises(ProtocolError, match="0 or 1"):
        decode_request(body, length)


@pytest.mark.parametrize("text", ["-1", "1.0", "x", "", "٣", "1" * 13])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(ProtocolError, match="number of bytes"):
        parse_header_length(text)


def test_lengths():
    assert parse_header_length(None) is None
    assert parse_header_length("120") == 120


@given(st.binary(max_size=200), st.none() | st.integers(-2, 210))
@example(b"[" * 100_000, None)
@example(b"9" * 5000, None)
@example(b'{"inputs": [NaN]}', None)
@example(b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}", None)
@example(b'\xef\xbb\xbf{"inputs": []}', None)
def test_any_bytes_are_refused(data, length):
    for decode in (decode_request, decode_response):
        with pytest.raises(ProtocolError):
            decode(data, length)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {
            "inputs": JSON
            | st.lists(
                st.fixed_dictionaries(
                    {"name": NAMES | JSON},
                    optional={
                        "datatype": st.sampled_from(["BYTES", *DTYPES]) | JSON,
                        "shape": st.lists(st.integers(0, 3), max_size=3) | JSON,
                        "data": JSON,
                        "parameters": st.fixed_dictionaries(
                            {"binary_data_size": st.integers(0, 9) | JSON}
                        ),
                    },
                ),
                max_size=3,
            )
        },
        optional={"outputs": JSON, "parameters": JSON, "id": JSON},
    ),
    st.binary(max_size=9),
)
def test_any_structure_gives_a_request_or_the_one_error(head, tail):
    body, length = with_head(head, tail)
    try:
        request = decode_request(body, length)
    except ProtocolError:
        return
    encode_request(request)


@given(st.data())
def test_any_damage_gives_a_request_or_the_one_error(data):
    request = InferRequest((bytes_tensor("bitstream", b"abc"), array_tensor("x", np.ones(2))))
    body, length = encode_request(request)
    damaged = bytearray(body)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode_request(bytes(damaged), length + data.draw(st.sampled_from([0, 0, 1, -1])))
    except ProtocolError:
        return
