"""The model's chunks, seen in the source's own samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.live.arrivals import Arrivals


def voice(count, level=0.1):
    return np.full(count, level, np.float32)


def test_losses_are_shared_out_by_position_at_another_rate():
    """8 kHz samples 1000 to 2000 are the model's 2000 to 4000 at 16 kHz."""
    arrivals = Arrivals(8000, 16000)
    lost = np.zeros(4096, bool)
    lost[1000:2000] = True
    samples = voice(4096)
    samples[lost] = 0.0
    for at in range(0, 4096, 160):
        arrivals.add(samples[at : at + 160], lost[at : at + 160])
    assert arrivals.take(4096).lost_share == pytest.approx(1000 / 2048)
    assert arrivals.take(8192).lost_share == 0.0


def test_zeros_count_only_where_they_arrived():
    arrivals = Arrivals(16000, 16000)
    arrivals.add(voice(4096, 0.0), None)
    arrivals.add(voice(4096, 0.0), np.ones(4096, bool))
    arrivals.add(voice(4096, 1e-5), None)
    first, second, third = (arrivals.take(end) for end in (4096, 8192, 12288))
    assert (first.all_zero, first.lost_share) == (True, 0.0)
    assert (second.all_zero, second.lost_share) == (False, 1.0)
    assert not third.all_zero


def test_one_sample_that_is_not_zero_is_sound():
    arrivals = Arrivals(16000, 16000)
    samples = voice(4096, 0.0)
    samples[4000] = 1 / 32768
    arrivals.add(samples, None)
    assert not arrivals.take(4096).all_zero


def test_a_break_belongs_to_the_chunk_it_falls_into_and_to_no_other():
    arrivals = Arrivals(16000, 16000)
    for index in range(4):
        arrivals.add(voice(3000), None, broken=index == 2)
    assert [arrivals.take(end).broken for end in (4096, 8192, 12000)] == [False, True, False]


def test_the_level_is_of_what_arrived():
    arrivals = Arrivals(16000, 16000)
    lost = np.arange(4096) < 2048
    samples = voice(4096)
    samples[lost] = 0.0
    arrivals.add(samples, lost)
    arrivals.add(voice(4096, 0.0), None)
    assert arrivals.take(4096).level_db == pytest.approx(-20.0, abs=1e-3)
    assert arrivals.take(8192).level_db == -math.inf


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_positions_do_not_drift_at_any_rate(rate):
    """Of an hour, the last chunk still lies where it was lost."""
    arrivals = Arrivals(rate, 16000)
    seconds, given = 3600, 0
    block = voice(rate)
    for end in range(4096, seconds * 16000 + 1, 4096):
        while given < (end + 4096) * rate // 16000 and given < seconds * rate:
            lost = np.zeros(rate, bool)
            if given == (seconds - 2) * rate:
                lost[:] = True
            arrivals.add(block, lost)
            given += rate
        share = arrivals.take(end).lost_share
        begin_s, end_s = (end - 4096) / 16000, end / 16000
        overlap = max(0.0, min(end_s, seconds - 1) - max(begin_s, seconds - 2)) / 0.256
        assert share == pytest.approx(overlap, abs=2 / (0.256 * rate))
