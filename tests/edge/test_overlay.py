import numpy as np
import pytest

from cofeat.edge import Result
from cofeat.edge.overlay import overlay, overlays
from cofeat.edge.summary import HEADER, demonstrate, stage_rows
from cofeat.tasks.segmentation import CLASSES


def test_classes_lie_half_over_the_picture():
    image = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    ids = np.array([[10, 13]], np.uint8)
    sky, car = CLASSES[10].color, CLASSES[13].color
    expected = [[[c / 2 for c in sky], [(255 + c) / 2 for c in car]]]
    np.testing.assert_allclose(overlay("segmentation", ids, image), expected, atol=0.5)
    np.testing.assert_array_equal(overlay("segmentation", ids), [[sky, car]])


def test_other_tasks_are_drawn_as_they_are():
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    near = np.full((2, 2), 128.0, np.float32)
    result = Result("a", "split", {"disparity": near, "reconstruction": picture}, image=picture)
    drawn = overlays(result)
    np.testing.assert_array_equal(drawn["reconstruction"], picture)
    assert (drawn["disparity"] == (246, 215, 70)).all()


def test_rows_are_medians_by_the_way_a_frame_was_made():
    def result(mode, payload_bytes, late=False, **stages_ms):
        return Result("a", mode, payload_bytes=payload_bytes, late=late, stages_ms=stages_ms)

    rows = stage_rows(
        [
            result("split", 1000, read=1.0, encode=9.0, send=5.0),
            result("split", 3000, read=2.0, encode=2.0, send=6.0),
            result("mobile", 0, read=1.0, encode=70.0),
            result("split", 1100, read=3.0, encode=3.0, send=1.0),
            result("split", 500, late=True, send=4.0),
        ]
    )
    assert [dict(zip(HEADER, row, strict=True)) for row in rows] == [
        dict(zip(HEADER, values, strict=True))
        for values in (
            ("split", "3", "1,100", "2.0", "3.0", "-", "5.0", "-", "-", "10.0"),
            ("mobile", "1", "0", "1.0", "70.0", "-", "-", "-", "-", "71.0"),
            ("split, late", "1", "500", "-", "-", "-", "4.0", "-", "-", "4.0"),
        )
    ]


def test_a_demonstration_for_a_report(device, server, images):
    shown = demonstrate(device, server.url, images[:2])
    assert [row[:2] for row in shown.rows] == [("split", "2")]
    assert [result.name for result in shown.results] == ["000000", "000001"]
    for pictures in shown.pictures:
        assert list(pictures) == ["segmentation", "disparity", "reconstruction"]
        assert all(picture.shape == (30, 50, 3) for picture in pictures.values())


def test_a_summary_is_json_without_arrays():
    result = Result("a", "split", {"disparity": np.zeros((1, 1))}, stages_ms={"read": 1.23456})
    assert result.summary()["stages_ms"] == {"read": 1.235}
    assert result.summary()["tasks"] == ["disparity"]
    assert result.total_ms == pytest.approx(1.23456)
