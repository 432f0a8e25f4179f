from __future__ import annotations

import numpy as np
import pytest

from cofeat.errors import InvalidInputError
from cofeat.feature.codecs import load_codec, parse_codec
from cofeat.feature.codecs.base import check_values


@pytest.mark.parametrize(
    ("text", "name", "setting", "printed"),
    [
        ("png", "png", 9, "png"),
        ("png:6", "png", 6, "png:6"),
        ("png:9", "png", 9, "png"),
        (" JPEG:85 ", "jpeg", 85, "jpeg:85"),
        ("jpeg", "jpeg", 95, "jpeg:95"),
    ],
)
def test_specs(text, name, setting, printed):
    spec = parse_codec(text)
    assert (spec.codec.name, spec.setting, str(spec)) == (name, setting, printed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pngg", "no codec 'pngg': use one of .*png, jpeg.*Did you mean 'png'"),
        ("jpg:95", "Did you mean 'jpeg'"),
        ("jpeg:101", "the setting of jpeg is 1 to 100"),
        ("jpeg:0", "the setting of jpeg is 1 to 100"),
        ("png:10", "the setting of png is 0 to 9"),
        ("png:", "NAME:SETTING, such as jpeg:95"),
        ("jpeg:best", "NAME:SETTING"),
        ("jpeg:-1", "NAME:SETTING"),
        ("", "NAME:SETTING"),
    ],
)
def test_wrong_specs_are_refused(text, message):
    with pytest.raises(InvalidInputError, match=message):
        parse_codec(text)


@pytest.mark.parametrize(
    ("values", "bits", "message"),
    [
        (np.zeros((1, 2, 2), np.uint16), 8, "give uint8"),
        (np.zeros((1, 2, 2), np.uint8), 9, "holds 8 bits, not 9"),
        (np.zeros((2, 2), np.uint8), 8, r"\(channels, height, width\)"),
        (np.zeros((0, 2, 2), np.uint8), 8, "not empty"),
        (np.full((1, 2, 2), 16, np.uint8), 4, "16 does not fit 4 bits"),
    ],
)
def test_values_that_a_codec_cannot_take_are_refused(values, bits, message):
    with pytest.raises(InvalidInputError, match=message):
        check_values(load_codec("jpeg"), values, bits)
