"""What the right camera does not see has no disparity."""

import numpy as np

from cofeat.data.streets.dice import Dice
from cofeat.data.streets.stereo import measure, visible_in_right


def test_strip_left_of_a_near_thing_is_hidden():
    """Worked by hand: width 2048, so one pixel of disparity is one pixel.

    Background of 10 px, and a thing of 30 px at columns 100 to 149: in the
    right view it covers columns 70 to 119. Background of column x lies there at
    x - 10, so columns 80 to 99 of the left view are hidden (those from 100 on
    are behind the thing in the left view too).
    """
    disparity = np.full((1, 2048), 10.0, dtype=np.float32)
    disparity[0, 100:150] = 30.0
    visible = visible_in_right(disparity)[0]
    expected = np.ones(2048, dtype=bool)
    expected[:10] = False  # outside the right image
    expected[80:100] = False
    # The bin after the thing's last one may be counted to it.
    differing = np.flatnonzero(visible != expected)
    assert set(differing) <= {130}


def test_right_border_of_a_near_thing_is_visible():
    disparity = np.full((1, 2048), 10.0, dtype=np.float32)
    disparity[0, 100:150] = 30.0
    assert visible_in_right(disparity)[0, 150:].all()


def test_background_beside_a_thin_pole_is_visible_unless_it_is_covered():
    """A pole of 3 px and 50 px of disparity covers just 3 or 4 pixels, far to its left."""
    disparity = np.full((1, 2048), 10.0, dtype=np.float32)
    disparity[0, 1000:1003] = 50.0
    hidden = np.flatnonzero(~visible_in_right(disparity)[0, 10:]) + 10
    # The pole lies at 950 to 952 in the right view, where background of 960 to 962 would be.
    assert set(range(960, 963)) <= set(hidden) <= set(range(960, 964))


def test_slanted_plane_hides_nothing():
    """A ground-like or wall-like slope up to 0.3 px a pixel has no cracks and no hidden pixels."""
    for slope in (-0.3, 0.05, 0.3):
        disparity = (100.0 + slope * (np.arange(256, dtype=np.float32) - 128)) * np.ones(
            (4, 1), dtype=np.float32
        )
        visible = visible_in_right(disparity.astype(np.float32))
        assert visible[:, 40:].all()


def test_scale_follows_the_width():
    """At 128 px width 160 px of disparity are 10 columns: those leave the right image."""
    visible = visible_in_right(np.full((2, 128), 160.0, dtype=np.float32))
    assert not visible[:, :10].any()
    assert visible[:, 10:].all()


def test_far_near_and_sky_are_invalid():
    nearness = np.full((8, 64), 1.0 / 20.0, dtype=np.float32)
    nearness[0] = 1.0 / 1000.0  # 0.47 px
    nearness[1] = 1.0 / 3.0  # 158 px
    sky = np.zeros((8, 64), dtype=bool)
    sky[2] = True
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (8, 64, 3), dtype=np.uint8)
    disparity = measure(nearness, sky, image, Dice("test"))
    assert not disparity[:3].any()
    np.testing.assert_allclose(disparity[3:, 4:], 2262 * 0.209 / 20.0, rtol=1e-6)
