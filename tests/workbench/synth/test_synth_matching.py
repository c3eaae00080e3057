"""A copy takes over its original's recording conditions, and nothing of its voice."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.synth.engine import Speech
from workbench.synth.matching import change_length, cross_over, grid_step, match, on_grid, speech_frames

RATE = 16000


def power_db(samples, low_hz, high_hz, rate=RATE):
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / rate)
    return 10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].mean() + 1e-20)


def band_limited(samples, high_hz):
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / RATE) > high_hz] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


@pytest.fixture
def telephone(voice, rng):
    """A voice below 3.4 kHz with half a second of faint noise before and after it, in 12 bits."""
    speech = band_limited(voice(2.0), 3400.0)
    silent = np.zeros(RATE // 2, np.float32)
    noise = band_limited(0.002 * rng.standard_normal(3 * RATE), 3400.0)
    return on_grid(np.concatenate([silent, speech, silent]) + noise, 16)


@pytest.fixture
def copied(voice, rng):
    return lambda samples: Speech((0.1 * voice(len(samples) / RATE)).astype(np.float32), RATE)


def test_band_and_level_become_the_originals(telephone, copied, rng):
    copy = copied(telephone)
    made = match(copy, telephone, rng)
    assert len(made) == len(telephone)
    assert power_db(copy.samples, 300, 3000) - power_db(copy.samples, 4000, 7000) < 30
    assert power_db(made, 300, 3000) - power_db(made, 4500, 7000) > 40
    loud = speech_frames(telephone, RATE)
    assert loud.any()
    assert not loud.all()
    speech = slice(RATE // 2, RATE // 2 + 2 * RATE)
    assert np.std(made[speech]) == pytest.approx(np.std(telephone[speech]), rel=0.15)


def test_silent_ends_are_the_originals_own(telephone, copied, rng):
    made = match(copied(telephone), telephone, rng)
    quiet = round(0.35 * RATE)
    assert np.array_equal(made[:quiet], telephone[:quiet])
    assert np.array_equal(made[-quiet:], telephone[-quiet:])
    assert np.abs(made[RATE : 2 * RATE] - telephone[RATE : 2 * RATE]).max() > 0.1


def test_the_noise_floor_is_filled_up_but_not_where_there_is_none(voice, rng):
    # Of other lengths, so that no pause can come from the original.
    clean = np.concatenate([np.zeros(RATE // 4, np.float32), voice(1.0), np.zeros(RATE // 4, np.float32)])
    noisy = clean + 0.01 * rng.standard_normal(len(clean)).astype(np.float32)
    copy = Speech(np.concatenate([clean, np.zeros(RATE // 2, np.float32)]), RATE, aligned=False)
    tail = slice(-RATE // 2, None)
    assert np.std(match(copy, noisy, rng)[tail]) == pytest.approx(0.01, rel=0.4)
    assert np.std(match(copy, clean, rng)[tail]) < 0.001


def test_the_word_length_becomes_the_originals(telephone, copied, rng):
    assert grid_step(telephone) == 16
    assert grid_step(match(copied(telephone), telephone, rng)) == 16
    fine = on_grid(telephone + 1e-4 * rng.standard_normal(len(telephone)).astype(np.float32), 1)
    assert grid_step(fine) == 1
    assert grid_step(match(copied(fine), fine, rng)) == 1


def test_a_copy_too_peaked_for_the_level_is_turned_down_instead_of_clipped(telephone, rng):
    peaked = np.zeros(len(telephone), np.float32)
    peaked[RATE // 2 : -RATE // 2 : 400] = 1.0
    made = match(Speech(peaked, RATE), telephone, rng)
    assert np.abs(made).max() < 0.991
    speech = slice(RATE // 2, -RATE // 2)
    assert np.std(made[speech]) < 0.8 * np.std(telephone[speech])


def test_the_polarity_is_the_originals(rng):
    # Noise that leans to one side, and a copy of it that shares nothing but that.
    def leaning(sign):
        return (sign * 0.1 * (rng.exponential(1.0, RATE) - 1.0)).astype(np.float32)

    original = leaning(1)
    for sign in (1, -1):
        made = match(Speech(leaning(sign), RATE), original, rng)
        assert np.mean(made**3) > 0


def test_what_the_vocoder_cannot_reach_comes_from_the_original(voice, rng):
    original = on_grid(voice(1.5) + 0.01 * rng.standard_normal(RATE * 3 // 2).astype(np.float32), 1)
    low = band_limited(voice(1.5), 4000.0)
    without, reaching = Speech(low, RATE), Speech(low, RATE, reach_hz=4000.0)
    assert power_db(original, 5000, 7800) - power_db(match(without, original, rng), 5000, 7800) > 3
    assert power_db(match(reaching, original, rng), 5000, 7800) == pytest.approx(
        power_db(original, 5000, 7800), abs=1.5
    )


def test_cross_over_splits_at_the_frequency():
    time = np.arange(RATE) / RATE
    low, high = np.sin(2 * np.pi * 500 * time), np.sin(2 * np.pi * 4000 * time)
    joined = cross_over((low + high).astype(np.float32), np.zeros(RATE, np.float32), 2000.0, RATE)
    assert np.abs(joined - low).max() < 1e-3


def test_changing_the_length_keeps_the_whole_band_and_the_time(rng):
    samples = rng.standard_normal(RATE).astype(np.float32)
    there = change_length(samples, 22050)
    back = change_length(there, RATE)
    inner = slice(400, -400)
    assert np.abs(back[inner] - samples[inner]).max() < 1e-2
    time = np.arange(22050) / 22050
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    assert np.abs(change_length(tone, 22050) - np.sin(2 * np.pi * 1000 * time))[800:-800].max() < 1e-3
