from xml.etree import ElementTree

import pytest

from utils.page import svg


def test_a_chart_places_its_data_and_says_what_it_shows():
    chart = svg.Chart((0, 10), (0, 1), width=110, height=60, margins=(5, 5, 5, 5))
    chart.axes(svg.numbered([0, 10]), {1: "all"}, x="steps", y="share", title="1 < 2")
    chart.line([(0, 0), (10, 1)], "#123456", dashes="2 3")
    chart.line([(0, 0)], "#123456")
    chart.dot(5, 0.5, "#654321")
    root = ElementTree.fromstring(chart.svg("A line & a dot"))
    assert root.get("aria-label") == "A line & a dot" and root.get("role") == "img"
    (line,) = root.iter("polyline")
    assert line.get("points") == "5,55 105,5" and line.get("stroke-dasharray") == "2 3"
    (dot,) = root.iter("circle")
    assert (dot.get("cx"), dot.get("cy")) == ("55", "30")
    assert [each.text for each in root.iter("text")] == ["all", "0", "10", "1 < 2", "steps", "share"]


def test_a_logarithmic_axis():
    chart = svg.Chart((1, 100), (0.01, 1), width=100, height=100, margins=(0, 0, 0, 0), logs="xy")
    assert chart.place(10, 0.1) == pytest.approx((50, 50))


def test_text_has_the_colour_of_the_text_around_it():
    made = svg.picture(svg.text(1, 2, "x"), words="a letter", width=9, height=9)
    assert 'fill="currentColor"' in made and 'viewBox="0 0 9 9"' in made
