"""The ground, walls and cars lie where a pinhole camera sees them."""

import numpy as np
import pytest

from cofeat.data.streets.camera import make_camera
from cofeat.data.streets.canvas import Canvas
from cofeat.data.streets.dice import Dice
from cofeat.data.streets.ground import paint_ground
from cofeat.data.streets.light import ROW_BINS, roll_light
from cofeat.data.streets.render import render_scene
from cofeat.data.streets.shadows import GroundShade
from cofeat.data.streets.street import Side, Street

F, B = 2262.0, 0.209


def straight_street():
    sides = {side: Side(side * 4.0, [("sidewalk", 2.0)], side * 6.0, "terrain") for side in (-1, 1)}
    return Street("canyon", 0.0, 0.0, 3.0, [], [], sides)


def ground_of(street, size=(128, 256), height=1.2, horizon=0.4, center=0.5):
    canvas = Canvas(make_camera(size, height, horizon, center))
    light = roll_light(Dice("light"))
    for side in (-1, 1):
        light.edges[side] = street.sides[side].edge
        light.rows[side] = np.zeros(ROW_BINS, dtype=np.float32)
    paint_ground(canvas, street, light, GroundShade(canvas), Dice("ground"))
    return canvas.label[1::2, 1::2], canvas.nearness[1::2, 1::2] * np.float32(F * B)


def test_disparity_of_the_flat_road():
    """At row v of the full-size image, Z = f h / (v - v0), so d = B (v - v0) / h."""
    label, disparity = ground_of(straight_street())
    for row in (70, 90, 127):
        v, v0 = (row + 0.5) * 8.0, 0.4 * 1024.0
        assert label[row, 128] == 7
        assert disparity[row, 128] == pytest.approx(B * (v - v0) / 1.2, rel=1e-5)


def test_kerb_and_sidewalk_are_where_they_project():
    """At row 127 the road is Z = 2262 * 1.2 / 610.4 m away; the kerb at 4 m is at u0 + f 4 / Z."""
    label, disparity = ground_of(straight_street())
    v = 127.5 * 8.0 - 0.4 * 1024.0
    kerb_foot = 1024.0 + F * 4.0 / (F * 1.2 / v)
    kerb_top = 1024.0 + F * 4.0 / (F * (1.2 - 0.12) / v)
    row = label[127]
    u = (np.arange(256) + 0.5) * 8.0
    on_road = np.abs(u - 1024.0) < kerb_foot - 1024.0
    assert (row[on_road] == 7).all()
    assert (row[~on_road] != 7).all()
    beyond = u > kerb_top + 8.0
    # The sidewalk is 0.12 m higher, so the camera is 1.08 m above it.
    np.testing.assert_allclose(disparity[127][beyond], B * v / 1.08, rtol=1e-5)
    face = (u > kerb_foot) & (u < kerb_top)
    # On the kerb's face X = 4 m, so Z = f X / (u - u0) and d = B (u - u0) / X.
    np.testing.assert_allclose(disparity[127][face], B * (u[face] - 1024.0) / 4.0, rtol=1e-4)


def test_bands_follow_each_other():
    """Outwards at a row: road, sidewalk, terrain; the sidewalk is 2 m wide."""
    label, _ = ground_of(straight_street())
    row = label[65, 128:]
    borders = np.flatnonzero(np.diff(row))
    assert row[[0, *(borders + 1)]].tolist() == [7, 8, 22]
    # The carriageway is 1.2 m below the camera, what is raised 1.08 m: X = 4 and 6 m project to
    # u - u0 = X / height * (v - v0), in columns of 8 px, the row's centre being v = 65.5 * 8.
    v = 65.5 * 8.0 - 409.6
    assert borders[0] + 1 == pytest.approx(4.0 / 1.2 * v / 8.0, abs=0.51)
    assert borders[1] + 1 == pytest.approx(6.0 / 1.08 * v / 8.0, abs=0.51)


def test_patch_of_a_slanted_wall():
    """A wall from (-2, 8) to (-2, 24) along the road: Z = f X / (u - u0)."""
    canvas = Canvas(make_camera((64, 128), 1.2, 0.4, 0.5))

    def paint(hits):
        return 12, np.zeros((hits.a.size, 3), dtype=np.float32), None

    canvas.patch((-2.0, 0.0, 8.0), (0.0, 0.0, 16.0), (0.0, 3.0, 0.0), paint)
    rows, columns = np.nonzero(canvas.label[1::2, 1::2] == 12)
    assert rows.size > 50
    u = (columns + 0.5) * 16.0 - 1024.0
    expected = F * 2.0 / -u
    assert (expected > 7.9).all()
    assert (expected < 24.1).all()
    z = 1.0 / canvas.nearness[1::2, 1::2][rows, columns]
    np.testing.assert_allclose(z, expected, rtol=1e-4)


def test_nearer_patch_wins_in_any_order():
    camera = make_camera((64, 128), 1.2, 0.4, 0.5)
    labels = []
    for order in ((10.0, 20.0), (20.0, 10.0)):
        canvas = Canvas(camera)
        for z in order:

            def paint(hits, z=z):
                return int(z), np.zeros((hits.a.size, 3), dtype=np.float32), None

            wide = 1.0 if z == 10.0 else 8.0
            canvas.patch((-wide / 2, 0.0, z), (wide, 0.0, 0.0), (0.0, 2.0, 0.0), paint)
        labels.append(canvas.label)
    np.testing.assert_array_equal(labels[0], labels[1])
    assert set(np.unique(labels[0])) == {0, 10, 20}


def test_cars_are_not_flat():
    """Disparity varies within cars that stand near, as on a box, not on a card."""
    spreads = []
    for seed in range(6000, 6010):
        scene = render_scene(seed, (64, 128))
        near = (scene.label_ids == 26) & (scene.disparity > 30)
        if near.sum() > 60:
            spreads.append(np.ptp(scene.disparity[near]))
    assert len(spreads) > 2
    assert np.median(spreads) > 8
