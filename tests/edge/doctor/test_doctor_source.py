"""An excerpt of a source that a test plays, what is said of it, and why there is no microphone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.doctor.source import Excerpt, SoundFacts, judge, record, why_no_microphone
from edge.resampling import Resampler
from edge.sources.events import AudioChunk, Idle, Source, StreamEnd, StreamStart, Trouble
from edge.sources.recording import RecordingSource
from tests.edge.conftest import write_wav

RATE = 16000


class Played(Source):
    """Yields events; a number among them lets so many seconds pass."""

    name = "played"

    def __init__(self, clock, *events):
        self.clock, self.events, self.is_open, self.given = clock, events, False, 0

    def open(self):
        self.is_open = True

    def close(self):
        self.is_open = False

    def __iter__(self):
        for event in self.events:
            if isinstance(event, float):
                self.clock.now += event
            else:
                self.given += 1
                yield event


def chunk(stream, position, length=1600, rate=RATE, **values):
    return AudioChunk(stream, np.full(length, 0.5, np.float32), rate, position, **values)


class TestRecording:
    def test_a_live_source_is_read_for_as_long_as_asked_and_closed(self, clock):
        audio = [item for index in range(100) for item in (0.1, chunk("a", 1600 * index))]
        source = Played(clock, StreamStart("a", RATE, "USB"), *audio)
        got = record(source, "mic", 2.0, clock=clock)
        assert not source.is_open
        assert (len(got.samples), got.sent_samples, got.sample_rate, got.detail) == (32000, 32000, RATE, "USB")
        assert got.arrival_hz == pytest.approx(RATE)

    def test_what_was_lost_is_counted_and_not_measured_as_zeros(self, clock):
        lost = AudioChunk("a", np.zeros(400, np.float32), RATE, 1600, np.ones(400, bool))
        source = Played(clock, StreamStart("a", RATE), chunk("a", 0), lost, chunk("a", 2000, broken=True))
        got = record(source, "mic", 2.0, clock=clock)
        assert (got.lost_samples, got.sent_samples, len(got.samples), got.breaks) == (400, 3600, 3200, 1)
        assert got.samples.all()

    def test_of_several_streams_the_longest_in_seconds_is_measured(self, clock):
        source = Played(
            clock,
            StreamStart("a", 8000, "first"),
            StreamStart("b", 48000, "second"),
            chunk("a", 0, 4000, 8000),
            chunk("b", 0, 4800, 48000),
            StreamEnd("b", "finished", 4800),
            Trouble("refused", "not you"),
        )
        got = record(source, "rtp", 2.0, clock=clock)
        assert (got.detail, got.streams) == ("first", 2)
        assert [end.stream for end in got.ends] == ["b"]
        assert [trouble.kind for trouble in got.troubles] == ["refused"]

    def test_it_gives_up_where_nothing_comes(self, clock):
        source = Played(clock, *(item for _ in range(100) for item in (1.0, Idle(1.0))))
        got = record(source, "rtp", 2.0, clock=clock)
        assert source.given == 5
        assert (len(got.samples), got.streams, got.sample_rate) == (0, 0, 0)

    def test_a_recording_is_read_to_its_end_and_no_further_than_asked(self, tmp_path, speech):
        path = write_wav(tmp_path / "call.wav", speech(2.0))
        got = record(RecordingSource(path, pace=float("inf")), "file", 60.0)
        assert (got.sent_samples, [end.reason for end in got.ends]) == (32000, ["finished"])
        got = record(RecordingSource(path, pace=float("inf")), "file", 0.5)
        assert got.sent_samples == pytest.approx(8000, abs=1024)


@pytest.fixture
def voice(speech):
    return speech(3.0)


def excerpt(samples, rate=RATE, **values):
    given = {"name": "mic", "kind": "mic", "detail": "USB", "arrival_hz": float(rate), "streams": 1}
    return Excerpt(samples=samples, sample_rate=rate, **{"sent_samples": len(samples), **given, **values})


def by_check(got):
    return {finding.check: finding for finding in judge(got)}


def levels(samples, rate=RATE, **values):
    return {name: finding.level for name, finding in by_check(excerpt(samples, rate, **values)).items()}


class TestJudgement:
    def test_a_good_microphone_is_good_in_every_respect(self, voice):
        found = by_check(excerpt(voice))
        assert list(found) == ["source", "level", "zeros", "clipping", "offset", "band", "rate", "loss"]
        assert {finding.level for finding in found.values()} == {"ok"}
        assert found["source"].seen == "mic (USB): 3.0 s at 16000 Hz"
        assert found["loss"].facts == {"lost_share": 0.0, "overruns": 0}

    def test_audio_that_is_withheld_is_a_problem_and_not_a_quiet_room(self):
        zeros = np.zeros(RATE, np.float32)
        found = by_check(excerpt(zeros))["level"]
        assert (found.level, "alsamixer" in found.advice) == ("problem", True)
        assert found.seen == "all 1.0 s are exactly zero: the sound is muted or withheld"
        zeros[100] = 1e-4
        assert levels(zeros)["level"] == "warning"

    def test_a_voice_that_is_too_faint_is_a_warning(self, voice):
        found = by_check(excerpt(voice * np.float32(0.002)))["level"]
        assert (found.level, found.seen.startswith("too faint for a voice: loud parts -")) == ("warning", True)

    def test_audio_that_comes_and_goes_is_a_warning(self, voice):
        for zero_s, level in [(0.5, "ok"), (1.0, "warning")]:
            gaps = voice.copy()
            gaps[: round(zero_s * RATE)] = 0.0
            assert levels(gaps)["zeros"] == level

    def test_clipping_is_a_note_when_rare_and_a_warning_when_not(self, voice):
        rare = voice.copy()
        rare[1000:1010] = 1.0
        assert levels(rare)["clipping"] == "note"
        found = by_check(excerpt(np.clip(voice * 20, -1, 1)))["clipping"]
        assert (found.level, "6 dB" in found.advice) == ("warning", True)

    def test_an_offset_is_a_warning_when_it_takes_room(self, voice):
        assert levels(voice + np.float32(0.01))["offset"] == "ok"
        assert levels(voice + np.float32(-0.2))["offset"] == "warning"

    def test_a_telephones_band_in_a_wide_stream_is_a_note(self, rng):
        narrow = (0.1 * rng.standard_normal(16000)).astype(np.float32)
        found = by_check(excerpt(Resampler(8000, 48000).feed(narrow), 48000))["band"]
        assert (found.level, found.seen.endswith("a telephone's band in a stream of 48000 Hz")) == ("note", True)
        assert levels(narrow, 8000)["band"] == "ok"

    def test_a_rate_that_is_not_the_promised_one_is_a_warning(self, voice):
        for arrival_hz, level in [(16000, "ok"), (16300, "ok"), (14700, "warning"), (17415, "warning")]:
            assert levels(voice, kind="cmd", arrival_hz=float(arrival_hz))["rate"] == level
        assert levels(voice, kind="cmd", arrival_hz=160000.0)["rate"] == "note", "a recording that is piped in"
        assert "rate" not in levels(voice, kind="file", arrival_hz=1e6), "read as fast as it goes"
        assert "rate" not in levels(voice, arrival_hz=None)

    def test_losses_are_a_note_and_beyond_a_twentieth_a_warning(self, voice):
        for lost, level in [(480, "note"), (4800, "warning")]:
            found = by_check(excerpt(voice[lost:], sent_samples=len(voice), lost_samples=lost))["loss"]
            assert (found.level, found.facts["lost_share"]) == (level, lost / len(voice))
        found = by_check(excerpt(voice, breaks=2))["loss"]
        assert (found.level, found.facts["overruns"]) == ("warning", 2), "how much is missing is unknown"

    def test_a_source_that_gives_nothing_is_a_problem_unless_it_waits_for_callers(self):
        for kind, name, level in [
            ("rtp", "rtp://:5004", "warning"),
            ("audiosocket", "audiosocket://:9092", "warning"),
            ("mic", "mic", "problem"),
            ("stdin", "-", "problem"),
            ("cmd", "cmd:true", "problem"),
            ("file", "file:empty.wav", "problem"),
        ]:
            (found,) = judge(Excerpt(name, kind))
            assert (found.level, found.seen.startswith(name)) == (level, True)

    def test_an_end_by_failure_is_a_problem_with_the_sources_own_words(self, voice):
        ended = excerpt(voice, ends=(StreamEnd("cmd-1", "gone", len(voice), 0, "cmd:x: exited with 1; look there"),))
        found = [finding for finding in judge(ended) if finding.check == "source"]
        assert [finding.level for finding in found] == ["ok", "problem"]
        assert (found[1].seen, found[1].advice) == ("cmd:x: exited with 1", "look there")
        finished = replace(ended, ends=(StreamEnd("file", "finished", len(voice)),))
        assert by_check(finished)["source"].level == "ok"

    def test_every_trouble_is_a_warning_with_something_to_do(self):
        for kind in ("bad_data", "dropped", "overrun", "peer", "refused", "unsupported", "vanished"):
            found = list(judge(Excerpt("mic", "mic", troubles=(Trouble(kind, "it is so"),))))[1]
            assert (found.level, found.seen, bool(found.advice)) == ("warning", "it is so", True)


def test_the_reason_why_no_device_records_is_the_first_that_fits():
    for facts, reason, advice in [
        (SoundFacts(termux=True, container=True), "Termux gives programs no live microphone", "edge watch"),
        (SoundFacts(captures=1, server=True), "this user may not open it", "usermod -aG audio"),
        (SoundFacts(server=True, container=True), "PortAudio, which speaks to ALSA", "libasound2-plugins"),
        (SoundFacts(container=True, raspberry=True), "a container", "--device /dev/snd"),
        (SoundFacts(raspberry=True), "a Raspberry Pi has no microphone input", "plug in a USB microphone"),
        (SoundFacts(), "the kernel has no device that records", "rtp://"),
        (SoundFacts(captures=1, readable=True), "another program holds the one that does", "end that program"),
        (SoundFacts(platform="darwin"), "no device records", "privacy settings"),
        (SoundFacts(platform="win32"), "no device records", "cmd:"),
    ]:
        given = why_no_microphone(facts)
        assert reason in given[0]
        assert advice in given[1]
