"""From events to reports: which alert comes when, once, and never a score where no audio came."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.live.monitor import Monitor
from edge.live.reports import Alarm, Notice, StreamBegan, StreamEnded, StreamUpdate
from edge.live.session import Session
from edge.live.settings import ListenSettings
from edge.service.source_address import SourceAddress
from edge.sources.events import Idle, StreamEnd, StreamStart, Trouble
from tests.edge.harness import Clock
from tests.edge.live.conftest import chunks

RATE = 16000
CALL = "40325ec2-5efd-4bd3-805f-53576e581d13"


class Watched:
    """A monitor, and all that it reported."""

    def __init__(self, model, text, clock, *, pace=1.0, **settings):
        def session(start):
            return Session(model, model.contract.operating_points[0], start.sample_rate, clock=clock)

        chosen = ListenSettings(**{"silent_alert_s": 4.0, **settings})
        self.clock, self.reports, self.step_ends = clock, [], []
        address = SourceAddress.parse(text)
        self.monitor = Monitor(
            address,
            chosen,
            session,
            model=model.name,
            hide=str,
            clock=clock,
            pace=pace,
            observe=lambda _, step, __: self.step_ends.append(step.state.end),
        )

    def take(self, *events, each_s=0.0):
        for event in events:
            self.clock.now += each_s
            self.reports += self.monitor.feed(event)

    def feed(self, samples, stream="one", begin=0, lost=None):
        """Audio at the pace of the clock."""
        self.take(*chunks(samples, stream=stream, begin=begin, lost=lost), each_s=0.02)
        return begin + len(samples)

    def finish(self):
        self.reports += self.monitor.flush()

    def of(self, kind):
        return [report for report in self.reports if isinstance(report, kind)]

    @property
    def alarms(self):
        return [(alarm.event.kind, alarm.stream) for alarm in self.of(Alarm)]


@pytest.fixture
def watch(calm_model, clock):
    def make(text="mic", *streams, model=calm_model, **settings):
        watched = Watched(model, text, clock, **settings)
        watched.take(*(StreamStart(stream, RATE) for stream in streams))
        return watched

    return make


def zeros(seconds):
    return np.zeros(round(seconds * RATE), np.float32)


def test_a_voice_is_reported_each_second_and_at_each_change(watch, speech):
    watched = watch()
    watched.take(StreamStart("one", RATE, "USB Audio"))
    watched.feed(speech(8.0))
    assert watched.of(StreamBegan) == [StreamBegan("one", RATE, None, "USB Audio")]
    updates = watched.of(StreamUpdate)
    assert next(update.verdict for update in updates if update.changed) == "too_short"
    gaps = np.diff([update.position_s for update in updates])
    assert gaps.max() < 1.3
    assert {update.state for update in updates} == {"listening"}
    assert updates[-1].p_bonafide is not None
    assert updates[-1].level_db == pytest.approx(-17.0, abs=6.0)
    assert watched.alarms == []
    assert watched.step_ends == [4096 * (index + 1) for index in range(31)], "metrics get every step"


def test_a_spoof_alarms_once_with_the_score_at_that_moment(watch, alarming_model, speech):
    watched = watch("mic", "one", model=alarming_model)
    watched.feed(speech(12.0))
    (alarm,) = watched.of(Alarm)
    at = next(update for update in watched.of(StreamUpdate) if update.verdict == "spoof")
    event = alarm.event
    assert (event.kind, event.source, event.verdict) == ("spoof", "mic", "spoof")
    assert (event.cm_score, event.p_bonafide, event.speech_s) == (at.cm_score, at.p_bonafide, at.speech_s)
    assert at.changed
    assert event.position_s == pytest.approx(at.position_s, abs=0.26)
    assert event.model == alarming_model.name
    assert watched.monitor.spoof_found
    watched.finish()
    assert watched.of(StreamEnded)[0].alarms == 1


def test_zeros_alarm_once_a_stretch_and_give_no_score(watch, speech):
    watched = watch("mic", "one")
    end = watched.feed(speech(5.0))
    end = watched.feed(zeros(12.0), begin=end)
    assert watched.alarms == [("silenced", "one")]
    withheld = [update for update in watched.of(StreamUpdate) if update.state == "silenced"]
    assert len(withheld) >= 9
    assert {(update.verdict, update.cm_score, update.p_bonafide) for update in withheld} == {("silenced", None, None)}
    event = watched.of(Alarm)[0].event
    assert (event.p_bonafide, event.note) == (None, "nothing but zeros for 4 s")
    end = watched.feed(speech(1.0), begin=end)
    assert watched.of(StreamUpdate)[-1].state == "listening"
    watched.feed(zeros(6.0), begin=end)
    assert watched.alarms == [("silenced", "one")] * 2


def test_zeros_inside_a_call_are_a_pause_and_a_call_of_nothing_else_alarms(watch, speech):
    watched = watch("rtp://:5004", "one", "two")
    end = watched.feed(speech(1.0), "one")
    watched.feed(zeros(10.0), "one", begin=end)
    assert watched.alarms == []
    watched.feed(zeros(10.0), "two")
    assert watched.alarms == [("silenced", "two")]


def test_a_device_that_gives_next_to_nothing_is_muted_or_dead_and_a_call_may_be_quiet(watch, rng):
    device, call = (watch(text, quiet_alert_s=5.0, quiet_level_db=-80.0) for text in ("mic", "audiosocket://:9092"))
    hiss = rng.standard_normal(8 * RATE).astype(np.float32)
    for watched in (device, call):
        watched.take(StreamStart("one", RATE))
        end = watched.feed(1e-5 * hiss)
    assert (device.alarms, call.alarms) == ([("silenced", "one")], [])
    assert "muted or dead" in device.of(Alarm)[0].event.note
    assert device.of(StreamUpdate)[-1].state == "quiet"
    device.feed(1e-3 * hiss, begin=end)
    assert device.of(StreamUpdate)[-1].state == "listening"
    assert len(device.alarms) == 1


def test_lost_audio_makes_it_blind_and_hides_the_score(watch, speech):
    watched = watch("rtp://:5004", "one")
    end = watched.feed(speech(5.0))
    assert watched.of(StreamUpdate)[-1].cm_score is not None
    watched.feed(zeros(6.0), begin=end, lost=np.ones(6 * RATE, bool))
    last = watched.of(StreamUpdate)[-1]
    assert (last.state, last.cm_score, last.p_bonafide) == ("blind", None, None)
    assert watched.alarms == []
    watched.finish()
    (end,) = watched.of(StreamEnded)
    assert (end.last.lost_s, end.last.position_s) == (pytest.approx(6.0), pytest.approx(11.0))
    assert end.last.cm_score is not None, "of what came before"


def test_a_stream_of_which_nothing_comes_is_blind_while_another_goes_on(watch, speech):
    watched = watch("rtp://:5004", "one", "two")
    watched.feed(speech(4.0), "one")
    watched.feed(speech(5.0), "two")
    states = {update.stream: update.state for update in watched.of(StreamUpdate)}
    assert states == {"one": "blind", "two": "listening"}


def test_a_microphone_that_vanishes_alarms_and_so_does_its_return(watch, speech):
    watched = watch("mic", "mic-1")
    length = watched.feed(speech(3.0), "mic-1")
    watched.take(Trouble("vanished", "the microphone stopped"), StreamEnd("mic-1", "gone", length, 0, "unplugged"))
    assert watched.alarms == [("source_lost", "mic-1")]
    assert watched.of(Alarm)[0].event.note == "unplugged"
    watched.take(Idle(1.0), Idle(30.0), StreamStart("mic-2", RATE), StreamEnd("mic-2", "gone", 0), each_s=5.0)
    assert len(watched.alarms) == 1, "trying again in vain is no news"
    watched.take(StreamStart("mic-3", RATE))
    assert len(watched.alarms) == 1, "an open device that gave nothing yet is not back"
    watched.feed(speech(1.0), "mic-3")
    assert watched.alarms[1:] == [("source_back", "mic-3")]
    assert watched.of(Alarm)[1].event.note == "after 20 s"
    assert watched.of(Notice) == [Notice("vanished", "the microphone stopped")]


def test_a_command_that_gives_nothing_is_a_fault_and_an_open_port_is_none(watch):
    stalled, port, pipe = watch("cmd:parec"), watch("rtp://:5004"), watch("-")
    stalled.take(StreamStart("cmd-1", RATE), Idle(3.9), Idle(4.5), Idle(5.5))
    port.take(*[Idle(float(seconds)) for seconds in range(100)])
    pipe.take(StreamStart("stdin", RATE), Idle(50.0))
    assert stalled.alarms == [("source_lost", "cmd-1")]
    assert port.alarms == []
    assert pipe.alarms == [], "whoever feeds the pipe may not have begun"


def test_an_ordinary_end_is_no_alert_and_bad_data_is_no_ordinary_end(watch, speech):
    for reason, alarms, failed in (("finished", [], False), ("bad_data", [("source_lost", "one")], True)):
        watched = watch("cmd:parec", "one")
        length = watched.feed(speech(3.0))
        watched.take(StreamEnd("one", reason, length))
        assert watched.alarms == alarms
        assert watched.monitor.failed is failed
        (end,) = watched.of(StreamEnded)
        assert (end.reason, end.last.position_s) == (reason, 3.0)


def test_a_recording_listened_to_again_gives_the_same_identities_and_live_audio_never(
    alarming_model, speech, clock, tmp_path
):
    path = tmp_path / "a.wav"
    path.write_bytes(b"1")

    def ids(text, pace=1.0):
        watched = Watched(alarming_model, text, clock, pace=pace)
        watched.take(StreamStart("one", RATE))
        watched.feed(voice)
        return [alarm.event.id for alarm in watched.of(Alarm)]

    voice = speech(6.0)
    first = ids(f"file:{path}", pace=math.inf)
    assert len(first) == 1
    assert ids(f"file:{path}") == first
    path.write_bytes(b"22")
    assert ids(f"file:{path}") != first, "another recording in its place"
    assert ids("mic") != ids("mic")


def test_stopping_ends_every_stream_with_its_last_state(watch, speech):
    watched = watch("rtp://:5004", "one", "two")
    watched.feed(speech(3.1), "one")
    watched.finish()
    ends = {end.stream: end for end in watched.of(StreamEnded)}
    assert {end.reason for end in ends.values()} == {"stopped"}
    assert ends["one"].last.position_s == pytest.approx(3.1)
    assert ends["two"].last is None


def test_a_machine_that_is_too_slow_says_so_now_and_then(calm_model, speech):
    class Slow(Clock):
        def monotonic(self):
            self.now += 0.2
            return self.now

    watched = Watched(calm_model, "mic", Slow())
    watched.take(StreamStart("one", RATE))
    watched.take(*chunks(speech(20.0), length=1024))
    slow = [notice for notice in watched.of(Notice) if notice.kind == "slow"]
    assert 1 <= len(slow) <= 10
    assert slow[0].text.startswith("not fast enough: a second of audio takes")


def test_two_calls_alarm_each_by_its_own_identity_whatever_the_text_for_people_says(watch, alarming_model, speech):
    watched = watch("audiosocket://:9092", model=alarming_model)
    other = CALL.replace("4", "5")
    watched.take(
        StreamStart("call-1", RATE, f"call {CALL} from 127.0.0.1:4000", call_id=CALL, peer="127.0.0.1:4000"),
        StreamStart("call-2", RATE, "Incoming call, reception", call_id=other, peer="127.0.0.1:4002"),
    )
    for pair in zip(chunks(speech(8.0), stream="call-1"), chunks(speech(8.0), stream="call-2"), strict=True):
        watched.take(*pair)
    alarms = watched.of(Alarm)
    assert [(alarm.stream, alarm.event.call_id) for alarm in alarms] == [("call-1", CALL), ("call-2", other)]
    assert len({alarm.topic for alarm in alarms}) == len({alarm.event.id for alarm in alarms}) == 2
    watched.take(StreamEnd("call-1", "gone", 8 * RATE))
    assert len(watched.of(Alarm)) == 2, "a call that breaks off does not mean that the port is gone"
