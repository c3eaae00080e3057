"""The sequential test on a live stream: what is smoothed is what fires."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.contract import Contract, FrontEndSpec, OperatingPoint, Thresholds
from edge.decision import LiveDecider, RawScore

CHUNK = 4096
CHUNK_S = 0.256
FULL = 16.0
CONTRACT = Contract(
    name="test",
    chunk_samples=CHUNK,
    frontend=FrontEndSpec(),
    thresholds=Thresholds(spoof_below=-3.0, bonafide_above=1.0),
)
POINT = OperatingPoint("balanced", 2.0, -1.0, -0.5, 2.0, 1.0, 60.0)


def run(values, point=POINT, *, speech=FULL, **kwargs):
    decider = LiveDecider(CONTRACT, point)
    weights = speech if isinstance(speech, list) else [speech] * len(values)
    return [
        decider.add(RawScore(index * CHUNK, (index + 1) * CHUNK, value, weight), **kwargs)
        for index, (value, weight) in enumerate(zip(values, weights, strict=True))
    ]


def alarms(states):
    return [index for index, state in enumerate(states) if state.alarm]


def test_the_smoothed_score_is_what_fires():
    """Single scores far below the bound raise nothing while the average stays above it, and the alarm comes in the
    very chunk in which the reported average has been below for the hold."""
    rng = np.random.default_rng(0)
    values = [*(4.0 * rng.standard_normal(200) + 4.0), *(4.0 * rng.standard_normal(200) - 4.0)]
    assert min(values[:200]) < POINT.enter_below
    states = run(values)
    below_s, expected = 0.0, None
    for index, state in enumerate(states):
        below_s = below_s + CHUNK_S if state.cm_score is not None and state.cm_score < POINT.enter_below else 0.0
        if below_s >= POINT.hold_s:
            expected = index
            break
    assert expected is not None
    assert expected >= 200
    assert alarms(states) == [expected]


def test_the_smoothing_is_an_exponential_mean_over_speech():
    values = [3.0, -1.0, 2.0, 0.5, 1.0, -2.0, 0.0, 4.0, 1.0]
    states = run(values, POINT)
    age_s = CHUNK_S * np.arange(len(values))[::-1]
    weights = np.exp(-age_s / POINT.smoothing_s)
    assert states[-1].cm_score == pytest.approx(float((weights * values).sum() / weights.sum()))
    assert states[-1].p_bonafide == pytest.approx(1 / (1 + math.exp(-states[-1].cm_score)))


def test_without_smoothing_the_last_score_counts():
    point = OperatingPoint("raw", 0.0, -1.0, -0.5, 1.0, 0.0, 0.0)
    assert run([5.0] * 8 + [-2.0], point)[-1].cm_score == -2.0


def test_a_constant_score_gives_itself_at_any_weight_of_speech():
    weights = [3.0, 16.0, 0.0, 7.5, 1.0] * 10
    assert run([-0.25] * 50, speech=weights)[-1].cm_score == pytest.approx(-0.25)


@pytest.mark.parametrize(
    ("chunks", "verdict"), [(0, None), (1, "too_short"), (7, "too_short"), (8, "bonafide"), (80, "bonafide")]
)
def test_there_is_no_verdict_before_the_least_speech(chunks, verdict):
    states = run([5.0] * chunks)
    if not states:
        return
    assert states[-1].verdict == verdict
    assert (states[-1].cm_score is None) == (verdict == "too_short")


def test_between_the_bounds_it_is_uncertain():
    assert run([0.0] * 20)[-1].verdict == "uncertain"


def test_an_alarm_waits_for_its_hold_in_speech_and_not_in_time():
    """Pauses between words bring the alarm no nearer."""
    point = OperatingPoint("held", 0.0, -1.0, -0.5, 0.0, 2.0, 0.0)
    dense = run([-5.0] * 40, point)
    sparse = run([-5.0] * 80, point, speech=[FULL, 0.0] * 40)
    assert dense[alarms(dense)[0]].speech_s == sparse[alarms(sparse)[0]].speech_s
    assert alarms(sparse)[0] == 2 * alarms(dense)[0]


def test_the_verdict_is_kept_between_the_two_bounds_and_left_above_the_upper():
    point = OperatingPoint("plain", 0.0, -1.0, -0.5, 1.0, 0.0, 0.0)
    states = run([0.0] * 5 + [-2.0, -0.75, -0.6, -0.4, -0.75], point)
    assert [state.verdict for state in states[5:]] == ["spoof", "spoof", "spoof", "uncertain", "uncertain"]
    assert alarms(states) == [5]


def test_one_stretch_alarms_once_and_the_cooldown_quiets_the_next():
    point = OperatingPoint("plain", 0.0, -1.0, -0.5, 1.0, 0.0, 10.0)
    pattern = [-2.0] * 10 + [2.0] * 10
    states = run([2.0] * 5 + pattern * 5, point)
    assert [round(states[index].end / 16000, 1) for index in alarms(states)] == [1.5, 11.8, 22.0]
    assert states[5 + 25].verdict == "spoof", "the verdict is not quieted, only the alarm"


@pytest.mark.parametrize("value", [-50.0, 50.0])
def test_silence_says_nothing_whatever_the_model_says(value):
    states = run([value] * 100, speech=0.0)
    assert {state.verdict for state in states} == {"no_speech"}
    assert not alarms(states)
    assert states[-1].cm_score is None


def test_exact_zeros_are_a_withheld_stream_and_never_a_score():
    decider = LiveDecider(CONTRACT, POINT)
    for index in range(20):
        state = decider.add(RawScore(index * CHUNK, (index + 1) * CHUNK, 5.0, FULL))
    assert state.verdict == "bonafide"
    verdicts = []
    for index in range(20, 30):
        state = decider.add(RawScore(index * CHUNK, (index + 1) * CHUNK, -50.0, FULL), all_zero=True)
        verdicts.append(state.verdict)
    assert verdicts == ["bonafide"] * 7 + ["silenced"] * 3
    assert state.cm_score == pytest.approx(5.0)
    back = decider.add(RawScore(30 * CHUNK, 31 * CHUNK, 5.0, FULL))
    assert back.verdict == "bonafide"


def test_a_chunk_that_was_mostly_lost_is_not_heard():
    assert not alarms(run([-50.0] * 40, lost_share=0.5))
    assert run([-50.0] * 40, lost_share=0.5)[-1].speech_s == 0.0
    assert alarms(run([-50.0] * 40, lost_share=0.1))


def test_an_operating_point_that_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match="leave_above must not be below enter_below"):
        OperatingPoint("odd", 1.0, -1.0, -2.0, 1.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="hold_s must be at least 0; got nan"):
        OperatingPoint("odd", 1.0, -1.0, 0.0, 1.0, math.nan, 0.0)
