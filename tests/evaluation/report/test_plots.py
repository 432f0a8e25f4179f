import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from cofeat.evaluation.report.plots import (
    Line,
    Reference,
    legend_key,
    rate_plot,
    style_of,
    training_plot,
)

NAN = float("nan")


def line(name="baseline", x=(1.0, 2.0, 4.0), y=(0.1, 0.2, 0.3), kept=(0, 1, 2), stars=()):
    return Line(name, style_of(name, [name]), x, y, kept, stars)


def plot(*lines, key="p", reference=None):
    return rate_plot(lines or [line()], reference, "bits per input pixel", "mIoU", key)


def elements(svg, tag):
    return list(ElementTree.fromstring(svg).iter(tag))


def texts(svg):
    return ["".join(element.itertext()) for element in elements(svg, "text")]


def marker_positions(svg, variable):
    return [
        (float(element.get("x")), float(element.get("y")))
        for element in elements(svg, "use")
        if f"stroke: var({variable})" in element.get("style", "")
    ]


def test_equal_ratios_of_rate_and_equal_steps_of_measure_are_equal_distances():
    points = sorted(marker_positions(plot(), "--curve-baseline"))
    assert len(points) == 3
    steps = [(b[0] - a[0], a[1] - b[1]) for a, b in pairwise(points)]
    assert steps[0] == pytest.approx(steps[1], abs=1e-3)
    assert min(steps[0]) > 0  # more bits to the right, a better measure further up


def test_a_point_without_a_number_is_not_drawn():
    svg = plot(line(y=(0.1, NAN, 0.3), kept=(0, 2)))
    assert len(marker_positions(svg, "--curve-baseline")) == 2


def test_a_point_left_out_is_faint_and_the_others_are_not():
    svg = plot(line(y=(0.1, 0.3, 0.2), kept=(0, 1)))
    assert len(re.findall(r"<use [^>]*opacity: 0\.35", svg)) == 1


def test_axes_and_curves_are_named():
    svg = plot(line(), reference=Reference("uncoded network", 0.25))
    words = texts(svg)
    assert "baseline" in words
    assert "uncoded network" in words
    assert any("bits per input pixel" in word and "better" in word for word in words)
    assert any("mIoU" in word and "better" in word for word in words)


def test_colors_and_fonts_are_those_of_the_page():
    svg = plot(line("proposed"), line("cloud-webp"), reference=Reference("uncoded", 0.2))
    assert "var(--curve-proposed)" in svg
    assert "var(--curve-webp)" in svg
    assert not re.search(r"(?:fill|stroke): #", svg)
    assert set(re.findall(r"font-family: ([^;\"]*)", svg)) == {"var(--font)"}


def test_nothing_in_the_svg_points_outside_or_styles_the_page():
    svg = plot()
    assert "http" not in svg
    assert "<style" not in svg
    assert all(ref.startswith("#") for ref in re.findall(r'href="([^"]*)"', svg))


def test_ids_of_two_plots_differ_and_every_reference_has_its_id():
    first, second = plot(key="a"), plot(key="b")
    ids = [re.findall(r'\bid="([^"]*)"', svg) for svg in (first, second)]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])
    for svg, own in zip((first, second), ids, strict=True):
        references = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', svg)
        assert {a or b for a, b in references} <= set(own)


def test_the_same_lines_give_the_same_svg():
    assert plot() == plot()


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "$\\frac{", "a & b"])
def test_a_hostile_name_is_text(name):
    assert name in texts(plot(line(name)))


def test_unknown_curves_get_styles_of_their_own():
    names = ["baseline", "x", "y"]
    styles = {name: style_of(name, names) for name in names}
    assert len({style.variable for style in styles.values()}) == 3
    assert style_of("y", names) == styles["y"]


def test_a_training_plot_over_decades_is_logarithmic():
    svg = training_plot([line(x=(0, 1, 2), y=(1.0, 10.0, 100.0))], "Loss", "step", "t")
    heights = [y for _, y in sorted(marker_positions(svg, "--curve-baseline"))]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=1e-3)
    assert "Loss" in texts(svg)


def test_a_legend_key_shows_one_marker_in_the_color_of_the_curve():
    svg = legend_key(style_of("cloud-avif", ["cloud-avif"]), "k")
    assert len(marker_positions(svg, "--curve-avif")) == 1
