"""Figures hold the data, take the page's colours, and say why they are empty."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import soundfile

from edge.catalog import default_model
from edge.contract import Thresholds
from edge.decision import TimelinePoint
from edge.model import Model
from workbench.data.manifest import Row
from workbench.evaluate.groups import standard_groups
from workbench.evaluate.trials import Trial
from workbench.report import figures
from workbench.report.figures import clip_figure, det_figure, det_line, histogram_figure, reliability_figure
from workbench.report.gallery import exhibit, worst

ALL = standard_groups([])[0]


def trials(bonafide, spoof):
    sides = (("bonafide", bonafide), ("spoof", spoof))
    return [
        Trial(Row(f"{label}{i}", label=label, source_repo=f"s{i % 5}"), "uncertain", float(score))
        for label, scores in sides
        for i, score in enumerate(scores)
    ]


def words(svg):
    return [item.text for item in ET.fromstring(svg).iter("text")]


def test_a_det_line_falls_and_lies_in_its_band(rng):
    line = det_line("all", "all", trials(rng.normal(1, 1, 200), rng.normal(-1, 1, 200)), ALL)
    assert (np.diff(line.apcer) <= 0).all()
    assert (line.low <= line.high).all()
    assert ((line.low <= line.apcer) & (line.apcer <= line.high)).mean() > 0.9
    # Unit normals two apart: at a BPCER of 16 % (one deviation) the other error is 16 % as well.
    assert np.interp(0.1587, line.bpcer, line.apcer) == pytest.approx(0.1587, abs=0.06)
    assert det_line("few", "all", trials([1.0] * 4, [0.0] * 9), ALL) is None


def test_an_empty_det_figure_says_why(rng):
    drawn = det_line("all", "all", trials(rng.normal(1, 1, 50), rng.normal(-1, 1, 50)), ALL)
    apart = det_line("all", "all", trials([1.0] * 9, [-1.0] * 9), ALL)
    told = [" ".join(map(str, words(det_figure(lines)))) for lines in ([drawn], [apart], [])]
    assert ["Hardly an error" in text for text in told] == [False, True, False]
    assert ["No group has five clips" in text for text in told] == [False, False, True]


def test_a_figure_is_part_of_a_page():
    """No address, colours of the style sheet, a description, and ids of its own."""
    texts = [
        histogram_figure(np.array([2.0] * count), np.array([-2.0] * 5), {"spoof_below": -1.0, "bonafide_above": 1.0})
        for count in (5, 6)
    ]
    ids = [re.findall(r'id="([^"]*)"', text) for text in texts]
    assert not set(ids[0]) & set(ids[1])
    assert len(ids[0]) == len(set(ids[0]))
    for text in texts:
        assert "http" not in text
        assert not [colour for colour in figures.COLOURS.values() if colour in text]
        assert "var(--bonafide)" in text
        assert ET.fromstring(text).get("aria-label").startswith("Scores of ")
        wanted = set(re.findall(r'(?:url\(|href=")#([^")]*)', text))
        assert wanted <= set(re.findall(r'id="([^"]*)"', text))


def test_the_words_at_a_threshold_stand_where_there_is_room():
    """A threshold at the right edge has its word to the left, as an anchor at its end."""
    for at, anchor in ((5.9, "end"), (-5.9, "start")):
        svg = histogram_figure(np.array([2.0] * 9), np.array([-2.0] * 9), {"spoof_below": at, "bonafide_above": at})
        (word,) = (item for item in ET.fromstring(svg).iter("text") if "spoof below" in (item.text or ""))
        assert f"text-anchor: {anchor}" in word.get("style") or (
            anchor == "start" and "anchor" not in word.get("style")
        )


def test_a_reliability_figure_has_a_dot_a_bin():
    bins = [{"low": -1, "high": 0, "clips": 3, "predicted": 0.25, "observed": 0.5, "weight": 1.0}]
    svg = reliability_figure({"bins": bins, "pav": {"scores": [-1.0, 1.0], "probability": [0.0, 1.0]}})
    (tip,) = ET.fromstring(svg).iter("title")
    assert "predicted 25 %, observed 50 %" in tip.text


def test_a_clip_without_a_score_is_drawn_all_the_same(rng):
    bands = rng.normal(size=(50, 40)).astype(np.float32)
    point = TimelinePoint(0.0, 1.0, 1.0, None, None, "too_short")
    for points in ([point], [point, TimelinePoint(1.0, 2.0, 1.0, 0.5, 0.6, "uncertain")]):
        assert "data:image/png;base64," in clip_figure(bands, points, 2.0, Thresholds())


def test_the_worst_are_those_that_are_surest_and_wrong():
    made = trials([3.0, -2.0, 0.1], [-3.0, 2.5, 0.2, 1.0])
    made.append(Trial(Row("b9", label="bonafide"), "spoof", -9.0, "telephone"))
    bonafide, spoof = worst(made, 2)
    assert [trial.cm_score for trial in bonafide] == [-2.0, 0.1]
    assert [trial.cm_score for trial in spoof] == [2.5, 1.0]


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
    assert exhibit(model, tmp_path, trial, with_audio=False).audio == ""
