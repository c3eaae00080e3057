"""The buzz: bounded, once for an alarm, reminded once, never after it was answered, missed or over."""

from __future__ import annotations

import json

import pytest

from android_bridge.errors import FactsError, PortError
from android_bridge.phone import MAX_TOTAL_MS, Buzz, BuzzPattern

PATTERN = BuzzPattern((200, 100, 400), (255, 0, 128), "alarm", reminder_after_s=10.0, expires_after_s=30.0)


@pytest.fixture
def buzz(phone, clock):
    return Buzz(PATTERN, phone, clock)


def test_the_shipped_pattern_is_short_enough_strong_and_of_the_usage_that_a_call_lets_through():
    pattern = BuzzPattern()
    assert 2000 <= pattern.total_ms <= 5000 < MAX_TOTAL_MS
    assert set(pattern.amplitudes) == {0, 255}
    assert pattern.usage == "alarm"
    # Three short and one long, twice.
    assert pattern.pulses_ms() == (150, 150, 150, 900) * 2


def test_the_pattern_reaches_the_app_as_data():
    assert json.loads(PATTERN.to_json()) == {
        "timings_ms": [200, 100, 400],
        "amplitudes": [255, 0, 128],
        "usage": "alarm",
        "reminder_after_s": 10.0,
        "expires_after_s": 30.0,
        "total_ms": 700,
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"timings_ms": ()}, "as many amplitudes as timings"),
        ({"timings_ms": (100, 100), "amplitudes": (255,)}, "got 2 timings and 1 amplitudes"),
        ({"timings_ms": (6000, 6000), "amplitudes": (255, 255)}, "together 1 to 10000 ms"),
        ({"timings_ms": (-1, 5), "amplitudes": (255, 255)}, "at least 0"),
        ({"timings_ms": (0,), "amplitudes": (255,)}, "together 1 to 10000 ms"),
        ({"timings_ms": (100,), "amplitudes": (256,)}, "0 to 255"),
        ({"timings_ms": (100,), "amplitudes": (-1,)}, "0 to 255"),
        ({"timings_ms": (100, 0), "amplitudes": (0, 255)}, "not all of them 0"),
        ({"usage": "media"}, "usage of the buzz 'media': expected one of alarm, ringtone, notification"),
        ({"reminder_after_s": 0.0}, "above 0 seconds"),
        ({"expires_after_s": float("nan")}, "above 0 seconds"),
    ],
)
def test_a_pattern_that_nags_or_cannot_be_felt_is_refused(values, message):
    with pytest.raises(FactsError, match=message):
        BuzzPattern(**values)


def test_nothing_is_felt_without_an_alarm(buzz, clock, phone):
    clock.now_s += 100.0
    buzz.poll()
    buzz.acknowledge()
    buzz.close()
    assert (phone.buzzes, phone.cancelled, buzz.state) == ([], 0, "quiet")


def test_an_alarm_is_felt_once_and_reminded_once(buzz, clock, phone):
    buzz.alarm()
    assert phone.buzzes == [PATTERN]
    felt_at = []
    for second in range(1, 61):
        clock.now_s += 1.0
        buzz.poll()
        if len(phone.buzzes) > 1 + len(felt_at):
            felt_at.append(second)
    assert felt_at == [10]
    assert buzz.state == "expired"


def test_a_pattern_without_reminder_has_none(clock, phone):
    buzz = Buzz(BuzzPattern(reminder_after_s=None), phone, clock)
    buzz.alarm()
    clock.now_s += 30.0
    buzz.poll()
    assert len(phone.buzzes) == 1
    assert buzz.state == "pending"


@pytest.mark.parametrize(("end", "state"), [("acknowledge", "acknowledged"), ("close", "quiet")])
def test_nothing_more_is_felt_after(buzz, clock, phone, end, state):
    buzz.alarm()
    getattr(buzz, end)()
    clock.now_s += 15.0
    buzz.poll()
    assert (len(phone.buzzes), phone.cancelled, buzz.state) == (1, 1, state)


def test_the_reminder_can_be_answered_too(buzz, clock, phone):
    buzz.alarm()
    clock.now_s += 10.0
    buzz.poll()
    buzz.acknowledge()
    assert (len(phone.buzzes), buzz.state) == (2, "acknowledged")


def test_a_phone_that_slept_is_not_reminded_of_what_is_over(buzz, clock, phone):
    buzz.alarm()
    clock.now_s += 31.0
    buzz.poll()
    assert (len(phone.buzzes), buzz.state) == (1, "expired")
    buzz.acknowledge()
    assert buzz.state == "expired"


def test_the_next_alarm_is_felt_again_with_its_own_reminder(buzz, clock, phone):
    buzz.alarm()
    clock.now_s += 9.0
    buzz.alarm()
    clock.now_s += 9.0
    buzz.poll()
    assert len(phone.buzzes) == 2
    clock.now_s += 1.0
    buzz.poll()
    buzz.poll()
    assert len(phone.buzzes) == 3
    buzz.acknowledge()
    buzz.alarm()
    assert (len(phone.buzzes), buzz.state) == (4, "pending")


def test_the_reminder_is_the_second_attempt_of_a_vibrator_that_failed(buzz, clock, phone):
    phone.broken = True
    with pytest.raises(PortError):
        buzz.alarm()
    phone.broken = False
    clock.now_s += 10.0
    buzz.poll()
    assert phone.buzzes == [PATTERN]
