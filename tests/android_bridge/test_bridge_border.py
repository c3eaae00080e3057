"""What crosses the border: text of one JSON object, whatever happens, from any thread."""

from __future__ import annotations

import json
import re
import threading

import pytest
from call_parts import SPOOF, pcm16, pieces

from android_bridge.bridge import SIGNATURES, Bridge, java_methods
from android_bridge.errors import FactsError
from android_bridge.settings import GuardSettings, settings_from_json


@pytest.fixture
def bridge(guard):
    return Bridge(guard)


def test_every_answer_is_a_json_object_without_nan(bridge):
    data, rate = pcm16(SPOOF)
    answers = [bridge.poll(), bridge.screen(""), bridge.describe(), bridge.test_buzz()]
    answers += [bridge.open_recording(rate), bridge.push_recording(data[:64000]), bridge.close_recording()]
    answers += [bridge.score_recording(str(SPOOF)), bridge.open('{"id": "x"}')]
    answers += [bridge.push_pcm16(piece, rate) for piece in pieces(data, rate)]
    answers += [bridge.timeline(), bridge.acknowledge(), bridge.lose_route(), bridge.flush(), bridge.close()]
    for answer in answers:
        assert isinstance(json.loads(answer, parse_constant=pytest.fail), dict)
        assert "error" not in json.loads(answer)


@pytest.mark.parametrize(
    ("step", "kind", "message"),
    [
        (lambda bridge: bridge.open("{"), "FactsError", "the call: expected a JSON object, got '{'"),
        (lambda bridge: bridge.open("[]"), "FactsError", "the call: expected a JSON object, got '[]'"),
        (lambda bridge: bridge.screen('{"number": "1"}'), "FactsError", "screening has no fact number"),
        (lambda bridge: bridge.push_pcm16(b"", 8000), "CallStateError", "no call is open"),
        (lambda bridge: bridge.push_recording(b""), "CallStateError", "no recording is open: open_recording"),
        (lambda bridge: bridge.close_recording(), "CallStateError", "no recording is open"),
        (lambda bridge: bridge.open_recording(1), "PcmError", "sample rate 1: expected one of"),
        (lambda bridge: bridge.score_recording("/none"), "UnreadableAudioError", "/none: no such file"),
    ],
)
def test_a_mistake_comes_back_as_words(bridge, step, kind, message):
    answer = json.loads(step(bridge))
    assert answer["kind"] == kind
    assert answer["error"].startswith(message)


def test_a_mistake_of_ours_is_not_hidden_as_one_of_the_app(bridge, monkeypatch):
    monkeypatch.setattr(bridge._guard, "poll", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bridge.poll()


def test_a_call_that_begins_ends_a_recording_that_was_half_read(bridge):
    bridge.open_recording(8000)
    bridge.push_recording(bytes(16000))
    bridge.open('{"id": "x"}')
    bridge.close()
    assert json.loads(bridge.close_recording())["kind"] == "CallStateError"


def test_a_recording_cannot_begin_while_a_call_is_open(bridge):
    bridge.open('{"id": "x"}')
    assert json.loads(bridge.open_recording(8000))["kind"] == "CallStateError"


def test_the_audio_thread_and_the_screen_do_not_disturb_each_other(bridge):
    """Polls and acknowledgements from a second thread change no score."""
    data, rate = pcm16(SPOOF)
    bridge.open('{"id": "alone"}')
    alone = [json.loads(bridge.push_pcm16(piece, rate))["cm_score"] for piece in pieces(data, rate)]
    bridge.close()
    bridge.open('{"id": "both"}')
    over, seen = threading.Event(), []

    def screen():
        while not over.is_set():
            seen.append(json.loads(bridge.poll()))
            bridge.timeline()
            bridge.acknowledge()

    thread = threading.Thread(target=screen)
    thread.start()
    both = [json.loads(bridge.push_pcm16(piece, rate))["cm_score"] for piece in pieces(data, rate)]
    over.set()
    thread.join()
    assert both == alone
    assert seen
    assert not [answer for answer in seen if "error" in answer]


def test_a_vibrator_may_call_back_on_the_same_thread(bridge, phone):
    data, rate = pcm16(SPOOF)
    phone.buzz = lambda _pattern: phone.buzzes.append(bridge.poll())
    bridge.open('{"id": "back"}')
    for piece in pieces(data, rate):
        bridge.push_pcm16(piece, rate)
    assert len(phone.buzzes) == 1


def test_java_has_a_name_for_everything_that_python_offers(bridge):
    offered = {name for name in vars(Bridge) if not name.startswith("_")}
    spelled = {re.sub(r"_(\w)", lambda match: match[1].upper(), name) for name in offered}
    assert set(java_methods(bridge)) == set(SIGNATURES) == spelled
    for name, method in java_methods(bridge).items():
        assert re.sub("_", "", method.__name__) == name.lower()


def test_the_settings_of_the_app_are_read_and_what_is_left_out_keeps_its_default():
    assert settings_from_json("") == GuardSettings()
    text = (
        '{"operating_point": "quiet", "pattern": {"timings_ms": [500], "amplitudes": [200], "reminder_after_s": null}}'
    )
    found = settings_from_json(text)
    assert (found.operating_point, found.blind_after_s) == ("quiet", 5.0)
    assert (found.pattern.timings_ms, found.pattern.reminder_after_s, found.pattern.usage) == ((500,), None, "alarm")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no", "the settings: expected a JSON object, got 'no'"),
        ('{"volume": 1}', "the settings has no volume; expected operating_point, blind_after_s, pattern"),
        ('{"pattern": 3}', "pattern of the buzz: expected an object, got 3"),
        ('{"pattern": {"length": 3}}', "pattern has no length; expected timings_ms,"),
        ('{"pattern": {"timings_ms": "long"}}', "timings_ms of the buzz: expected a list of whole numbers, got 'long'"),
        ('{"pattern": {"timings_ms": [true]}}', "timings_ms of the buzz: expected a list of whole numbers"),
        ('{"pattern": {"timings_ms": [1, 2]}}', "as many amplitudes as timings"),
        ('{"pattern": {"expires_after_s": "x"}}', "a value of the wrong kind"),
        ('{"blind_after_s": 0}', "blind_after_s is above 0 and at most 600 seconds; got 0"),
        ('{"blind_after_s": "5"}', "a value of the wrong kind"),
        ('{"operating_point": 7}', "operating_point 7: expected a name"),
    ],
)
def test_settings_that_do_not_fit_are_refused(text, message):
    with pytest.raises(FactsError, match=re.escape(message)):
        settings_from_json(text)
