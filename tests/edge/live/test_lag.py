"""Lag against the clock: what a buffer always holds is no lag, a queue that grows is."""

from __future__ import annotations

import math

import pytest

from edge.live.lag import LagMeter


def hear(meter, delays, *, step_s=0.1, waited=True, audio_s=0.0, now=100.0):
    for delay in delays:
        audio_s += step_s
        now += step_s
        meter.heard(audio_s, now + delay, waited=waited)
    return audio_s, now


def test_a_constant_delay_is_no_lag():
    meter = LagMeter()
    hear(meter, [0.5] * 100)
    assert meter.take_worst() == pytest.approx(0.0, abs=1e-9)


def test_a_late_chunk_lags_and_the_worst_is_told_once():
    meter = LagMeter()
    hear(meter, [0.0, 0.0, 0.7, 0.2])
    assert meter.lag_s == pytest.approx(0.2)
    assert meter.take_worst() == pytest.approx(0.7)
    assert meter.take_worst() == 0.0


def test_a_queue_that_only_grows_is_never_forgotten():
    meter = LagMeter()
    hear(meter, [0.0])
    hear(meter, [0.01 * index for index in range(2000)], waited=False, audio_s=0.1, now=100.1)
    assert meter.lag_s == pytest.approx(19.99)


def test_a_pause_of_the_sender_is_forgotten_after_two_windows():
    meter = LagMeter()
    audio_s, now = hear(meter, [0.0] * 10)
    audio_s, now = hear(meter, [0.0] * 10, audio_s=audio_s, now=now + 5.0)
    assert meter.lag_s == pytest.approx(5.0)
    hear(meter, [0.0] * 320, audio_s=audio_s, now=now)
    assert meter.lag_s == pytest.approx(0.0, abs=1e-9)


def test_a_recording_at_twice_the_pace_lags_by_the_clock():
    meter = LagMeter(pace=2.0)
    meter.heard(2.0, 101.0, waited=True)
    meter.heard(4.0, 102.5, waited=True)
    assert meter.lag_s == pytest.approx(0.5)


def test_what_comes_as_fast_as_it_is_taken_cannot_lag():
    meter = LagMeter(math.inf)
    meter.heard(100.0, 1.0, waited=False)
    assert meter.lag_s is None
    assert meter.take_worst() is None
