"""A sound card that a test plays: it overflows, stops, vanishes and comes back under another number."""

from __future__ import annotations

import numpy as np
import pytest

from edge.sources.events import Idle, SourceOpenError, Trouble
from edge.sources.microphone import InputDevice, Microphone
from tests.edge.sources.conftest import Received, listen

USB = InputDevice(3, "USB PnP Sound Device", 48000)
BUILT_IN = InputDevice(0, "Built-in Microphone", 44100, is_default=True)


class Stream:
    def __init__(self, device, deliver):
        self.device, self.deliver, self.active, self.closed = device, deliver, True, False

    def close(self):
        self.closed = True


class Sound:
    """The machine's sound, with a list of what is plugged in."""

    def __init__(self, *devices):
        self.plugged = list(devices)
        self.listed = list(devices)
        self.streams = []
        self.failure = None

    def devices(self):
        return list(self.listed)

    def rescan(self):
        assert all(stream.closed for stream in self.streams), "PortAudio must not be restarted under an open stream"
        self.listed = list(self.plugged)

    def open(self, device, deliver):
        if self.failure:
            raise SourceOpenError(self.failure)
        self.streams.append(Stream(device, deliver))
        return self.streams[-1]


@pytest.fixture(autouse=True)
def _short_turns(monkeypatch):
    monkeypatch.setattr("edge.sources.microphone._TURN_S", 0.01)


def block(value=0.25, length=480):
    return np.full(length, value, np.float32)


def test_the_device_is_opened_at_its_own_rate(clock):
    sound = Sound(BUILT_IN, USB)
    with Microphone("usb", sound=sound, clock=clock) as opened:
        for value in (0.1, 0.2, 0.3):
            sound.streams[0].deliver(block(value), False)
        got = listen(opened, lambda got: got.starts and got.length("mic-1") == 1440)
    assert sound.streams[0].device is USB
    assert got.starts["mic-1"].sample_rate == 48000
    np.testing.assert_array_equal(got.samples("mic-1"), np.repeat(np.float32([0.1, 0.2, 0.3]), 480))
    assert sound.streams[0].closed
    with Microphone(sound=sound, clock=clock):
        assert sound.streams[1].device is BUILT_IN, "the default, where none is named"


def test_an_overrun_is_counted_reported_and_marked_where_audio_is_missing(clock):
    sound = Sound(USB)
    with Microphone("USB", sound=sound, clock=clock) as opened:
        for overrun in (False, True, False, True):
            sound.streams[0].deliver(block(), overrun)
        got = listen(opened, lambda got: got.starts and got.length("mic-1") == 1920 and got.of(Trouble))
    assert [chunk.broken for chunk in got.chunks["mic-1"]] == [False, True, False, True]
    (trouble,) = got.of(Trouble)
    assert trouble.kind == "overrun"
    assert opened.counts["overrun"] == 2


def test_samples_that_are_no_numbers_are_bad_data_and_never_passed_on(clock):
    for value in (np.nan, np.inf, -1e30):
        sound = Sound(USB)
        with Microphone("USB", sound=sound, clock=clock) as opened:
            for samples in (block(), block(value), block()):
                sound.streams[0].deliver(samples, False)
            got = listen(opened, lambda got: got.starts and got.length("mic-1") == 1440 and got.of(Trouble))
        np.testing.assert_array_equal(np.flatnonzero(got.mask("mic-1")), np.arange(480, 960))
        assert np.isfinite(got.samples("mic-1")).all()
        assert [trouble.kind for trouble in got.of(Trouble)] == ["bad_data"]


def test_zeros_are_audio_and_not_a_dead_device(clock):
    sound = Sound(USB)
    with Microphone("USB", sound=sound, clock=clock) as opened:
        for _ in range(100):
            sound.streams[0].deliver(block(0.0), False)
        got = listen(opened, lambda got: got.starts and got.length("mic-1") == 48000)
    assert not got.ends
    assert not got.of(Trouble)


@pytest.mark.parametrize("how", ["no more callbacks", "inactive"])
def test_a_device_that_vanishes_is_reported_and_opened_again_under_another_number(clock, how):
    sound = Sound(BUILT_IN, USB)
    with Microphone("USB PnP", sound=sound, clock=clock) as opened:
        sound.streams[0].deliver(block(), False)
        events, got = iter(opened), Received()
        while not (got.starts and got.length("mic-1")):
            got.add(next(events))
        sound.plugged = [BUILT_IN]
        if how == "inactive":
            sound.streams[0].active = False
        else:
            clock.now += 5.1
        while len(got.of(Idle)) < 12:
            got.add(next(events))
        end = got.ends["mic-1"]
        assert (end.reason, end.position) == ("gone", 480)
        assert end.detail == "the microphone 'USB PnP Sound Device' stopped delivering; plug it in again"
        reported = got.of(Trouble)
        assert {trouble.kind for trouble in reported} == {"vanished"}
        # At once, and then every ten seconds as long as it lasts; another one is never opened in its place.
        assert len(reported) >= 2
        assert reported[1].detail.startswith("no microphone named 'USB PnP'; plug it in")
        assert list(got.starts) == ["mic-1"]
        back = InputDevice(7, USB.name, 44100)
        sound.plugged = [BUILT_IN, back]
        while len(sound.streams) < 2:
            got.add(next(events))
        assert sound.streams[1].device is back
        sound.streams[1].deliver(block(), False)
        listen(events, lambda got: "mic-2" in got.starts and got.length("mic-2"), got)
        assert got.starts["mic-2"].sample_rate == 44100
    assert all(stream.closed for stream in sound.streams)


def test_a_late_callback_of_a_lost_device_is_ignored(clock):
    sound = Sound(USB)
    with Microphone("USB", sound=sound, clock=clock) as opened:
        sound.streams[0].deliver(block(), False)
        got = listen(opened, lambda got: got.starts and got.length("mic-1"))
        clock.now += 6.0
        listen(opened, lambda got: got.ends, got)
        sound.streams[0].deliver(block(), False)
        listen(opened, lambda got: len(got.of(Idle)) >= 2, got)
    assert got.length("mic-1") == 480


def test_a_device_that_is_slow_to_come_up_is_waited_for_and_the_consumer_has_its_turn(clock):
    """Bluetooth's hands-free profile takes some four seconds; Ctrl-C and the watchdog cannot wait for it."""
    sound = Sound(USB)
    with Microphone("USB", sound=sound, clock=clock) as opened:
        events, idle = iter(opened), []
        for _ in range(9):
            clock.now += 0.5
            idle.append(next(events))
        assert [event.waited_s for event in idle] == pytest.approx([0.5 * (turn + 1) for turn in range(9)])
        sound.streams[0].deliver(block(), False)
        assert next(events).stream == "mic-1"
    assert len(sound.streams) == 1


def test_a_device_that_never_delivers_is_tried_again_without_a_stream_each_time(clock):
    sound = Sound(USB)
    with Microphone("USB", sound=sound, clock=clock) as opened:
        got, events = Received(), iter(opened)
        while len(sound.streams) < 5:
            clock.now += 1.0
            got.add(next(events))
        assert not got.starts
        assert got.of(Trouble)[0].detail == (
            "the microphone 'USB PnP Sound Device' is open and delivers nothing; "
            "wake it or plug it in again, or choose another"
        )
        assert got.of(Idle)[-1].waited_s > 20.0, "counted on while it is opened again and again"
        sound.streams[-1].deliver(block(), False)
        listen(opened, lambda got: got.starts and got.length("mic-1"), got)
    assert all(stream.closed for stream in sound.streams)


def test_a_device_that_is_busy_when_it_comes_back_is_tried_again(clock):
    sound = Sound(USB)
    with Microphone("USB", sound=sound, clock=clock) as opened:
        clock.now += 6.0
        sound.failure = "it is in use"
        got = listen(opened, lambda got: len(got.of(Idle)) == 4)
        assert not got.starts
        sound.failure = None
        listen(opened, lambda got: len(sound.streams) == 2, got)


def test_a_consumer_that_is_busy_loses_the_oldest(clock, monkeypatch):
    monkeypatch.setattr("edge.sources.microphone.MAX_S", 1.0)
    sound = Sound(USB)
    with Microphone("USB", sound=sound, clock=clock) as opened:
        for _ in range(300):
            sound.streams[0].deliver(block(), False)
        got = listen(opened, lambda got: got.starts and got.length("mic-1") == 300 * 480)
    assert got.lost("mic-1") == 200 * 480 == opened.counts["dropped_samples"]


def test_a_missing_device_is_an_error_on_opening(clock):
    with pytest.raises(SourceOpenError) as caught:
        Microphone("Jabra", sound=Sound(BUILT_IN, USB), clock=clock).open()
    assert str(caught.value).endswith("choose one that there is: 'Built-in Microphone', 'USB PnP Sound Device'")
