"""From results to events: one a recording, the same after a kill, with the worst of its channels."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from edge.alerts.event import new_event_id
from edge.decision import Decision
from edge.scoring import Score
from edge.watch.recordings import recording_event
from edge.watch.watcher import outage_event

DIGEST = bytes(range(32))


def score(verdict, channel="mono", cm_score=-2.0):
    known = verdict in ("spoof", "bonafide", "uncertain")
    decision = Decision(verdict, cm_score if known else None, 0.1 if known else None, 4.0 if known else 0.0, 0.0)
    return Score(Path("/rec/Jane +49 30 901820.wav"), channel, decision, 6.0, "m")


def test_only_spoof_and_silence_are_events():
    for verdict in ["bonafide", "uncertain", "too_short", "no_speech"]:
        assert recording_event("~/rec", DIGEST, [score(verdict)], 1.0) is None


def test_the_identity_is_that_of_the_content():
    event = recording_event("~/rec", DIGEST, [score("spoof")], 1.0)
    assert event.id == new_event_id(DIGEST.hex())
    assert event == recording_event("~/rec", DIGEST, [score("spoof")], 1.0)
    assert (event.kind, event.source, event.note) == ("spoof", "watch:~/rec", "")
    assert (event.p_bonafide, event.speech_s, event.model) == (0.1, 4.0, "m")


def test_the_worst_channel_speaks_for_a_recording():
    scores = [score("spoof", "left", -1.0), score("bonafide", "2", 5.0), score("spoof", "right", -3.0)]
    event = recording_event("~/rec", DIGEST, scores, 1.0)
    assert (event.cm_score, event.note) == (-3.0, "channel left and right")


def test_a_recording_without_any_sound_is_an_event_and_without_a_score():
    event = recording_event("~/rec", DIGEST, [score("silenced"), score("bonafide", "2")], 1.0)
    assert (event.kind, event.p_bonafide, event.speech_s) == ("silenced", None, None)


def test_an_outage_has_one_identity_and_its_end_another():
    lost = outage_event("~/rec", "/home/me/rec", 10.5, 11.0, "not mounted")
    back = outage_event("~/rec", "/home/me/rec", 10.5, 99.0)
    assert (lost.kind, lost.note, back.kind) == ("source_lost", "not mounted", "source_back")
    assert lost.id == outage_event("~/rec", "/home/me/rec", 10.5, 12.0, "gone").id
    assert len({lost.id, back.id, outage_event("~/rec", "/home/me/rec", 10.6, 12.0, "gone").id}) == 3


def test_names_that_are_no_text_can_be_sent():
    name = os.fsdecode(b"/rec/\xff")
    scores = [dataclasses.replace(score("spoof"), path=Path(name, "a.wav"))]
    spoof = recording_event(name, DIGEST, scores, 1.0)
    assert (spoof.source, spoof.recording) == ("watch:/rec/\\udcff", "/rec/\\udcff/a.wav")
    assert outage_event(name, name, 10.5, 11.0, "gone").source == spoof.source
    assert spoof.source.encode()
