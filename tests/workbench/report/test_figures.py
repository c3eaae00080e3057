"""Charts put data where their axes say, and pictures hold the pixels that were drawn."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import soundfile

from edge.catalog import default_model
from edge.contract import Contract, Thresholds
from edge.decision import TimelinePoint
from edge.model import Model
from workbench.data.manifest import Row
from workbench.evaluate.groups import standard_groups
from workbench.evaluate.trials import Trial
from workbench.report.figures import det_figure, det_line, histogram_figure, reliability_figure
from workbench.report.gallery import exhibit, indexed_png, timeline_figure, worst
from workbench.report.svg import Axis, Chart

ALL = standard_groups([])[0]


def trials(bonafide, spoof):
    sides = (("bonafide", bonafide), ("spoof", spoof))
    return [
        Trial(Row(f"{label}{i}", label=label, source_repo=f"s{i % 5}"), "uncertain", float(score))
        for label, scores in sides
        for i, score in enumerate(scores)
    ]


def elements(svg, name):
    root = ET.fromstring(svg)
    return [item for item in root.iter() if item.tag == name]


def test_marks_stand_where_the_axes_say():
    chart = Chart("t", "d", Axis("x", 0, 10, []), Axis("y", 0, 1, []), width=440, height=320, left=52)
    for point in ((0.0, 0.0), (10.0, 1.0), (5.0, 0.5), (99.0, -9.0)):
        chart.dot(point, 2.0, "bin")
    found = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in elements(chart.render(), "circle")]
    assert found == [(52.0, 274.0), (424.0, 14.0), (238.0, 144.0), (424.0, 274.0)]


def test_words_cannot_break_out_of_a_chart():
    chart = Chart('a "quoted" <title>', "d", Axis("<x>", 0, 1, [(0, "<b>")]), Axis("y", 0, 1, []))
    chart.dot((0, 0), 1.0, "bin", "<script>")
    text = chart.render()
    assert "<script>" not in text
    assert ET.fromstring(text).get("aria-label") == 'a "quoted" <title>. d'


def test_a_det_line_falls_and_lies_in_its_band(rng):
    line = det_line("all", "all", trials(rng.normal(1, 1, 200), rng.normal(-1, 1, 200)), ALL)
    assert (np.diff(line.accept) <= 0).all()
    assert (line.low <= line.high).all()
    assert ((line.low <= line.accept) & (line.accept <= line.high)).mean() > 0.9
    # Unit normals two apart: at a miss rate of 16 % (one deviation) the other error is 16 % as well.
    assert np.interp(0.1587, line.miss, line.accept) == pytest.approx(0.1587, abs=0.06)
    assert det_line("few", "all", trials([1.0] * 4, [0.0] * 9), ALL) is None


def test_det_axes_are_normal_deviates():
    """The distance from 1 to 2 % on the axis is that of their deviates, 0.273, to that from 20 to 40 %, 0.588."""
    svg = det_figure([])
    ticks = {
        item.text: float(item.get("x")) for item in elements(svg, "text") if item.get("dy") == "1em" and item.get("x")
    }
    assert (ticks["2"] - ticks["1"]) / (ticks["40"] - ticks["20"]) == pytest.approx(0.2726 / 0.5883, rel=0.01)


def test_a_histogram_has_bona_fide_above_and_spoof_below():
    svg = histogram_figure(np.array([2.0] * 10), np.array([-2.0] * 5), {"spoof_below": -1.0, "bonafide_above": 1.0})
    bars = {item.get("class"): item for item in elements(svg, "rect")}
    zero = float(
        next(i for i in elements(svg, "polyline") if i.get("class") == "zero").get("points").split(",")[1].split()[0]
    )
    up, down = bars["fill bonafide"], bars["fill spoof"]
    assert float(up.get("y")) + float(up.get("height")) == pytest.approx(zero, abs=0.2)
    assert float(down.get("y")) == pytest.approx(zero, abs=0.2)
    assert float(up.get("x")) > float(down.get("x"))


def test_a_reliability_figure_has_a_dot_a_bin():
    bins = [{"low": -1, "high": 0, "clips": 3, "predicted": 0.25, "observed": 0.5, "weight": 1.0}]
    svg = reliability_figure({"bins": bins, "pav": {"scores": [-1.0, 1.0], "probability": [0.0, 1.0]}})
    (dot,) = elements(svg, "circle")
    assert "said 25 %, was 50 %" in dot[0].text


def test_a_png_is_what_was_drawn(rng):
    image = pytest.importorskip("PIL.Image")
    pixels = rng.integers(0, 4, (5, 7)).astype(np.uint8)
    palette = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [1, 2, 3]], np.uint8)
    read = np.asarray(image.open(io.BytesIO(indexed_png(pixels, palette))).convert("RGB"))
    assert np.array_equal(read, palette[pixels])


def test_the_worst_are_those_that_are_surest_and_wrong():
    made = trials([3.0, -2.0, 0.1], [-3.0, 2.5, 0.2, 1.0])
    made.append(Trial(Row("b9", label="bonafide"), "spoof", -9.0, "telephone"))
    bonafide, spoof = worst(made, 2)
    assert [trial.cm_score for trial in bonafide] == [-2.0, 0.1]
    assert [trial.cm_score for trial in spoof] == [2.5, 1.0]


def test_a_timeline_starts_where_there_is_a_score():
    contract = Contract("m", 4096, thresholds=Thresholds(-1.0, 1.0))
    points = [
        TimelinePoint(0.0, 1.0, 1.0, None, None, "too_short"),
        TimelinePoint(1.0, 2.0, 1.0, 0.5, 0.6, "uncertain"),
        TimelinePoint(2.0, 3.0, 1.0, -2.0, 0.1, "spoof"),
    ]
    curve = next(
        i for i in elements(timeline_figure(points, 4.0, contract), "polyline") if i.get("class") == "curve all"
    )
    xs = [float(pair.split(",")[0]) for pair in curve.get("points").split()]
    assert xs == [40 + 384 * 0.5, 40 + 384 * 0.75]


def test_an_exhibit_holds_the_very_samples(tmp_path, voice, write_recording):
    samples = voice(2.0)
    write_recording(tmp_path / "a.wav", samples)
    trial = Trial(Row("a.wav"), "uncertain", 0.0)
    model = Model.load(default_model())
    shown = exhibit(model, tmp_path, trial, with_audio=True)
    kind, data = re.fullmatch(r"data:(.+?);base64,(.+)", shown.audio).groups()
    heard, rate = soundfile.read(io.BytesIO(base64.b64decode(data)), dtype="float32")
    assert (kind, rate, shown.duration_s) == ("audio/flac", 16000, 2.0)
    assert np.abs(heard - samples).max() < 2 / 32768
    assert shown.spectrogram.startswith("data:image/png;base64,")
    assert exhibit(model, tmp_path, trial, with_audio=False).audio == ""
