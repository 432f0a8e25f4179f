"""The contact sheet shows each scene above its labels and its disparity."""

import numpy as np

from cofeat.data.streets.render import render_scene
from cofeat.data.streets.sheet import draw_sheet


def test_sheet_places_scenes():
    sheet = draw_sheet((1, 2, 3, 4), (32, 64), 2)
    assert sheet.shape == (2 * 3 * 32, 2 * 64, 3)
    fourth = render_scene(4, (32, 64))
    np.testing.assert_array_equal(sheet[96:128, 64:], fourth.image)
    labels = sheet[128:160, 64:]
    assert (labels[fourth.label_ids == 7] == (128, 64, 128)).all()
    assert not sheet[160:, 64:][fourth.disparity == 0].any()
