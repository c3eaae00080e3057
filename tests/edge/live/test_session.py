"""One stream: scores that no cutting changes, never one from silence or lost audio; what arrived, and how late."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.live.session import ChunkMeter, LagMeter, Session
from tests.edge.live.conftest import chunks


def follow(model, pieces, clock, rate=16000):
    session = Session(model, model.contract.operating_points[0], rate, clock=clock)
    steps = [step for piece in pieces for step in session.feed(piece)]
    return session, [*steps, *session.flush()]


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_how_a_stream_is_cut_changes_nothing(calm_model, speech, clock, rate):
    def known(samples, length):
        steps = follow(calm_model, chunks(samples, rate, length), clock, rate)[1]
        return [(step.state, step.stats.all_zero, step.stats.lost_share) for step in steps]

    for seconds, lengths in ((0.8, [1]), (6.0, [160, 1001])):
        samples = speech(seconds, rate)
        whole = known(samples, 10**6)
        for length in lengths:
            assert known(samples, length) == whole, length
        assert whole[-1][0].end == round(len(samples) * 16000 / rate)


def test_sessions_in_turns_on_one_model_do_not_mix(calm_model, speech, clock, rng):
    one, other = speech(6.0), (0.3 * rng.standard_normal(6 * 16000)).astype(np.float32)
    alone = [follow(calm_model, chunks(samples), clock)[1][-1].state for samples in (one, other)]
    point = calm_model.contract.operating_points[0]
    sessions = [Session(calm_model, point, 16000, clock=clock) for _ in range(2)]
    last = [None, None]
    for pair in zip(chunks(one), chunks(other), strict=True):
        for index, piece in enumerate(pair):
            for step in sessions[index].feed(piece):
                last[index] = step.state
    for index, session in enumerate(sessions):
        for step in session.flush():
            last[index] = step.state
    assert last == alone


def test_lost_audio_is_never_scored(alarming_model, speech, clock):
    samples = speech(12.0)
    lost = np.zeros(len(samples), bool)
    lost[3 * 16000 :] = True
    samples[lost] = 0.0
    session, steps = follow(alarming_model, chunks(samples, lost=lost), clock)
    assert session.lost_s == pytest.approx(9.0)
    assert session.position_s == pytest.approx(12.0)
    known = [step.state for step in steps if step.state.end <= 3 * 16000]
    assert steps[-1].state.speech_s == pytest.approx(known[-1].speech_s, abs=0.26)
    assert steps[-1].state.verdict != "silenced", "lost is not withheld"


def test_what_spans_a_break_is_not_scored(calm_model, speech, clock):
    """A device that loses audio before every packet has spoken nothing as it was."""
    pieces = [
        type(piece)(piece.stream, piece.samples, piece.sample_rate, piece.position, broken=True)
        for piece in chunks(speech(6.0))
    ]
    _, steps = follow(calm_model, pieces, clock)
    assert {step.state.verdict for step in steps} == {"no_speech"}
    assert all(step.stats.broken for step in steps)


def test_a_gap_in_the_positions_is_a_mistake_of_the_source(calm_model, speech, clock):
    first, _, third = chunks(speech(1.0))[:3]
    session = Session(calm_model, calm_model.contract.operating_points[0], 16000, clock=clock)
    session.feed(first)
    with pytest.raises(ValueError, match="stream one: expected a chunk at 320, got one at 640"):
        session.feed(third)


def test_a_stream_that_ends_before_any_audio_gives_no_step(calm_model, clock):
    for rate in (8000, 16000):
        assert follow(calm_model, [], clock, rate)[1] == []


def test_the_real_time_factor_is_computing_over_audio(calm_model, speech):
    class Slow:
        """A second passes between two looks at it, so that each batch takes one."""

        now = 0.0

        def monotonic(self):
            self.now += 1.0
            return self.now

    session = Session(calm_model, calm_model.contract.operating_points[0], 16000, clock=Slow())
    for piece in chunks(speech(4.0), length=8000):
        session.feed(piece)
    assert session.realtime_factor == pytest.approx(2.0)


def voice(count, level=0.1):
    return np.full(count, level, np.float32)


def test_losses_are_shared_out_by_position_at_another_rate():
    """8 kHz samples 1000 to 2000 are the model's 2000 to 4000 at 16 kHz."""
    meter = ChunkMeter(8000, 16000)
    lost = np.zeros(4096, bool)
    lost[1000:2000] = True
    samples = voice(4096)
    samples[lost] = 0.0
    for at in range(0, 4096, 160):
        meter.add(samples[at : at + 160], lost[at : at + 160])
    assert meter.measure(4096).lost_share == pytest.approx(1000 / 2048)
    assert meter.measure(8192).lost_share == 0.0


def test_zeros_count_only_where_they_arrived():
    meter = ChunkMeter(16000, 16000)
    meter.add(voice(4096, 0.0), None)
    meter.add(voice(4096, 0.0), np.ones(4096, bool))
    sound = voice(4096, 0.0)
    sound[4000] = 1 / 32768
    meter.add(sound, None)
    first, second, third = (meter.measure(end) for end in (4096, 8192, 12288))
    assert (first.all_zero, first.lost_share) == (True, 0.0)
    assert (second.all_zero, second.lost_share) == (False, 1.0)
    assert not third.all_zero


def test_a_break_belongs_to_the_chunk_it_falls_into_and_to_no_other():
    meter = ChunkMeter(16000, 16000)
    for index in range(4):
        meter.add(voice(3000), None, broken=index == 2)
    assert [meter.measure(end).broken for end in (4096, 8192, 12000)] == [False, True, False]


def test_the_level_is_of_what_arrived():
    meter = ChunkMeter(16000, 16000)
    lost = np.arange(4096) < 2048
    samples = voice(4096)
    samples[lost] = 0.0
    meter.add(samples, lost)
    meter.add(voice(4096, 0.0), None)
    assert meter.measure(4096).level_db == pytest.approx(-20.0, abs=1e-3)
    assert meter.measure(8192).level_db == -math.inf


@pytest.mark.parametrize("rate", [8000, 11025, pytest.param(44100, marks=pytest.mark.slow)])
def test_positions_do_not_drift_at_any_rate(rate):
    """Of an hour, the last chunk still lies where it was lost."""
    meter = ChunkMeter(rate, 16000)
    seconds, given = 3600, 0
    block = voice(rate)
    for end in range(4096, seconds * 16000 + 1, 4096):
        while given < (end + 4096) * rate // 16000 and given < seconds * rate:
            lost = np.zeros(rate, bool)
            if given == (seconds - 2) * rate:
                lost[:] = True
            meter.add(block, lost)
            given += rate
        share = meter.measure(end).lost_share
        begin_s, end_s = (end - 4096) / 16000, end / 16000
        overlap = max(0.0, min(end_s, seconds - 1) - max(begin_s, seconds - 2)) / 0.256
        assert share == pytest.approx(overlap, abs=2 / (0.256 * rate))


def follow_delays(meter, delays, *, step_s=0.1, waited=True, audio_s=0.0, now=100.0):
    for delay in delays:
        audio_s += step_s
        now += step_s
        meter.update(audio_s, now + delay, waited=waited)
    return audio_s, now


def test_a_constant_delay_is_no_lag_and_the_worst_is_returned_once():
    meter = LagMeter()
    follow_delays(meter, [0.5] * 10)
    assert meter.pop_worst() == pytest.approx(0.0, abs=1e-9)
    follow_delays(meter, [0.5, 0.5, 1.2, 0.7], audio_s=1.0, now=101.0)
    assert meter.lag_s == pytest.approx(0.2)
    assert meter.pop_worst() == pytest.approx(0.7)
    assert meter.pop_worst() == 0.0


def test_a_recording_lags_by_its_pace_and_not_at_all_as_fast_as_possible():
    double, unpaced = LagMeter(pace=2.0), LagMeter(math.inf)
    double.update(2.0, 101.0, waited=True)
    double.update(4.0, 102.5, waited=True)
    assert double.lag_s == pytest.approx(0.5)
    unpaced.update(100.0, 1.0, waited=False)
    assert (unpaced.lag_s, unpaced.pop_worst()) == (None, None)


def test_a_queue_that_only_grows_is_never_forgotten():
    meter = LagMeter()
    follow_delays(meter, [0.0])
    follow_delays(meter, [0.01 * index for index in range(2000)], waited=False, audio_s=0.1, now=100.1)
    assert meter.lag_s == pytest.approx(19.99)


def test_a_pause_of_the_sender_is_forgotten_after_two_windows():
    meter = LagMeter()
    audio_s, now = follow_delays(meter, [0.0] * 10)
    audio_s, now = follow_delays(meter, [0.0] * 10, audio_s=audio_s, now=now + 5.0)
    assert meter.lag_s == pytest.approx(5.0)
    follow_delays(meter, [0.0] * 320, audio_s=audio_s, now=now)
    assert meter.lag_s == pytest.approx(0.0, abs=1e-9)
