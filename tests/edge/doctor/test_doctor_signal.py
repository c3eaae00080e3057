"""Measurements of signals whose answers are known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.doctor.signal import (
    arrival_rate_hz,
    bandwidth_hz,
    dbfs,
    flat_tops,
    frame_levels,
    measure,
    run_lengths,
    zero_share,
)
from edge.resampling import Resampler

RATE = 16000


def sine(frequency, seconds=2.0, amplitude=0.5, rate=RATE):
    return (amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(rng, seconds=2.0, amplitude=0.1, rate=RATE):
    return (amplitude * rng.standard_normal(round(seconds * rate))).astype(np.float32)


@pytest.mark.parametrize(("amplitude", "expected"), [(1.0, 0.0), (0.5, -6.0206), (0.1, -20.0)])
def test_levels_count_from_full_scale(amplitude, expected):
    assert dbfs(amplitude) == pytest.approx(expected, abs=1e-4)


def test_silence_has_the_level_minus_infinity():
    assert dbfs(0.0) == -math.inf


def test_a_sine_lies_three_decibels_below_its_peak():
    signal = measure(sine(1000, amplitude=1.0), RATE)
    assert signal.rms_dbfs == pytest.approx(-3.01, abs=0.01)
    assert signal.peak_dbfs == pytest.approx(0.0, abs=0.01)
    assert signal.duration_s == 2.0


def test_the_voice_and_the_room_behind_it_are_told_apart(rng):
    room, voice = noise(rng, 1.6, 0.001), sine(300, 0.4, 0.5)
    signal = measure(np.concatenate([room, voice]), RATE)
    assert signal.loud_dbfs == pytest.approx(-9.0, abs=0.5)
    assert signal.quiet_dbfs == pytest.approx(-60.0, abs=1.0)


def test_an_offset_is_measured_and_is_no_level():
    signal = measure(sine(1000, amplitude=0.01) + np.float32(0.25), RATE)
    assert signal.offset == pytest.approx(0.25, abs=1e-4)
    assert signal.rms_dbfs == pytest.approx(-43.0, abs=0.1)


def test_a_stretch_shorter_than_a_frame_has_a_level_too():
    assert frame_levels(sine(1000, 0.01), RATE) == [pytest.approx(-9.03, abs=0.1)]


@pytest.mark.parametrize(
    ("mask", "lengths"),
    [([0, 0], []), ([1, 1, 1], [3]), ([0, 1, 1, 0, 1], [2, 1]), ([1, 0, 0, 1], [1, 1]), ([], [])],
)
def test_runs_are_found_at_the_edges_too(mask, lengths):
    assert run_lengths(np.array(mask, bool)).tolist() == lengths


def test_only_runs_of_zeros_count_not_crossings():
    samples = np.ones(1000, np.float32)
    samples[::10] = 0.0
    assert zero_share(samples, 5) == 0.0
    samples[100:300] = 0.0
    # The sample before the run is no zero, the one behind it is.
    assert zero_share(samples, 5) == pytest.approx(201 / 1000)


@pytest.mark.parametrize("side", [1, -1])
def test_flat_tops_at_full_scale_are_found_on_both_sides(side):
    clipped = np.clip(side * sine(200, 0.01, 2.0), -1, 1)
    # Two periods of 80 samples, each cut once on either side for a third of it.
    assert len(flat_tops(clipped)) == 4
    assert sum(flat_tops(clipped)) == pytest.approx(2 * 80 * 2 / 3, abs=4)


def test_a_loud_voice_that_is_not_cut_has_no_flat_tops():
    assert flat_tops(np.rint(sine(100, rate=48000, amplitude=1.0) * 32767) / np.float32(32768)) == []


def test_a_flat_top_far_below_full_scale_is_a_square_wave_and_no_clipping():
    assert flat_tops(np.sign(sine(200)) * np.float32(0.5)) == []


def test_the_clipped_share_counts_samples():
    samples = np.zeros(1000, np.float32)
    samples[100:110] = 1.0
    signal = measure(samples, RATE)
    assert (signal.clipped_share, signal.clipped_runs) == (0.01, 1)


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_what_comes_from_a_telephone_stays_in_its_band_at_any_rate(rng, rate):
    narrow = noise(rng, rate=8000)
    resampler = Resampler(8000, rate)
    wide = np.concatenate([resampler.feed(narrow), resampler.flush()])
    assert bandwidth_hz(wide, rate) == pytest.approx(4000, abs=250)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_noise_fills_the_band_that_there_is(rng, rate):
    assert bandwidth_hz(noise(rng, rate=rate), rate) == rate / 2


def test_a_single_low_tone_is_all_that_there_is():
    # In bands of 250 Hz; the analysis window smears it a little, less than to the next.
    assert bandwidth_hz(sine(312.5), RATE) == 500.0


def test_an_offset_does_not_pass_for_the_strongest_band(rng):
    assert bandwidth_hz(noise(rng, amplitude=1e-3) + np.float32(0.9), RATE) == RATE / 2


def test_the_band_is_not_guessed_from_what_is_too_faint(rng):
    assert bandwidth_hz(noise(rng, amplitude=1e-4), RATE) is None
    assert bandwidth_hz(np.zeros(RATE, np.float32), RATE) is None
    assert bandwidth_hz(sine(440, 0.01), RATE) is None


def test_the_rate_is_that_of_arrival(rng):
    times = np.arange(1, 101) * 0.03 + rng.uniform(0, 0.01, 100)
    positions = [round(44100 * 0.03) * (index + 1) for index in range(100)]
    assert arrival_rate_hz(list(times), positions) == pytest.approx(44100, rel=0.003)


def test_what_waited_in_buffers_is_no_pace():
    times = [0.0] * 10 + [0.1 * index for index in range(1, 41)]
    positions = [1600 * (index + 1) for index in range(50)]
    assert arrival_rate_hz(times, positions) == pytest.approx(16000)


@pytest.mark.parametrize("count", [0, 1, 9, 11])
def test_too_few_chunks_tell_no_rate(count):
    assert arrival_rate_hz([float(index) for index in range(count)], list(range(count))) is None


def test_too_short_a_while_tells_no_rate():
    assert arrival_rate_hz([0.01 * index for index in range(100)], list(range(100))) is None
