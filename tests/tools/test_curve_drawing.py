"""The drawing: well-formed, a panel a curve, every point where its figures say."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from curve_drawing import draw
from curves import AUGMENTED, Curve, Point

NAME = "{http://www.w3.org/2000/svg}"


def curve(name, points, *, augmented=False):
    figures = ("auc", AUGMENTED + "auc") if augmented else ("auc",)
    made = [
        Point(str(count), (count, count), 1.0, dict.fromkeys(figures, (value - 0.02, value + 0.02)))
        for count, value in points
    ]
    return Curve(name, f"kinds of <{name}>", tuple(made))


STEEP = curve("sources", [(4, 0.6), (8, 0.7), (16, 0.8)])
FLAT = curve("clips", [(10, 0.7), (40, 0.7)])


def parts(text, tag, css=""):
    return [part for part in ElementTree.fromstring(text).iter(NAME + tag) if css in part.get("class", "")]


def test_points_lie_evenly_over_doublings_and_high_is_up():
    dots = parts(draw({"run": [STEEP]}), "circle")
    x, y = ([float(dot.get(name)) for dot in dots] for name in ("cx", "cy"))
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)
    assert y[0] - y[1] == pytest.approx(y[1] - y[2], abs=0.2)
    assert x[0] < x[2]
    assert y[0] > y[2]
    assert [dot.find(f"{NAME}title").text for dot in dots] == [
        "run, 4: 60.0 %",
        "run, 8: 70.0 %",
        "run, 16: 80.0 %",
    ]


def test_every_curve_has_a_panel_on_the_same_scale():
    text = draw({"run": [STEEP, FLAT, STEEP]})
    panels = [part for part in parts(text, "svg") if part.get("x") is not None]
    assert [(panel.get("x"), panel.get("y")) for panel in panels] == [("0", "34"), ("440", "34"), ("0", "354")]
    ticks = [[t.text for t in panel.iter(f"{NAME}text") if t.get("text-anchor") == "end"] for panel in panels]
    # From 60 less the deviation of 2.8 to 80 and as much, in whole fives.
    assert ticks == [["55", "60", "65", "70", "75", "80", "85"]] * 3
    titles = [t.text for panel in panels for t in panel.iter(f"{NAME}text") if t.get("class") == "axis"]
    assert "kinds of <clips>" in titles


def test_bands_reach_one_deviation_to_either_side():
    (band,) = parts(draw({"run": [FLAT]}), "polygon")
    heights = [float(pair.split(",")[1]) for pair in band.get("points").split()]
    (line,) = parts(draw({"run": [FLAT]}), "polyline")
    middle = float(line.get("points").split()[0].split(",")[1])
    frame = float(parts(draw({"run": [FLAT]}), "rect", "frame")[0].get("height"))
    # 65 to 75 percent are the height of the frame.
    assert max(heights) - middle == pytest.approx(frame * 0.02 * 2**0.5 / 0.1, abs=0.2)
    assert middle - min(heights) == pytest.approx(max(heights) - middle, abs=0.2)


def test_other_runs_are_dashed_and_the_legend_names_them():
    text = draw({"a&b": [curve("clips", [(1, 0.5), (2, 0.6)], augmented=True)], "other": [FLAT]})
    assert len(parts(text, "polyline", "other")) == 1
    assert len(parts(text, "polyline")) == 3
    words = [part.text for part in parts(text, "text")]
    assert {"a&b, as they are", "a&b, augmented", "other, as they are"} <= set(words)


def test_labels_below_an_axis_do_not_run_into_each_other():
    crowded = curve("attacks", [(1.0, 0.5), (3.9, 0.6), (4.1, 0.6), (16.0, 0.7)])
    text = draw({"run": [crowded]})
    below = [t.text for t in parts(text, "text", "tick") if t.get("text-anchor") == "middle"]
    assert below == ["16", "4.1", "1.0"]


def test_a_single_size_can_be_drawn():
    assert len(parts(draw({"run": [curve("attacks", [(3.0, 0.7)])]}), "circle")) == 1
