"""What the tables of live calls say, and what is no such report."""

from __future__ import annotations

import json

import pytest

from workbench.errors import EvaluationError
from workbench.live.text import cells, head, live_text, read_live_report

CAUGHT = {
    "genuine_speech_h": 2.5,
    "false_alarms_per_h": 0.4,
    "caught_share": 0.55,
    "delay_median_s": 9.25,
    "delay_p90_s": None,
}
NOTHING = {
    "genuine_speech_h": 0.0,
    "false_alarms_per_h": None,
    "caught_share": None,
    "delay_median_s": None,
    "delay_p90_s": None,
}


@pytest.fixture
def report():
    point = {"name": "balanced", "enter_below": -1.234, "smoothing_s": 4.0, "min_speech_s": 2.0, "hold_s": 1.0,
             "figures": CAUGHT, "by_transmission": {"clean": CAUGHT, "gsm": NOTHING}}  # fmt: skip
    return {"model": "m", "split": "dev", "transmissions": ["clean", "gsm"], "before_s": 30.0, "genuine_calls": 7,
            "genuine_sources": 3, "invaded_calls": 5, "invaded_sources": 2, "invaded_paired": 4, "points": [point]}  # fmt: skip


def test_figures_become_words_that_cannot_be_misread():
    assert cells(CAUGHT) == ("0.40/h", "55 %", "9.2 s", "not caught")
    assert cells(NOTHING) == ("–", "–", "–", "–")


def test_the_head_says_what_was_listened_to(report):
    assert head(report) == (
        "dev: 7 calls of real people (3 sources) and 5 calls with a fake voice after 30 s of a real person (2 sources, "
        "4 calls with the real person of the same source), each through 2 transmissions: 2.5 h of genuine speech"
    )
    assert "from the first word of the call" in head({**report, "before_s": 0.0})


def test_the_text_has_a_line_a_point_and_a_line_a_transmission(report):
    lines = live_text(report).splitlines()
    assert any(line.split()[:2] == ["balanced", "-1.23"] for line in lines)
    assert [line.split()[0] for line in lines[-2:]] == ["clean", "gsm"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"points": []}'])
def test_what_is_no_report_is_refused(tmp_path, text):
    path = tmp_path / "live.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EvaluationError, match="not a report of `workbench calibrate --report`"):
        read_live_report(path)


def test_a_report_is_read_back(tmp_path, report):
    path = tmp_path / "live.json"
    path.write_text(json.dumps(report), encoding="utf-8")
    assert read_live_report(path) == report
