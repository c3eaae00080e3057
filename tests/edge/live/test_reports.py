"""Reports as text and as JSON."""

from __future__ import annotations

import json
import math

from edge.alerts.event import AlertEvent, new_event_id
from edge.live.reports import Alarm, Notice, StreamBegan, StreamEnded, json_line, text_line
from tests.edge.live.conftest import update

NOON = 1_700_000_000.123
EVENT = AlertEvent(new_event_id("x"), "spoof", NOON, "mic", verdict="spoof", p_bonafide=0.03, speech_s=6.2)


def words(report, **known):
    line = text_line(report, NOON, **known)
    return None if line is None else line[9:]


def test_lines_for_people():
    assert words(StreamBegan("rtp-1", 8000, None, "PCMU from 10.0.0.5:4000")) == (
        "rtp-1 begins, 8000 Hz: PCMU from 10.0.0.5:4000"
    )
    assert words(update(changed=True, lost_s=0.6)) == (
        "rtp-1 bonafide    95 % real  41.0 s of speech in 60.0 s, 1.0 % lost"
    )
    assert words(update(changed=True, state="blind", p_bonafide=None)) == (
        "rtp-1 blind                  41.0 s of speech in 60.0 s"
    )
    assert words(update(changed=False)) is None
    assert words(StreamEnded("rtp-1", "gone", "unplugged", 0, None)) == ("rtp-1 ends (gone: unplugged); nothing came")
    assert words(StreamEnded("rtp-1", "finished", "", 2, update(state="blind"))) == (
        "rtp-1 ends (finished); 2 ALARMs in it, at its end bonafide  95 % real  41.0 s of speech in 60.0 s"
    )
    assert words(Notice("refused", "10.0.0.9 is not allowed", None, 3)) == (
        "source refused: 10.0.0.9 is not allowed (3 times)"
    )
    assert words(Notice("metrics", "http://127.0.0.1:1/metrics")) == "metrics: http://127.0.0.1:1/metrics"
    assert words(Alarm(EVENT, "mic-1"), publication="suppressed") == (
        "mic-1 ALERT Synthetic voice suspected: mic, 3 % real, after 6.2 s of speech "
        "(kept quiet: it follows another too soon)"
    )


def test_a_line_is_one_line_whatever_a_program_said():
    assert "\n" not in words(StreamEnded("cmd-1", "gone", "saying: a\nb\x1b[2J", 0, None))


def test_json_names_its_type_and_time_and_has_no_infinity():
    data = json.loads(json_line(update(level_db=-math.inf, lag_s=None), NOON))
    assert (data["type"], data["time"]) == ("update", "2023-11-14T22:13:20.123Z")
    assert data["level_db"] is None
    assert data["lag_s"] is None
    assert data["p_bonafide"] == 0.95


def test_json_of_an_end_carries_the_last_state():
    data = json.loads(json_line(StreamEnded("rtp-1", "stopped", "", 1, update()), NOON))
    assert (data["type"], data["reason"], data["alarms"], data["last"]["speech_s"]) == ("end", "stopped", 1, 41.0)
    assert json.loads(json_line(StreamEnded("rtp-1", "stopped", "", 0, None), NOON))["last"] is None
