"""Measurements of signals whose answers are known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.doctor.signal import arrival_rate_hz, bandwidth_hz, dbfs, flat_tops, measure, run_lengths, zero_share
from edge.resampling import Resampler

RATE = 16000


def sine(frequency, seconds=2.0, amplitude=0.5, rate=RATE):
    return (amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(rng, seconds=2.0, amplitude=0.1, rate=RATE):
    return (amplitude * rng.standard_normal(round(seconds * rate))).astype(np.float32)


def test_levels_count_from_full_scale():
    for amplitude, expected in [(1.0, 0.0), (0.5, -6.0206), (0.1, -20.0), (0.0, -math.inf)]:
        assert dbfs(amplitude) == pytest.approx(expected, abs=1e-4)
    signal = measure(sine(1000, amplitude=1.0), RATE)
    assert (signal.rms_dbfs, signal.peak_dbfs) == (pytest.approx(-3.01, abs=0.01), pytest.approx(0.0, abs=0.01))
    assert signal.duration_s == 2.0
    assert measure(sine(1000, 0.01), RATE).loud_dbfs == pytest.approx(-9.03, abs=0.1), "shorter than a frame"


def test_the_voice_and_the_room_behind_it_are_measured_apart(rng):
    signal = measure(np.concatenate([noise(rng, 1.6, 0.001), sine(300, 0.4, 0.5)]), RATE)
    assert signal.loud_dbfs == pytest.approx(-9.0, abs=0.5)
    assert signal.quiet_dbfs == pytest.approx(-60.0, abs=1.0)


def test_an_offset_is_measured_and_is_neither_a_level_nor_a_band(rng):
    signal = measure(sine(1000, amplitude=0.01) + np.float32(0.25), RATE)
    assert signal.offset == pytest.approx(0.25, abs=1e-4)
    assert signal.rms_dbfs == pytest.approx(-43.0, abs=0.1)
    assert bandwidth_hz(noise(rng, amplitude=1e-3) + np.float32(0.9), RATE) == RATE / 2


def test_runs_are_found_at_the_edges_too():
    for mask, lengths in [([0, 0], []), ([1, 1, 1], [3]), ([0, 1, 1, 0, 1], [2, 1]), ([1, 0, 0, 1], [1, 1]), ([], [])]:
        assert run_lengths(np.array(mask, bool)).tolist() == lengths


def test_only_runs_of_zeros_count_not_crossings():
    samples = np.ones(1000, np.float32)
    samples[::10] = 0.0
    assert zero_share(samples, 5) == 0.0
    samples[100:300] = 0.0
    # The sample before the run is no zero, the one behind it is.
    assert zero_share(samples, 5) == pytest.approx(201 / 1000)


def test_flat_tops_at_full_scale_are_found_on_both_sides_and_nothing_else():
    for side in (1, -1):
        tops = flat_tops(np.clip(side * sine(200, 0.01, 2.0), -1, 1))
        # Two periods of 80 samples, each cut once on either side for a third of it.
        assert (len(tops), sum(tops)) == (4, pytest.approx(2 * 80 * 2 / 3, abs=4))
    assert flat_tops(np.rint(sine(100, rate=48000, amplitude=1.0) * 32767) / np.float32(32768)) == [], "loud, not cut"
    assert flat_tops(np.sign(sine(200)) * np.float32(0.5)) == [], "a square wave far below full scale"
    samples = np.zeros(1000, np.float32)
    samples[100:110] = 1.0
    signal = measure(samples, RATE)
    assert (signal.clipped_share, signal.clipped_runs) == (0.01, 1)


def test_what_comes_from_a_telephone_stays_in_its_band_at_any_rate(rng):
    narrow = noise(rng, rate=8000)
    for rate in (16000, 44100, 48000):
        resampler = Resampler(8000, rate)
        wide = np.concatenate([resampler.feed(narrow), resampler.flush()])
        assert bandwidth_hz(wide, rate) == pytest.approx(4000, abs=250)


def test_the_band_is_that_of_the_sound_and_unknown_where_it_is_too_faint(rng):
    for rate in (8000, 16000, 48000):
        assert bandwidth_hz(noise(rng, rate=rate), rate) == rate / 2
    # In bands of 250 Hz; the analysis window smears a tone a little, less than to the next.
    assert bandwidth_hz(sine(312.5), RATE) == 500.0
    for faint in (noise(rng, amplitude=1e-4), np.zeros(RATE, np.float32), sine(440, 0.01)):
        assert bandwidth_hz(faint, RATE) is None


def test_the_rate_is_that_of_arrival(rng):
    times = np.arange(1, 101) * 0.03 + rng.uniform(0, 0.01, 100)
    positions = [round(44100 * 0.03) * (index + 1) for index in range(100)]
    assert arrival_rate_hz(list(times), positions) == pytest.approx(44100, rel=0.003)
    # What waited in buffers comes at once, and is no pace.
    times = [0.0] * 10 + [0.1 * index for index in range(1, 41)]
    assert arrival_rate_hz(times, [1600 * (index + 1) for index in range(50)]) == pytest.approx(16000)


def test_too_few_chunks_and_too_short_a_while_give_no_rate():
    for count in (0, 1, 9, 11):
        assert arrival_rate_hz([float(index) for index in range(count)], list(range(count))) is None
    assert arrival_rate_hz([0.01 * index for index in range(100)], list(range(100))) is None
