"""Findings as people and programs read them."""

from __future__ import annotations

import json
import math

import pytest

from edge.doctor.finding import Finding, from_error, json_line, summary, text_lines, worst_last
from edge.errors import EdgeError

OK = Finding("clock", "ok", "2026-11-24 12:00 UTC")
WARNING = Finding("level", "warning", "too faint", "speak up", {"rms_dbfs": -math.inf, "share": 1 / 3, "names": ["a"]})
PROBLEM = Finding("source", "problem", "gone", "plug it in")
NOTE = Finding("band", "note", "narrow")


@pytest.mark.parametrize("level", ["warning", "problem"])
def test_whoever_warns_must_say_what_to_do(level):
    with pytest.raises(ValueError, match=f"clock: a {level} must say what to do"):
        Finding("clock", level, "it is wrong")


def test_the_worst_stands_last_and_the_order_within_a_level_stays():
    second = Finding("rate", "ok", "right")
    assert worst_last([PROBLEM, OK, WARNING, NOTE, second]) == [OK, second, NOTE, WARNING, PROBLEM]


def test_the_summary_counts_the_worst_first():
    assert summary([OK, OK, WARNING, PROBLEM, PROBLEM, NOTE]) == "2 problems, 1 warning, 1 note, 2 ok"
    assert summary([OK]) == "1 ok"


def test_json_holds_all_and_no_infinity():
    assert json.loads(json_line(WARNING)) == {
        "check": "level",
        "level": "warning",
        "seen": "too faint",
        "advice": "speak up",
        "facts": {"rms_dbfs": None, "share": 0.333333, "names": ["a"]},
    }


def test_text_is_aligned_and_advice_stands_below_what_was_seen():
    level, seen, advice = text_lines(WARNING, check_width=6)
    assert (level, seen) == ("warning", "level   too faint")
    assert advice.index("→") == len(f"{level}  ") + seen.index("too")
    assert advice.endswith("→ speak up")
    assert text_lines(OK, check_width=6) == ("ok     ", "clock   2026-11-24 12:00 UTC", "")


def test_an_error_is_split_into_what_was_seen_and_what_to_do():
    found = from_error("source", EdgeError("no microphone; plug it in; then try again"), "unused")
    assert (found.level, found.seen, found.advice) == ("problem", "no microphone", "plug it in; then try again")
    assert from_error("source", EdgeError("no microphone"), "see edge devices").advice == "see edge devices"
