"""Delays and false alarms on traces whose answer is known by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.contract import Contract, OperatingPoint
from workbench.data.manifest import Row
from workbench.live.calls import Call
from workbench.live.measure import genuine_outcome, invaded_outcome, measure, state, summarise
from workbench.live.traces import Trace

CHUNK = 4096
CONTRACT = Contract(name="test", chunk_samples=CHUNK)
POINT = OperatingPoint("plain", 0.0, -1.0, -0.5, 1.0, 0.0, 10.0)


def trace(values, *, fake_from=None, frames=16.0, name="call", source="one", transmission="clean"):
    row = Row("a.wav", source_repo=source)
    count = len(values)
    ends = CHUNK * np.arange(1, count + 1)
    call = Call(name, (row,), (row,) if fake_from is not None else ())
    at = int(ends[-1]) if fake_from is None else fake_from * CHUNK
    return Trace(call, transmission, np.array(values, float), np.full(count, frames), ends, at)


def test_the_delay_counts_fake_speech_up_to_the_alarm():
    """Ten chunks of a real person, then fake; the score falls in the third fake chunk: 3 x 0.256 s of fake speech."""
    outcome = invaded_outcome(trace([2.0] * 12 + [-2.0] * 5, fake_from=10), CONTRACT, POINT)
    assert outcome.delay_s == pytest.approx(3 * 0.256)
    assert outcome.fake_speech_s == pytest.approx(7 * 0.256)
    assert not outcome.early


def test_pauses_of_the_fake_voice_are_not_counted():
    outcome = invaded_outcome(trace([2.0] * 12 + [-2.0] * 5, fake_from=10, frames=8.0), CONTRACT, POINT)
    assert outcome.delay_s == pytest.approx(3 * 0.128)


def test_an_alarm_before_the_fake_voice_does_not_count_as_noticing_it():
    outcome = invaded_outcome(trace([2.0] * 5 + [-2.0] * 3 + [2.0] * 12, fake_from=10), CONTRACT, POINT)
    assert outcome.early
    assert math.isinf(outcome.delay_s)


def test_false_alarms_are_counted_by_hours_of_speech():
    genuine = [trace([2.0] * 5 + [-2.0] * 3 + [2.0] * 50), trace([2.0] * 58)]
    figures = measure(CONTRACT, POINT, genuine, [])
    assert figures.false_alarms == 1
    assert figures.genuine_speech_h == pytest.approx(2 * 58 * 0.256 / 3600)
    assert figures.false_alarms_per_h == pytest.approx(1 / figures.genuine_speech_h)
    assert genuine_outcome(genuine[1], CONTRACT, POINT).alarms == 0
    assert (figures.calls, figures.caught_share, figures.delay_median_s) == (0, None, None)


def test_a_delay_that_too_few_calls_reached_is_not_stated():
    """Of four calls three are caught, after one, two and three chunks: half by the second, nine tenths never."""
    calls = [trace([2.0] * 5 + [2.0] * late + [-2.0] * 3, fake_from=5) for late in (0, 1, 2)]
    figures = measure(CONTRACT, POINT, [], [*calls, trace([2.0] * 9, fake_from=5)])
    assert figures.caught_share == 0.75
    assert figures.delay_median_s == pytest.approx(2 * 0.256)
    assert figures.delay_p90_s is None
    assert figures.false_alarms_per_h is None


def test_what_was_measured_is_stated_in_the_point():
    figures = summarise([genuine_outcome(trace([2.0] * 1000), CONTRACT, POINT)], [])
    stated = state(POINT, figures)
    assert stated.false_alarms_per_h == 0.0
    assert stated.genuine_speech_h == pytest.approx(0.071)
    assert stated.enter_below == POINT.enter_below
