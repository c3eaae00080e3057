"""Results as JSON lines, as rows of a table and as a bar over time."""

from __future__ import annotations

import json
import math
from pathlib import Path

import click
import pytest

from edge.decision import Decision, SpoofPassage, TimelinePoint
from edge.scoring import Failure, Score, json_line
from edge.tables import HEADER, columns, text_passages, text_row, text_timeline

TIMELINE = (
    TimelinePoint(0.0, 0.256, 0.256, None, None, "too_short"),
    TimelinePoint(0.256, 0.512, 0.256, 1.5, 0.8175744, "bonafide"),
    TimelinePoint(0.512, 0.768, 0.256, 2.0, 0.8807971, "bonafide"),
    TimelinePoint(0.768, 1.024, 0.256, -3.0, 0.0474259, "spoof"),
)


def score(**changes):
    fields = {
        "verdict": "bonafide", "p_bonafide": 0.81757447, "cm_score": 1.50000001, "speech_s": 4.2, "spoof_s": 0.0,
        "timeline": TIMELINE,
    }  # fmt: skip
    place = {"path": Path("calls/a.wav"), "channel": "mono", "duration_s": 5.0}
    place |= {name: changes.pop(name) for name in place if name in changes}
    return Score(**place, decision=Decision(**{**fields, **changes}), model="m-v1")


def test_json_has_every_field_and_no_timeline_unless_asked():
    assert json.loads(json_line(score())) == {
        "path": "calls/a.wav", "channel": "mono", "verdict": "bonafide", "p_bonafide": 0.817574, "cm_score": 1.5,
        "speech_s": 4.2, "spoof_s": 0.0, "spoof_passages": [], "duration_s": 5.0, "model": "m-v1",
    }  # fmt: skip
    (passage,) = json.loads(json_line(score(spoof_passages=(SpoofPassage(130.2, 154.3333333, -3.0),))))[
        "spoof_passages"
    ]
    assert passage == {"start_s": 130.2, "end_s": 154.333333, "cm_score": -3.0}


def test_json_timeline_has_a_point_a_chunk_with_nulls_where_there_is_no_score():
    points = json.loads(json_line(score(), with_timeline=True))["timeline"]
    assert len(points) == 4
    assert points[0] == {
        "start_s": 0.0, "end_s": 0.256, "speech_s": 0.256, "cm_score": None, "p_bonafide": None, "verdict": "too_short",
    }  # fmt: skip
    assert json.loads(json_line(Failure(Path("b.wav"), "b.wav: empty"))) == {"path": "b.wav", "error": "b.wav: empty"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_line(score(cm_score=math.nan))


def test_a_row_lines_up_with_the_header():
    row = click.unstyle(text_row(score()))
    assert row == "bonafide           82 %     4.2 s     5.0 s  calls/a.wav"
    assert row.index("calls") == HEADER.index("recording")


def test_a_row_shows_channel_spoof_within_missing_score_and_odd_names():
    row = click.unstyle(text_row(score(channel="right", spoof_s=8.0, duration_s=4000.0)))
    assert row.endswith("1:06:40  calls/a.wav (right), spoof in 8.0 s of it")
    assert " – " in click.unstyle(text_row(score(verdict="silenced", p_bonafide=None, cm_score=None)))
    assert click.unstyle(text_row(score(path=Path("f\udcff.wav")))).encode("utf-8").endswith("f\ufffd.wav".encode())
    assert click.unstyle(text_row(score(path=None))).endswith("  samples")


def test_passages_that_are_spoof_stand_below_the_row_unless_all_of_it_is():
    passages = (SpoofPassage(130.2, 154.3, -3.0), SpoofPassage(3661.0, 3670.0, -2.5))
    assert [click.unstyle(line) for line in text_passages(score(spoof_passages=passages))] == [
        "    spoof from 2:10 to 2:34, p(bona fide) 5 %",
        "    spoof from 1:01:01 to 1:01:10, p(bona fide) 8 %",
    ]
    assert text_passages(score(verdict="spoof", spoof_passages=passages)) == []
    assert text_passages(score()) == []


def points(*verdicts):
    """A point of 0.25 s of speech a letter."""
    names = {"t": "too_short", "b": "bonafide", "u": "uncertain", "s": "spoof"}
    text = "".join(verdicts)
    return tuple(
        TimelinePoint(0.25 * index, 0.25 * (index + 1), 0.25, None if letter == "t" else 0.0, 0.5, names[letter])
        for index, letter in enumerate(text)
    )


@pytest.mark.parametrize(
    ("verdicts", "passages"),
    [
        ("tttt" + "b" * 8 + "ub" * 40 + "u" * 8, ["too_short", "bonafide", "uncertain"]),
        ("tttt" + "u" + "b" * 8, ["too_short", "bonafide"]),
        ("tttt" + "u", ["too_short", "uncertain"]),
        ("tttt" + "u" + "s" * 8, ["too_short", "uncertain", "spoof"]),
        ("b" * 8 + "u" * 7, ["bonafide"]),
        ("b" * 8 + "s" + "b" * 8, ["bonafide", "spoof", "bonafide"]),
        ("b" * 8 + "us" * 20 + "u" * 8, ["bonafide", "spoof", "uncertain"]),
    ],
)
def test_flicker_below_two_seconds_of_speech_joins_its_neighbour_and_spoof_stays(verdicts, passages):
    _, *lines = text_timeline(score(timeline=points(verdicts)))
    assert [line.split()[5] for line in lines] == passages
    assert lines[0].split()[:2] == ["0.0", "s"]
    assert lines[-1].split()[3] == f"{0.25 * len(verdicts):.1f}"


def test_the_text_timeline_is_a_bar_and_passages_of_one_verdict():
    assert text_timeline(score()) == [
        "    ·▇█▁",
        "        0.0 s – 0.3 s     too_short",
        "        0.3 s – 0.8 s     bonafide   p(bona fide) 82–88 %",
        "        0.8 s – 1.0 s     spoof      p(bona fide) 5 %",
    ]


def test_a_long_timeline_keeps_its_bar_short():
    points = tuple(TimelinePoint(i, i + 1, 1.0, 0.0, 0.5, "uncertain") for i in range(5000))
    bar, *spans = text_timeline(score(timeline=points))
    assert len(bar.strip()) == 40
    assert len(spans) == 1


def test_columns_align_the_first_left_and_the_others_right():
    assert columns([("a", "bb"), ("ccc", "d")]) == ["a    bb", "ccc   d"]
