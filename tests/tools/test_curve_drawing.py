"""The drawing: well-formed, a panel a curve, a line a run, labels that do not overlap."""

from __future__ import annotations

from xml.etree import ElementTree

from curve_drawing import draw, spaced
from curves import AUGMENTED, Curve, Point


def curve(name, points, *, augmented=False):
    figures = ("auc", AUGMENTED + "auc") if augmented else ("auc",)
    made = [
        Point(str(count), (count, count), 1.0, dict.fromkeys(figures, (value - 0.02, value + 0.02)))
        for count, value in points
    ]
    return Curve(name, f"kinds of <{name}>", tuple(made))


STEEP = curve("sources", [(4, 0.6), (8, 0.7), (16, 0.8)])
FLAT = curve("clips", [(10, 0.7), (40, 0.7)])


def words(text):
    return [item.text for item in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]


def test_every_curve_has_a_panel_and_every_run_a_name():
    text = words(draw({"a&b": [STEEP, curve("clips", [(1, 0.5), (2, 0.6)], augmented=True)], "other": [STEEP, FLAT]}))
    assert {"kinds of <sources>", "kinds of <clips>"} <= set(text)
    assert {"a&b, as they are", "other, as they are"} <= set(text)
    assert {"4.0", "8.0", "16"} <= set(text)


def test_labels_below_an_axis_do_not_run_into_each_other():
    assert spaced([1.0, 3.9, 4.1, 16.0], (0.9, 17.6)) == [16.0, 4.1, 1.0]


def test_a_single_size_can_be_drawn():
    assert "3.0" in words(draw({"run": [curve("attacks", [(3.0, 0.7)])]}))
