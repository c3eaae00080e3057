"""A source that a test plays, heard for a while."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from edge.doctor.listening import hear
from edge.sources.events import AudioChunk, Idle, SourceOpenError, StreamEnd, StreamStart, Trouble
from edge.sources.recording import RecordingSource
from tests.edge.conftest import write_wav


class Clock:
    now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Played:
    """Yields events; a number among them lets so many seconds pass."""

    name, counts = "played", Counter()

    def __init__(self, clock, *events):
        self.clock, self.events, self.is_open, self.given = clock, events, False, 0

    def __enter__(self):
        self.is_open = True
        return self

    def __exit__(self, *_):
        self.is_open = False

    def __iter__(self):
        for event in self.events:
            if isinstance(event, float):
                self.clock.now += event
            else:
                self.given += 1
                yield event


@pytest.fixture
def clock():
    return Clock()


def chunk(stream, position, length=1600, rate=16000, **values):
    return AudioChunk(stream, np.full(length, 0.5, np.float32), rate, position, **values)


def test_a_live_source_is_heard_for_as_long_as_asked_and_closed(clock):
    audio = [item for index in range(100) for item in (0.1, chunk("a", 1600 * index))]
    source = Played(clock, StreamStart("a", 16000, "USB"), *audio)
    take = hear(source, 2.0, clock=clock)
    assert not source.is_open
    assert (len(take.samples), take.sent_samples, take.sample_rate, take.detail) == (32000, 32000, 16000, "USB")
    assert take.arrival_hz == pytest.approx(16000)


def test_what_was_lost_is_counted_and_not_measured_as_zeros(clock):
    lost = AudioChunk("a", np.zeros(400, np.float32), 16000, 1600, np.ones(400, bool))
    source = Played(clock, StreamStart("a", 16000), chunk("a", 0), lost, chunk("a", 2000, broken=True))
    take = hear(source, 2.0, clock=clock)
    assert (take.lost_samples, take.sent_samples, len(take.samples), take.breaks) == (400, 3600, 3200, 1)
    assert take.samples.all()


def test_of_several_streams_the_longest_is_measured(clock):
    source = Played(
        clock,
        StreamStart("a", 8000, "first"),
        StreamStart("b", 48000, "second"),
        chunk("a", 0, 4000, 8000),
        chunk("b", 0, 4800, 48000),
        StreamEnd("b", "finished", 4800),
        Trouble("refused", "not you"),
    )
    take = hear(source, 2.0, clock=clock)
    # Half a second beats a tenth, though it has fewer samples.
    assert (take.detail, take.streams) == ("first", 2)
    assert [end.stream for end in take.ends] == ["b"]
    assert [trouble.kind for trouble in take.troubles] == ["refused"]


def test_nobody_waits_for_ever_where_nothing_comes(clock):
    source = Played(clock, *(item for _ in range(100) for item in (1.0, Idle(1.0))))
    take = hear(source, 2.0, clock=clock, patience_s=3.0)
    assert source.given == 5
    assert (len(take.samples), take.streams, take.sample_rate) == (0, 0, 0)


def test_a_source_that_cannot_be_opened_says_so(clock):
    class Closed(Played):
        def __enter__(self):
            raise SourceOpenError("taken; choose another")

    with pytest.raises(SourceOpenError, match="taken"):
        hear(Closed(clock), 1.0, clock=clock)


def test_a_recording_is_read_to_its_end_and_no_further_than_asked(tmp_path, speech):
    path = write_wav(tmp_path / "call.wav", speech(2.0))
    take = hear(RecordingSource(path, pace=float("inf")), 60.0)
    assert (take.sent_samples, [end.reason for end in take.ends]) == (32000, ["finished"])
    assert hear(RecordingSource(path, pace=float("inf")), 0.5).sent_samples == pytest.approx(8000, abs=1024)
