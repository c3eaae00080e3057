"""One stream: scores that no cutting changes, and never one from silence or from what was lost."""

from __future__ import annotations

import numpy as np
import pytest

from edge.live.session import Session
from tests.edge.live.conftest import HOLD_S, MIN_SPEECH_S, chunks


def follow(model, pieces, clock, rate=16000):
    session = Session(model, model.contract.operating_points[0], rate, clock=clock)
    steps = [step for piece in pieces for step in session.feed(piece)]
    return session, [*steps, *session.finish()]


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("length", [1, 160, 1001, 10**6])
def test_how_a_stream_is_cut_changes_nothing(calm_model, speech, turned, rate, length):
    samples = speech(0.8 if length == 1 else 6.0, rate)
    whole = follow(calm_model, chunks(samples, rate, 10**6), turned, rate)[1]
    cut = follow(calm_model, chunks(samples, rate, length), turned, rate)[1]
    assert [step.state for step in cut] == [step.state for step in whole]
    assert [(step.arrived.all_zero, step.arrived.lost_share) for step in cut] == [
        (step.arrived.all_zero, step.arrived.lost_share) for step in whole
    ]
    assert whole[-1].state.end == round(len(samples) * 16000 / rate)


def test_sessions_that_take_turns_on_one_model_hear_only_themselves(calm_model, speech, turned, rng):
    one, other = speech(6.0), (0.3 * rng.standard_normal(6 * 16000)).astype(np.float32)
    alone = [follow(calm_model, chunks(samples), turned)[1][-1].state for samples in (one, other)]
    point = calm_model.contract.operating_points[0]
    sessions = [Session(calm_model, point, 16000, clock=turned) for _ in range(2)]
    last = [None, None]
    for pair in zip(chunks(one), chunks(other), strict=True):
        for index, piece in enumerate(pair):
            for step in sessions[index].feed(piece):
                last[index] = step.state
    for index, session in enumerate(sessions):
        for step in session.finish():
            last[index] = step.state
    assert last == alone


def test_an_alarm_comes_after_the_least_speech_and_the_hold(alarming_model, speech, turned):
    _, steps = follow(alarming_model, chunks(speech(12.0)), turned)
    states = [step.state for step in steps]
    (alarm,) = [state for state in states if state.alarm]
    # The hold is counted from the first chunk that has a score.
    chunk_s = 4096 / 16000
    assert MIN_SPEECH_S + HOLD_S - chunk_s <= alarm.speech_s <= MIN_SPEECH_S + HOLD_S + 2 * chunk_s
    assert alarm.verdict == "spoof"


def test_lost_audio_is_never_scored(alarming_model, speech, turned):
    samples = speech(12.0)
    lost = np.zeros(len(samples), bool)
    lost[3 * 16000 :] = True
    samples[lost] = 0.0
    session, steps = follow(alarming_model, chunks(samples, lost=lost), turned)
    assert session.lost_s == pytest.approx(9.0)
    assert session.position_s == pytest.approx(12.0)
    known = [step.state for step in steps if step.state.end <= 3 * 16000]
    assert steps[-1].state.speech_s == pytest.approx(known[-1].speech_s, abs=0.26)
    assert steps[-1].state.verdict != "silenced", "lost is not withheld"


def test_what_spans_a_break_is_not_heard(calm_model, speech, turned):
    """A device that loses audio before every packet has spoken nothing as it was."""
    pieces = [
        type(piece)(piece.stream, piece.samples, piece.sample_rate, piece.position, broken=True)
        for piece in chunks(speech(6.0))
    ]
    _, steps = follow(calm_model, pieces, turned)
    assert {step.state.verdict for step in steps} == {"no_speech"}
    assert all(step.arrived.broken for step in steps)


def test_a_gap_in_the_positions_is_a_mistake_of_the_source(calm_model, speech, turned):
    first, _, third = chunks(speech(1.0))[:3]
    session = Session(calm_model, calm_model.contract.operating_points[0], 16000, clock=turned)
    session.feed(first)
    with pytest.raises(ValueError, match="stream one: expected a chunk at 320, got one at 640"):
        session.feed(third)


def test_a_stream_that_ends_before_any_audio_says_nothing(calm_model, turned):
    for rate in (8000, 16000):
        assert follow(calm_model, [], turned, rate)[1] == []


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
