"""The soak, in short, with the real command; and that it sees what it is there to see."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import soak
from edge_process import EdgeListen
from example_speech import endless_speech, speech_pcm16

from edge.errors import EdgeError
from tests.tools.edge_listening import write_live_model

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def live_model(tmp_path_factory):
    return write_live_model(tmp_path_factory.mktemp("model") / "live.tflite")


CLEAN = soak.Soak(
    hours=1.0,
    fed_samples=1000,
    heard_samples=1000,
    lost_samples=0,
    speech_s=1.0,
    updates=10,
    alerts=2,
    troubles=0,
    misplaced=0,
    rss_start_mb=50.0,
    rss_max_mb=52.0,
    rss_end_mb=51.0,
    rss_looks=10,
    wall_s=1.0,
    cpu_s=1.0,
    exit_status=0,
)


def test_minutes_of_audio_arrive_to_the_sample_and_leave_memory_flat(live_model, capsys):
    assert soak.main(["--hours", "0.1", "--every", "0.05", "--json", "--model", live_model]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["faults"] == []
    assert found["fed_samples"] == found["heard_samples"] == 360 * soak.RATE
    assert found["lost_samples"] == 0
    assert found["updates"] >= 300
    assert found["speech_s"] > 100
    assert 10 < found["rss_start_mb"] <= found["rss_max_mb"] < 500
    assert found["rss_looks"] > 1
    assert found["cpu_s"] > 0


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"rss_max_mb": 56.0}, "memory grew by 6.0 MB"),
        ({"heard_samples": 997}, "position is -3 samples off"),
        ({"lost_samples": 4}, "4 samples were lost"),
        ({"misplaced": 1}, "1 positions ran backwards"),
        ({"troubles": 2}, "2 lines told of trouble"),
        ({"exit_status": 1}, "ended with 1"),
    ],
)
def test_each_fault_is_told(changes, fault):
    assert CLEAN.faults == []
    (told,) = replace(CLEAN, **changes).faults
    assert fault in told
    assert fault in soak.text(replace(CLEAN, **changes))


def test_positions_that_run_backwards_or_ahead_are_counted():
    hearer = soak.Hearer()
    hearer.feed(3 * soak.RATE)
    for position_s in (1.0, 2.0, 1.5, 3.0, 3.5):
        hearer.hear({"type": "update", "position_s": position_s})
    assert hearer.misplaced == 2


def test_a_process_that_cannot_start_is_told_in_its_own_words(capsys):
    assert soak.main(["--hours", "0.1", "--model", "no-such-model"]) == 1
    assert "no-such-model" in capsys.readouterr().err


def test_a_process_that_ends_before_its_audio_does_is_told(live_model):
    with EdgeListen("--source", "-", "--model", live_model, hear=lambda line: None, feeds=True) as process:
        process._process.kill()
        process._process.wait()
        with pytest.raises(EdgeError, match="ended"):
            process.memory_mb()
        assert not process.running()


def test_the_audio_is_as_long_as_asked_and_each_time_the_same_and_never_silent():
    first, again = (b"".join(speech_pcm16(100_000, soak.RATE)) for _ in range(2))
    assert first == again
    samples = np.frombuffer(first, "<i2")
    assert len(samples) == 100_000
    blocks = samples[: len(samples) // 1600 * 1600].reshape(-1, 1600)
    assert blocks.any(axis=1).all()


def test_the_levels_vary():
    peaks = [float(np.abs(piece).max()) for piece in islice(endless_speech(8000), 12)]
    assert max(peaks) > 3 * min(peaks)
