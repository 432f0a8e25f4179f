"""Whatever a server answers, it is an answer or a LinkError."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cofeat.edge.answers import outputs_of, requested
from cofeat.edge.wire import Request, _decode
from cofeat.errors import ProtocolError
from cofeat.protocol.http import encode_response
from cofeat.protocol.messages import InferResponse, array_tensor, bytes_tensor

SIZE = (30, 50)
TASKS = ("segmentation", "disparity", "reconstruction")
REQUEST = Request("tiny", "bitstream", b"", SIZE, TASKS, "png")


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def answer(**changed):
    """An answer of PNGs, with some outputs changed."""
    tensors = {
        "segmentation": bytes_tensor("segmentation", png(np.full(SIZE, 3, np.uint8))),
        "disparity": bytes_tensor("disparity", png(np.full(SIZE, 513, np.uint16))),
        "reconstruction": bytes_tensor("reconstruction", png(np.full((*SIZE, 3), 7, np.uint8))),
        **changed,
    }
    return InferResponse("tiny", "1", tuple(tensors.values()))


def test_pictures_become_arrays():
    outputs = outputs_of(answer(), TASKS, SIZE)
    assert (outputs["segmentation"] == 3).all()
    assert (outputs["disparity"] == 2.0).all()  # (513 - 1) / 256 px
    assert outputs["disparity"].dtype == np.float32
    assert (outputs["reconstruction"] == 7).all()


@pytest.mark.parametrize(
    "tensor",
    [
        bytes_tensor("segmentation", b""),
        bytes_tensor("segmentation", b"no picture"),
        bytes_tensor("segmentation", png(np.zeros(SIZE, np.uint8))[:-30]),
        bytes_tensor("segmentation", png(np.zeros((31, 50), np.uint8))),
        bytes_tensor("segmentation", png(np.zeros((*SIZE, 3), np.uint8))),
        bytes_tensor("segmentation", *[png(np.zeros(SIZE, np.uint8))] * 2),
        bytes_tensor("other", png(np.zeros(SIZE, np.uint8))),
        array_tensor("segmentation", np.zeros((1, *SIZE), np.float32)),
        array_tensor("segmentation", np.zeros((2, *SIZE), np.uint8)),
        array_tensor("segmentation", np.zeros((1, 50, 30), np.uint8)),
    ],
)
def test_what_the_picture_could_not_have_is_refused(tensor):
    with pytest.raises(ProtocolError):
        outputs_of(answer(segmentation=tensor), TASKS, SIZE)


def test_an_output_that_comes_twice_or_not_at_all_is_refused():
    whole = answer()
    for outputs in (whole.outputs[:2], (*whole.outputs, whole.outputs[0])):
        with pytest.raises(ProtocolError, match="the answer has"):
            outputs_of(InferResponse("tiny", "1", outputs), TASKS, SIZE)


@given(
    at=st.integers(0, 2000),
    byte=st.integers(0, 255),
    cut=st.none() | st.integers(0, 2000),
    length=st.none() | st.text(max_size=5) | st.integers(0, 3000).map(str),
)
def test_a_damaged_body_is_an_answer_or_a_protocol_error(at, byte, cut, length):
    content, header_bytes = encode_response(answer())
    damaged = bytearray(content)
    damaged[at % len(damaged)] = byte
    try:
        _, outputs = _decode(REQUEST, bytes(damaged[:cut]), length or str(header_bytes))
    except ProtocolError:
        return
    assert {task: array.shape for task, array in outputs.items()} == {
        "segmentation": SIZE,
        "disparity": SIZE,
        "reconstruction": (*SIZE, 3),
    }


def test_what_is_asked_for_says_its_form():
    forms = {
        answers: [output.parameters["format"] for output in requested((*TASKS, "flow"), answers)]
        for answers in ("raw", "png", "jpeg")
    }
    assert forms == {
        "raw": ["raw", "raw", "raw", "raw"],
        "png": ["png", "png", "png", "raw"],
        "jpeg": ["png", "png", "jpeg", "raw"],
    }
