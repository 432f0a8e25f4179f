"""Pictures that were sent: coded and decoded, their truths left alone."""

import io

import numpy as np
import pytest
from PIL import Image

from cofeat.data.coded import CodedPictures
from cofeat.errors import InvalidInputError
from cofeat.pictures import encode_picture

CODINGS = ("jpeg:30", "none", "webp:20")


@pytest.fixture
def dataset(noise):
    return noise(5)


def test_each_picture_is_what_pillow_decodes_of_its_file(dataset):
    coded = CodedPictures(dataset, CODINGS)
    assert (len(coded), coded.size, coded.names) == (5, dataset.size, dataset.names)
    for index in range(5):
        ours, plain = coded[index], dataset[index]
        coding = CODINGS[index % 3]
        expected = plain.image
        if coding != "none":
            file = io.BytesIO(encode_picture(plain.image, coding))
            expected = np.asarray(Image.open(file).convert("RGB"))
            assert not np.array_equal(expected, plain.image)
        np.testing.assert_array_equal(ours.image, expected)
        assert ours.image.dtype == np.uint8
        assert ours.name == plain.name


def test_truths_are_those_of_the_picture_that_was_taken(dataset):
    coded = CodedPictures(dataset, ("jpeg:10",))
    for index in range(2):
        assert coded[index].truths.keys() == dataset[index].truths.keys()
        for task, truth in coded[index].truths.items():
            np.testing.assert_array_equal(truth, dataset[index].truths[task])
    np.testing.assert_array_equal(coded[0].truths["reconstruction"], dataset[0].image)


def test_an_unknown_coding_is_refused(dataset):
    with pytest.raises(InvalidInputError, match="there is no picture format 'gif'"):
        CodedPictures(dataset, ("gif:3",))[0]
