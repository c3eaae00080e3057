"""Sentences say what the figures say."""

from __future__ import annotations

import pytest

from workbench.evaluate.bootstrap import Interval
from workbench.evaluate.comparison import Comparison
from workbench.report.plain_words import compared, grade, headline, p_value, summary


def interval(value):
    return {"value": value, "low": value, "high": value}


def group(name, eer, **more):
    rates = {"bonafide_called_spoof": interval(0.02), "spoof_called_spoof": interval(0.7)}
    return {"name": name, "eer": interval(eer), "bonafide": 20, "spoof": 30, **rates, **more}


def report(*groups, **parts):
    return {"model": "m", "groups": list(groups), **parts}


@pytest.mark.parametrize(
    ("eer", "word"), [(0.01, "strong"), (0.04, "good"), (0.08, "fair"), (0.15, "weak"), (0.346, "poor"), (1.0, "poor")]
)
def test_the_grade_is_that_of_the_hardest_group(eer, word):
    found = report(group("all", 0.001), group("unseen attacks, paired", eer))
    assert headline(found)["name"] == "unseen attacks, paired"
    assert grade(found).startswith(f"A {word} detector.")


def test_a_split_that_is_too_small_is_not_graded():
    """One speaker and two voices without an error are no strong detector."""
    few = {"bonafide": 60, "spoof": 80, "sources": 1, "attacks": 2, "separable": True}
    found = report(group("all", 0.0), split="dev", support=few, dev_support=few)
    assert grade(found).startswith("The dev split cannot grade a detector: it has 1 source ")
    assert any("too small to set thresholds by" in line for line in summary(found, [], None))
    enough = {"bonafide": 60, "spoof": 80, "sources": 3, "attacks": 3, "separable": False}
    found = report(group("all", 0.01), split="dev", support=enough, dev_support=enough)
    assert grade(found).startswith("A strong detector.")
    assert not any("too small" in line for line in summary(found, [], None))


def test_a_report_without_pairs_falls_back_to_all_clips():
    text = summary(report(group("all", 0.333)), [], None)
    assert text[0] == (
        "Over all clips, m errs on about 1 clip in 3 when both kinds of error are equally frequent: "
        "EER 33.3 % (33.3–33.3)."
    )
    assert len(text) == 2


def test_a_gap_between_recordings_is_told():
    gap = summary(report(group("all", 0.2), group("paired", 0.3), group("unpaired", 0.03)), [], None)
    assert any("EER 3.0 % where real and synthetic clips come from different places, 30.0 %" in line for line in gap)
    none = summary(report(group("all", 0.2), group("paired", 0.05), group("unpaired", 0.03)), [], None)
    assert not any("different places" in line for line in none)


@pytest.mark.parametrize(
    ("rate", "start"), [(0.3, "Through gsm it calls"), (0.01, "Through gsm it calls no more real voices spoof")]
)
def test_the_worst_transmission_is_named_if_it_is_worse(rate, start):
    lines = [
        {"transmission": name, "bonafide_called_spoof": interval(value)}
        for name, value in (("clean", 0.02), ("gsm", rate))
    ]
    text = summary(report(group("all", 0.2), bonafide_by_transmission=lines), [], None)
    assert any(line.startswith(start) for line in text)


@pytest.mark.parametrize(("ece", "words"), [(0.03, "mean about what they say"), (0.2, "do not mean what they say")])
def test_calibration_is_judged(ece, words):
    found = report(group("all", 0.2, cllr=0.8, min_cllr=0.5), reliability={"ece": ece})
    assert any(words in line for line in summary(found, [], None))


def comparison(points, p):
    same = Interval(points, points, points)
    return Comparison("all", 9, 9, 0.1, 0.1, 0.9, 0.9, same, same, p, p, p, 1, 2, p)


def test_a_difference_is_claimed_only_if_it_is_more_than_chance():
    assert compared(comparison(-0.12, 0.002), "m", "o") == "m errs less than o, by 12.0 points of EER (p = 0.002)"
    assert compared(comparison(0.12, 0.002), "m", "o").startswith("o errs less than m")
    assert compared(comparison(-0.12, 0.2), "m", "o").startswith("no difference that these clips could show (−12.0")


def test_p_values_are_short():
    assert [p_value(value) for value in (0.5, 0.04, 0.004, 0.0004)] == ["0.50", "0.04", "0.004", "< 0.001"]
