"""The measurements of cost, in short, with the real commands."""

from __future__ import annotations

import json
import shutil
import sys

import cost
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


@pytest.fixture
def measure(capsys):
    """Run the tool; return its rows."""

    def run(*arguments):
        assert cost.main([*arguments, "--json"]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def test_pushes_are_timed_for_each_rate_and_converter(measure):
    rows = measure("push", "--seconds", "1")
    assert [(row["rate Hz"], row["resampler"]) for row in rows] == [
        *((16000, "none"), (8000, "soxr"), (8000, "numpy"), (48000, "numpy"))
    ]
    for row in rows:
        assert 0 < row["median ms"] <= row["p95 ms"] <= row["largest ms"]


@pytest.mark.programs
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_calls_are_received_and_what_they_cost_is_counted(measure):
    idle, two = measure("calls", "--seconds", "2", "--at-once", "2")
    assert (idle["calls"], two["calls"]) == (0, 2)
    assert two["of one core"] > idle["of one core"]
    assert all(10 < row["peak MB"] < 500 for row in (idle, two))


def test_minutes_of_audio_arrive_to_the_sample_and_leave_memory_flat(measure):
    (row,) = measure("soak", "--hours", "0.05", "--every", "0.05")
    assert row["faults"] == "none"
    assert row["speech h"] > 0.01
    assert 10 < row["start MB"] <= row["largest MB"] < 500


def test_a_process_that_cannot_start_is_reported_in_its_own_words(capsys, monkeypatch):
    monkeypatch.setattr(cost, "_START_S", 5.0)
    assert cost.main(["soak", "--hours", "0.1", "--model", "no-such-model"]) == 1
    assert "no-such-model" in capsys.readouterr().err
