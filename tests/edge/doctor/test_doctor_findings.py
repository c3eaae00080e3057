"""Findings as people and programs read them."""

from __future__ import annotations

import json
import math

import pytest

from edge.doctor.checks import Finding, summary, worst_last
from edge.errors import EdgeError

OK = Finding("clock", "ok", "2026-11-24 12:00 UTC")
WARNING = Finding("level", "warning", "too faint", "speak up", {"rms_dbfs": -math.inf, "share": 1 / 3, "names": ["a"]})
PROBLEM = Finding("source", "problem", "gone", "plug it in")
NOTE = Finding("band", "note", "narrow")


def test_a_warning_or_problem_without_advice_is_refused():
    for level in ("warning", "problem"):
        with pytest.raises(ValueError, match=f"clock: a {level} must say what to do"):
            Finding("clock", level, "it is wrong")


def test_the_worst_stands_last_and_the_summary_counts_it_first():
    second = Finding("rate", "ok", "right")
    assert worst_last([PROBLEM, OK, WARNING, NOTE, second]) == [OK, second, NOTE, WARNING, PROBLEM]
    assert summary([OK, OK, WARNING, PROBLEM, PROBLEM, NOTE]) == "2 problems, 1 warning, 1 note, 2 ok"
    assert summary([OK]) == "1 ok"


def test_json_holds_all_and_no_infinity():
    assert json.loads(WARNING.json_line()) == {
        "check": "level",
        "level": "warning",
        "seen": "too faint",
        "advice": "speak up",
        "facts": {"rms_dbfs": None, "share": 0.333333, "names": ["a"]},
    }


def test_the_advice_of_an_error_comes_before_that_of_its_check():
    found = Finding.from_error("source", EdgeError("no microphone; plug it in; then try again"), "unused")
    assert (found.level, found.seen, found.advice) == ("problem", "no microphone", "plug it in; then try again")
    assert Finding.from_error("source", EdgeError("no microphone"), "see edge devices").advice == "see edge devices"
