"""Verdicts from evidence alone, without a model."""

from __future__ import annotations

import math

import pytest

from edge.contract import Contract, FrontEndSpec, Thresholds
from edge.decision import FileDecider, RawScore, probability

CHUNK_S = 0.256
CONTRACT = Contract(
    name="test",
    chunk_samples=4096,
    frontend=FrontEndSpec(),
    forgetting_s=8.0,
    calibration_scale=2.0,
    calibration_offset=1.0,
    thresholds=Thresholds(spoof_below=-1.0, bonafide_above=1.0),
)


def decide(values, *, speech=16.0, all_zero=False, keep_timeline=False):
    decider = FileDecider(CONTRACT, keep_timeline=keep_timeline)
    for index, value in enumerate(values):
        weight = speech[index] if isinstance(speech, list) else speech
        decider.add(RawScore(index * 4096, (index + 1) * 4096, value, weight))
    return decider.decide(all_zero=all_zero)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(-2.0, "spoof"), (-1.0, "uncertain"), (-0.5, "uncertain"), (0.0, "uncertain"), (1.0, "bonafide")],
)
def test_the_verdict_follows_the_calibrated_score_and_its_two_thresholds(value, verdict):
    """cm_score = 2 * evidence + 1; a score on a threshold (here -1 and 1) is uncertain."""
    decision = decide([value] * 8)
    assert decision.cm_score == pytest.approx(2 * value + 1)
    assert decision.verdict == verdict
    assert decision.p_bonafide == pytest.approx(1 / (1 + math.exp(-(2 * value + 1))))


def test_a_short_recording_is_judged_by_its_last_raw_score():
    assert decide([5.0] * 4 + [-3.0] * 4).cm_score == pytest.approx(-5.0)


@pytest.mark.parametrize(("chunks", "verdict"), [(0, "no_speech"), (3, "too_short"), (4, "bonafide")])
def test_less_speech_than_the_contract_asks_gives_no_score(chunks, verdict):
    """Chunks of 0.256 s: three are under the second that is needed, four above."""
    decision = decide([5.0] * chunks)
    assert decision.verdict == verdict
    assert (decision.cm_score is None) == (decision.p_bonafide is None) == (verdict != "bonafide")


def test_silence_after_speech_does_not_change_the_score():
    assert decide([2.0] * 5 + [-9.0] * 50, speech=[16.0] * 5 + [0.0] * 50).cm_score == pytest.approx(5.0)


def test_all_zeros_are_silenced_whatever_the_raw_score():
    decision = decide([-5.0] * 8, all_zero=True)
    assert (decision.verdict, decision.cm_score, decision.p_bonafide) == ("silenced", None, None)


def test_a_long_recording_is_the_mean_of_its_spans_and_tells_how_much_was_spoof():
    """Two spans of 8 s: one at +3 (cm 7), one at -3 (cm -5); 32 chunks of 0.256 s are the first to reach 8 s."""
    decision = decide([3.0] * 32 + [-3.0] * 32)
    assert decision.cm_score == pytest.approx((7.0 - 5.0) / 2)
    assert decision.spoof_s == pytest.approx(32 * CHUNK_S)
    assert decision.speech_s == pytest.approx(64 * CHUNK_S)


def test_a_rest_too_short_to_judge_is_left_out():
    assert decide([3.0] * 32 + [-3.0] * 2).cm_score == pytest.approx(7.0)


def test_the_timeline_has_a_point_a_chunk_and_no_score_before_enough_speech():
    timeline = decide([3.0] * 6, keep_timeline=True).timeline
    assert [point.verdict for point in timeline] == ["too_short"] * 3 + ["bonafide"] * 3
    assert timeline[2].cm_score is None
    assert timeline[3].end_s == pytest.approx(4 * CHUNK_S)
    assert decide([3.0] * 6).timeline == ()


def test_probability_is_the_logistic_without_overflow():
    assert probability(0.0) == 0.5
    assert probability(1000.0) == 1.0
    assert probability(-1000.0) == 0.0
    assert probability(-2.0) == pytest.approx(1 - probability(2.0))
