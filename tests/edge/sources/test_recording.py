"""A file keeps its own pace, or the pace that is asked for, on a clock that does not wait."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import ChannelError, UnreadableAudioError
from edge.service.source_address import SourceSyntaxError
from edge.sources.events import AudioChunk, Idle, StreamEnd
from edge.sources.recording import RecordingSource
from tests.edge.conftest import write_wav
from tests.edge.sources.conftest import Received


def noise(rng, seconds=2.0, rate=16000):
    return np.rint(rng.uniform(-0.5, 0.5, round(seconds * rate)) * 32767) / 32767


def test_each_chunk_comes_when_it_would_have_been_recorded(tmp_path, rng, clock):
    path = write_wav(tmp_path / "a.wav", noise(rng))
    for pace in (0.5, 1.0, 8.0):
        started_at, events = clock.now, []
        with RecordingSource(path, pace=pace, clock=clock) as opened:
            for event in opened:
                events.append(event)
                if isinstance(event, AudioChunk):
                    assert clock.now - started_at == pytest.approx(event.end / 16000 / pace)
        assert Received(events).ends["file"] == StreamEnd("file", "finished", 32000)


def test_a_slow_consumer_is_caught_up_with_and_nothing_drifts(tmp_path, rng, clock):
    path = write_wav(tmp_path / "a.wav", noise(rng))
    begun, got = clock.now, Received()
    with RecordingSource(path, clock=clock) as opened:
        for event in opened:
            got.add(event)
            if isinstance(event, AudioChunk):
                clock.now += 0.9 if event.position == 0 else 0.01
    assert clock.now - begun == pytest.approx(2.0, abs=0.011)
    assert got.ends["file"].position == 32000


def test_as_fast_as_possible_never_sleeps(tmp_path, rng, clock):
    samples = noise(rng)
    with RecordingSource(write_wav(tmp_path / "a.wav", samples), pace=float("inf"), clock=clock) as opened:
        got = Received(opened)
    assert clock.slept == []
    np.testing.assert_allclose(got.samples("file"), samples, atol=1e-4)


def test_one_channel_of_a_stereo_recording(tmp_path, rng, clock):
    left, right = noise(rng), noise(rng)
    path = write_wav(tmp_path / "a.wav", np.stack([left, right], axis=1), 8000)
    with RecordingSource(path, channel="right", clock=clock) as opened:
        got = Received(opened)
    assert got.starts["file"].sample_rate == 8000
    np.testing.assert_allclose(got.samples("file"), right, atol=1e-4)


def test_a_recording_that_is_cut_ends_as_bad_data_after_what_is_there(tmp_path, rng, clock):
    path = write_wav(tmp_path / "a.wav", noise(rng))
    path.write_bytes(path.read_bytes()[:40044])
    with RecordingSource(path, clock=clock) as opened:
        got = Received(opened)
    end = got.ends["file"]
    assert (end.reason, end.position) == ("bad_data", 20000)
    assert end.detail == f"{path}: truncated: the header promises 32000 samples a channel, 20000 came; copy it again"


def test_a_slow_pace_gives_the_consumer_its_turn(tmp_path, rng, clock):
    """A block of 64 ms takes 64 s: Ctrl-C and the watchdog cannot wait for it."""
    path = write_wav(tmp_path / "a.wav", noise(rng, 0.128))
    with RecordingSource(path, pace=0.001, clock=clock) as opened:
        got = Received(opened)
    assert got.ends["file"].position == 2048
    assert max(clock.slept) <= 1.0
    assert len(got.of(Idle)) == 126
    assert max(event.waited_s for event in got.of(Idle)) == pytest.approx(63.0)


def test_a_recording_of_nothing_is_no_ordinary_end(tmp_path, clock):
    path = write_wav(tmp_path / "a.wav", np.zeros(0))
    with RecordingSource(path, clock=clock) as opened:
        got = Received(opened)
    end = got.ends["file"]
    assert (end.reason, end.position) == ("bad_data", 0)
    assert end.detail == f"{path}: holds no samples; expected a recording, record or copy it again"


def test_what_cannot_be_played_is_refused(tmp_path, rng):
    with pytest.raises(UnreadableAudioError, match="no such file; check the path"):
        RecordingSource(tmp_path / "a.wav").open()
    path = write_wav(tmp_path / "a.wav", noise(rng))
    with pytest.raises(ChannelError) as caught:
        RecordingSource(path, channel="left").open()
    assert str(caught.value) == (
        f"{path}: channel 'left' asked for, but there is 1 channel; "
        "left and right need a stereo recording: use --channel each or a number"
    )
    for pace in (0.0, -1.0, float("nan")):
        with pytest.raises(SourceSyntaxError, match="expected more than 0"):
            RecordingSource("a.wav", pace=pace)
