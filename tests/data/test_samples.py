"""The real pictures inside scikit-image."""

import socket
import sys

import numpy as np
import pytest

from cofeat.data import samples
from cofeat.errors import InvalidInputError, MissingPackageError

pytest.importorskip("skimage")


def test_disparity_is_the_packages_in_pixels_of_the_full_width():
    from skimage.data import stereo_motorcycle

    left, right, moved = stereo_motorcycle()
    sample = samples.motorcycle()
    assert sample.name == "motorcycle"
    np.testing.assert_array_equal(sample.image, left)
    np.testing.assert_array_equal(samples.stereo_pictures()[1], right)
    truth = sample.truths["disparity"]
    np.testing.assert_array_equal(truth == 0, ~np.isfinite(moved))
    known = np.isfinite(moved)
    np.testing.assert_allclose(truth[known], (moved[known] + 31.086) * 2048 / 741, rtol=1e-6)
    assert round(100 * float(known.mean()), 1) == 92.7


def test_depths_are_those_of_a_garage():
    # depth = f * B / disparity: the shelf stands some metres away, nothing nearer than 2 m.
    truth = samples.motorcycle().truths["disparity"].astype(np.float64)
    depth_m = 994.978 * (2048 / 741) * 0.193001 / truth[truth > 0]
    assert 2.0 < depth_m.min() < 2.5
    assert 4.5 < depth_m.max() < 5.5


def test_the_left_picture_moved_by_its_disparity_is_the_right_one():
    # Whose disparity it is, is told by the pictures: twice as good as any other reading.
    left, right = (picture.astype(np.float64) for picture in samples.stereo_pictures())
    truth = samples.disparity_of_motorcycle()
    moved = truth * (741 / 2048) - samples.PRINCIPAL_POINT_OFFSET_PX
    rows, columns = np.nonzero(truth)

    def difference(sign, of, to):
        there = np.rint(columns + sign * moved[rows, columns]).astype(int)
        inside = (there >= 0) & (there < 741)
        return np.abs(of[rows[inside], columns[inside]] - to[rows[inside], there[inside]]).mean()

    ours = difference(-1, left, right)
    assert ours < 9
    assert all(
        other > 1.5 * ours for other in (difference(1, right, left), difference(1, left, right))
    )


def test_any_size():
    sample = samples.motorcycle((128, 256))
    assert sample.image.shape == (128, 256, 3)
    truth = sample.truths["disparity"]
    assert truth.shape == (128, 256)
    # The unit does not change with the size, so neither does the range.
    full = samples.disparity_of_motorcycle()
    assert full[full > 0].min() <= truth[truth > 0].min()
    assert full.max() * 0.95 < truth.max() <= full.max()


def test_photographs_are_the_packages_own():
    import skimage.data

    found = samples.photographs()
    assert [sample.name for sample in found] == ["astronaut", "chelsea", "coffee", "rocket"]
    for sample in found:
        expected = getattr(skimage.data, sample.name)()
        # JPEG decoders may differ by a rounding.
        assert np.abs(sample.image.astype(int) - expected.astype(int)).max() <= 3
        assert set(sample.truths) == {"reconstruction"}
    assert all(sample.image.shape == (64, 96, 3) for sample in samples.photographs((64, 96)))


def test_nothing_is_fetched_from_the_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "socket", refuse)
    samples.motorcycle()
    samples.photographs()


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(samples, "find_spec", lambda _name: None)
    for use in (samples.motorcycle, samples.photographs):
        with pytest.raises(MissingPackageError, match=r"cofeat\[train\]"):
            use()


def test_a_package_without_its_pictures_is_told(monkeypatch, tmp_path):
    (tmp_path / "skimage").mkdir()
    (tmp_path / "skimage" / "__init__.py").write_text("")
    for name in [name for name in sys.modules if name.partition(".")[0] == "skimage"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidInputError, match=r"comes without its picture .*astronaut\.png"):
        samples.photographs()
