"""Events: what they may hold, what they hide, and their JSON."""

from __future__ import annotations

import json

import pytest

from edge.alerts.event import AlertEvent, EventError, event_from_json, new_event_id


def test_an_id_from_a_key_is_the_same_in_every_process():
    """Written down, so that a change of the derivation shows: it would make second alerts after an update."""
    # From: printf call-1/48000 | sha256sum | head -c 32
    assert new_event_id("call-1/48000") == "evt_212f639b1488bc26087c11fa4c79c27c"
    assert new_event_id("call-1/48001") != new_event_id("call-1/48000")


def test_values_out_of_range_are_refused(make_event):
    for values, message in [
        ({"kind": "fake"}, "unknown kind of event 'fake'; expected one of spoof, silenced, "),
        ({"p_bonafide": 1.2}, "p_bonafide is a probability: expected 0 to 1, got 1.2"),
        ({"cm_score": float("nan")}, "cm_score must be a finite number, got nan"),
        ({"time_s": float("inf")}, "time_s must be a finite number, got inf"),
    ]:
        with pytest.raises(EventError, match=message):
            make_event("x", **values)


def test_an_id_of_another_form_is_refused():
    with pytest.raises(EventError, match=r"got 'evt_1'; make it by new_event_id\(\)"):
        AlertEvent(id="evt_1", kind="spoof", time_s=0.0, source="mic")


def test_json_has_the_envelope_of_standard_webhooks(event):
    body = json.loads(event.to_json())
    assert body["type"] == "alert.spoof"
    assert body["timestamp"] == "2027-01-15T08:00:00.000Z"
    assert body["data"]["id"] == event.id
    assert body["data"]["p_bonafide"] == 0.03
    assert "caller" not in body["data"]


def test_json_comes_back_as_the_same_event(make_event):
    event = make_event(
        "x", caller="+49 30 901820", caller_name="Zoë \x1b[2J", recording="/a/b.m4a", note="n", cm_score=-3.5
    )
    assert event_from_json(event.to_json()) == event
    assert "\n" not in event.to_json()


def test_json_of_a_later_version_keeps_what_this_one_knows(event):
    body = json.loads(event.to_json())
    body["data"]["mood"] = "grim"
    assert event_from_json(json.dumps(body)) == event


def test_what_is_no_event_is_refused():
    for text in ["", "[]", "{}", '{"data": {}}', '{"data": {"id": 3}}', "null", '{"data": []}']:
        with pytest.raises(EventError, match="expected the JSON of an alert"):
            event_from_json(text)


@pytest.fixture
def personal(make_event):
    return make_event(
        "x",
        source="line +49 (30) 901-820",
        caller="+4930901820",
        caller_name="Jane Doe",
        call_id="sip:004930901820@pbx",
        recording="/rec/Jane Doe_+4930901820.m4a",
        note="called 030/901820 before",
    )


def test_numbers_and_names_are_hidden_unless_asked_for(personal):
    text = personal.redacted().to_json() + personal.redacted().summary()
    for secret in ("Jane", "Doe", "901820", "901-820", "4930", "0049"):
        assert secret not in text
    assert personal.redacted().caller == "***20"
    assert personal.redacted().recording == "***.m4a"
    assert personal.redacted().source == "line ***20"


def test_each_is_shown_when_asked_for(personal):
    numbers = personal.redacted(show_numbers=True)
    assert numbers.caller == "+4930901820"
    assert numbers.caller_name == "***"
    assert "Jane" not in numbers.to_json()
    names = personal.redacted(show_names=True)
    assert names.caller_name == "Jane Doe"
    assert "901820" not in names.to_json()
    assert personal.redacted(show_numbers=True, show_names=True) == personal


def test_redaction_is_stable_and_keeps_the_identity(personal):
    once = personal.redacted()
    assert once.redacted() == once
    assert once.id == personal.id


def test_a_summary_cannot_steer_a_terminal(make_event):
    summary = make_event("x", caller_name="\x1b[2J\r\nBank").summary()
    assert summary.isprintable()


def test_a_summary_stays_short_enough_to_hand_to_a_program(make_event):
    assert len(make_event("x", note="n" * 100_000).summary()) == 500
