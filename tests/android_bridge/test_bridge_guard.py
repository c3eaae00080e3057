"""One call from its first piece of audio to its last."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from call_parts import BONAFIDE, POINT, SPOOF, pcm16, push

from android_bridge.errors import CallStateError, FactsError, PcmError
from android_bridge.guard import CallGuard
from android_bridge.phone import BuzzPattern
from android_bridge.settings import GuardSettings
from edge.decision import LiveDecider
from edge.errors import ContractMismatchError, EdgeError
from edge.stream import StreamScorer

RATE = 16000
ZEROS = bytes(2 * RATE)


def noise(rng, seconds, rate=RATE):
    return (rng.standard_normal(round(seconds * rate)) * 3000).astype("<i2").tobytes()


def scores(answers):
    return [answer["cm_score"] for answer in answers if answer["cm_score"] is not None]


def test_a_real_voice_is_bonafide_and_nothing_buzzes(guard, clock, phone):
    data, rate = pcm16(BONAFIDE)
    guard.open({"id": "one", "route": "voip"})
    answers = push(guard, clock, data, rate)
    assert answers[0]["state"] == "listening"
    assert answers[-1]["state"] == answers[-1]["verdict"] == "bonafide"
    assert answers[-1]["p_bonafide"] > 0.5
    assert guard.close()["alarms"] == 0
    assert phone.buzzes == phone.notices == []


def test_a_synthetic_voice_is_spoof_and_buzzes_exactly_once(guard, clock, phone):
    data, rate = pcm16(SPOOF)
    guard.open({"id": "two", "route": "voip"})
    answers = push(guard, clock, data, rate)
    assert answers[-1]["state"] == answers[-1]["verdict"] == "spoof"
    assert [answer["alarm"] for answer in answers].count(True) == 1
    assert len(phone.buzzes) == 1
    assert phone.kinds == ["spoof"]
    assert phone.notices[0]["call"] == "two"


def test_the_scores_are_those_of_the_runtime_and_its_decider(guard, clock, model):
    """Nothing is added to or taken from what `edge` makes of the same samples."""
    data, rate = pcm16(SPOOF)
    assert rate == RATE
    guard.open({"id": "same"})
    found = scores([*push(guard, clock, data, rate), guard.flush()])
    samples = np.frombuffer(data, "<i2").astype(np.float32) / 32768
    scorer, decider = StreamScorer(model), LiveDecider(model.contract, POINT)
    expected = [decider.add(raw_score).cm_score for raw_score in [*scorer.feed(samples), *scorer.flush()]]
    expected = [score for score in expected if score is not None]
    assert sorted(set(found)) == sorted(set(expected))


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_how_the_audio_is_cut_does_not_change_the_score(guard, clock, rng, rate):
    data = pcm16(BONAFIDE)[0] if rate == 8000 else noise(rng, 3.0, rate)
    guard.open({"id": "whole"})
    guard.push_pcm16(data, rate)
    whole = (guard.flush(), guard.close())[0]
    guard.open({"id": "whole"})
    cut = 0
    while cut < len(data):
        length = 2 * int(rng.integers(1, 3000))
        guard.push_pcm16(data[cut : cut + length], rate)
        cut += length
    assert guard.flush() == whole


def test_exact_zeros_become_silenced_after_two_seconds_and_carry_no_score(guard, clock, phone):
    guard.open({"id": "mute", "route": "microphone"})
    answers = push(guard, clock, ZEROS * 3, RATE)
    states = [answer["state"] for answer in answers]
    assert states[0] == "listening"
    assert states[-1] == "silenced"
    assert 2.0 <= states.index("silenced") * 0.02 <= 2.5
    assert scores(answers) == []
    assert answers[-1]["verdict"] == "silenced"
    assert phone.kinds == ["silenced"]


def test_a_voice_with_digital_silence_between_its_words_is_not_silenced(guard, clock, rng, model):
    """A phone's noise gate gives exact zeros; what counts is whether a chunk held any sound, not how it ended."""
    half = model.contract.chunk_samples // 2 / RATE
    guard.open({"id": "gate"})
    answers = push(guard, clock, (noise(rng, half) + bytes(2 * round(half * RATE))) * 16, RATE)
    assert "silenced" not in {answer["state"] for answer in answers}


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_zeros_of_another_rate_are_zeros_too(guard, clock, rate):
    guard.open({"id": "mute"})
    assert push(guard, clock, bytes(2 * rate * 3), rate)[-1]["state"] == "silenced"


def test_what_android_silences_is_not_heard_whatever_comes_with_it(guard, clock, rng, phone):
    guard.open({"id": "flag"})
    answers = push(guard, clock, noise(rng, 4.0), RATE, silenced=True)
    assert {answer["state"] for answer in answers} == {"silenced"}
    assert scores(answers) == []
    assert answers[-1]["speech_s"] == 0.0
    assert phone.kinds == ["silenced"]


def test_a_score_is_hidden_while_the_audio_is_withheld_and_comes_back_with_it(guard, clock):
    data, rate = pcm16(BONAFIDE)
    guard.open({"id": "hold"})
    assert push(guard, clock, data, rate)[-1]["cm_score"] is not None
    muted = push(guard, clock, bytes(2 * rate * 3), rate)[-1]
    assert (muted["state"], muted["verdict"], muted["cm_score"], muted["p_bonafide"]) == (
        "silenced",
        "silenced",
        None,
        None,
    )
    assert push(guard, clock, data, rate)[-1]["cm_score"] is not None


def test_a_call_without_any_audio_becomes_blind(guard, clock, phone):
    assert guard.open({"id": "deaf"})["state"] == "listening"
    clock.now_s += 4.9
    assert guard.poll()["state"] == "listening"
    clock.now_s += 0.2
    blind = guard.poll()
    assert (blind["state"], blind["verdict"], blind["cm_score"]) == ("blind", None, None)
    guard.poll()
    assert phone.kinds == ["blind"]
    assert guard.flush()["state"] == "blind"
    assert guard.close()["shown"] == "blind"


def test_a_call_whose_audio_stops_does_not_keep_its_verdict_on_the_screen(guard, clock):
    data, rate = pcm16(BONAFIDE)
    guard.open({"id": "gone"})
    push(guard, clock, data, rate)
    clock.now_s += 5.0
    blind = guard.poll()
    assert (blind["state"], blind["verdict"], blind["cm_score"]) == ("blind", None, None)
    assert push(guard, clock, data[: 2 * rate], rate)[-1]["state"] == "bonafide"


def test_a_call_without_a_route_is_blind_at_once_until_audio_comes_after_all(guard, clock, rng):
    assert guard.open({"id": "no", "route": "none"})["state"] == "blind"
    assert push(guard, clock, noise(rng, 0.1), RATE)[-1]["state"] == "listening"
    assert guard.lose_route()["state"] == "blind"


def test_the_verdict_stays_when_the_audio_was_ended(guard, clock):
    data, rate = pcm16(SPOOF)
    guard.open({"id": "end"})
    push(guard, clock, data, rate)
    guard.flush()
    clock.now_s += 50.0
    assert guard.poll()["state"] == "spoof"
    assert guard.flush()["state"] == "spoof"
    with pytest.raises(CallStateError, match="the audio of call end has ended: close it and open another"):
        guard.push_pcm16(ZEROS, RATE)


def test_the_reminder_comes_once_when_nobody_answers(guard, clock, phone):
    data, rate = pcm16(SPOOF)
    guard.open({"id": "late"})
    push(guard, clock, data, rate)
    for _ in range(40):
        clock.now_s += 1.0
        guard.poll()
    assert len(phone.buzzes) == 2
    clock.now_s += 60.0
    assert guard.poll()["buzz"] == "expired"


def test_an_answered_alarm_has_no_reminder(guard, clock, phone):
    data, rate = pcm16(SPOOF)
    guard.open({"id": "felt"})
    push(guard, clock, data, rate)
    assert guard.acknowledge()["buzz"] == "acknowledged"
    clock.now_s += 20.0
    guard.poll()
    assert len(phone.buzzes) == 1
    assert phone.cancelled == 1


def test_nothing_buzzes_when_the_call_is_over(guard, clock, phone):
    data, rate = pcm16(SPOOF)
    guard.open({"id": "over"})
    push(guard, clock, data, rate)
    closed = guard.close()
    assert (closed["state"], closed["shown"], closed["verdict"], closed["buzz"]) == (
        "closed",
        "spoof",
        "spoof",
        "quiet",
    )
    clock.now_s += 20.0
    assert guard.poll() == {"state": "idle"}
    assert len(phone.buzzes) == 1
    assert guard.close() == {"state": "idle"}


def test_a_broken_vibrator_is_told_and_the_notice_still_comes(guard, clock, phone):
    phone.broken = True
    data, rate = pcm16(SPOOF)
    guard.open({"id": "dead"})
    last = push(guard, clock, data, rate)[-1]
    assert last["alarms"] == 1
    assert last["trouble"] == "the vibrator failed: no motor"
    assert phone.kinds == ["spoof"]
    phone.broken = False
    clock.now_s += 12.0
    guard.poll()
    assert len(phone.buzzes) == 1  # the reminder is the second attempt


def test_two_calls_do_not_share_anything(guard, clock):
    data, rate = pcm16(SPOOF)
    guard.open({"id": "first"})
    push(guard, clock, data, rate)
    guard.close()
    fresh = guard.open({"id": "second"})
    assert (fresh["call"], fresh["state"], fresh["speech_s"], fresh["alarms"], fresh["buzz"]) == (
        "second",
        "listening",
        0.0,
        0,
        "quiet",
    )
    assert guard.timeline() == []


def test_heard_seconds_are_counted_in_samples(guard, clock):
    guard.open({"id": "long"})
    for _ in range(500):
        last = guard.push_pcm16(bytes(2 * 160), 8000)
    assert last["heard_s"] == 10.0


def test_the_timeline_has_one_point_for_each_chunk_and_no_score_for_silence(guard, clock, model):
    guard.open({"id": "line"})
    push(guard, clock, ZEROS * 3, RATE)
    points = guard.timeline()
    assert [point["end_s"] for point in points] == [
        (index + 1) * model.contract.chunk_samples / RATE for index in range(3 * RATE // model.contract.chunk_samples)
    ]
    assert {point["cm_score"] for point in points} == {None}


@pytest.mark.parametrize(
    ("data", "rate", "message"),
    [
        (b"\x00\x00\x00", 16000, "3 bytes: expected an even number"),
        (b"\x00\x00", 16001, "sample rate 16001: expected one of 8000, "),
        (b"\x00\x00", 0, "sample rate 0: expected one of"),
        (b"\x00\x00", -8000, "sample rate -8000: expected one of"),
        (b"\x00\x00", 16000.0, r"sample rate 16000\.0: expected one of"),
        (b"\x00\x00", 8000, "began at 16000 Hz and goes on at 8000 Hz"),
        (bytes(2 * 16000 * 61), 16000, "are 61 s at 16000 Hz: expected at most 60 s at once"),
        ("text", 16000, "expected the bytes of PCM16 mono, got str"),
    ],
)
def test_what_is_no_audio_of_this_call_is_refused_and_the_call_goes_on(guard, clock, rng, data, rate, message):
    guard.open({"id": "bad"})
    before = push(guard, clock, noise(rng, 0.5), RATE)[-1]
    with pytest.raises(PcmError, match=message):
        guard.push_pcm16(data, rate)
    assert guard.poll()["heard_s"] == before["heard_s"]
    assert guard.push_pcm16(noise(rng, 0.02), RATE)["heard_s"] == pytest.approx(before["heard_s"] + 0.02)


def test_an_empty_piece_is_no_sign_of_life(guard, clock):
    guard.open({"id": "empty"})
    for _ in range(6):
        clock.now_s += 1.0
        last = guard.push_pcm16(b"", RATE)
    assert last["state"] == "blind"


def test_steps_out_of_order_are_refused(guard):
    for step in (lambda: guard.push_pcm16(ZEROS, RATE), guard.flush, guard.acknowledge, guard.lose_route):
        with pytest.raises(CallStateError, match="no call is open"):
            step()
    guard.open({"id": "first"})
    with pytest.raises(CallStateError, match="call first is open: close it before the call second is opened"):
        guard.open({"id": "second"})
    with pytest.raises(CallStateError, match="call first is open: close it before a recording is scored"):
        guard.score_recording(str(SPOOF))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({}, "id of the call None: expected a text of 1 to 128 characters"),
        ({"id": ""}, "id of the call ''"),
        ({"id": "x" * 129}, "expected a text of 1 to 128"),
        ({"id": "x", "route": "accessibility"}, "route of the call 'accessibility': expected one of voip, "),
    ],
)
def test_a_call_needs_an_identity_and_a_route_that_exists(guard, call, message):
    with pytest.raises(FactsError, match=message):
        guard.open(call)
    assert guard.poll() == {"state": "idle"}


def test_a_model_that_fails_makes_the_call_blind(model, phone, clock, rng):
    class Failing:
        contract = model.contract
        initial_states = staticmethod(model.initial_states)

        def step(self, samples, states):
            raise EdgeError("the interpreter died")

    guard = CallGuard(Failing(), buzzer=phone, notifier=phone, clock=clock, settings=GuardSettings("test"))
    guard.open({"id": "crash"})
    with pytest.raises(EdgeError, match="the interpreter died"):
        guard.push_pcm16(noise(rng, 1.0), RATE)
    after = guard.poll()
    assert (after["state"], after["verdict"], after["trouble"]) == ("blind", None, "the interpreter died")


def test_a_model_without_that_operating_point_is_refused_at_the_start(model, phone):
    with pytest.raises(ContractMismatchError, match="no operating point 'balanced'; expected one of test"):
        CallGuard(model, buzzer=phone, notifier=phone)


def test_the_buzz_can_be_tried_outside_of_a_call(guard, phone):
    assert guard.test_buzz() == {"total_ms": BuzzPattern().total_ms}
    assert phone.buzzes == [BuzzPattern()]


def test_the_operating_points_are_described_with_their_measured_costs(phone, model):
    point = dataclasses.replace(POINT, false_alarms_per_h=0.5, caught_share=0.6, delay_median_s=4.0)

    class Measured:
        contract = dataclasses.replace(model.contract, operating_points=(point,))

    guard = CallGuard(Measured(), buzzer=phone, notifier=phone, settings=GuardSettings("test"))
    assert guard.describe() == {
        "model": model.name,
        "operating_point": "test",
        "operating_points": [{"name": "test", "false_alarms_per_h": 0.5, "caught_share": 0.6, "delay_median_s": 4.0}],
    }
