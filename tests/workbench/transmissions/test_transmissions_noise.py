"""Noise has its ratio, hum its level; RawBoost's noises stay in bounds and depend on the seed alone."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.transmissions.noise import (
    add_hum,
    add_noise,
    convolutive_noise,
    draw_noise,
    impulsive_noise,
    notch_filter,
    stationary_noise,
)


def test_noise_has_the_asked_ratio(rng):
    signal, noise = rng.standard_normal((2, 16000)).astype(np.float32)
    mixed = add_noise(0.1 * signal, noise, 12.0)
    ratio = np.mean((0.1 * signal) ** 2) / np.mean((mixed - 0.1 * signal) ** 2)
    assert 10 * np.log10(ratio) == pytest.approx(12.0, abs=0.01)


def test_noise_leaves_silence_alone_and_survives_a_silent_recording(rng):
    noise = rng.standard_normal(100).astype(np.float32)
    assert not add_noise(np.zeros(100, np.float32), noise, 0.0).any()
    np.testing.assert_array_equal(add_noise(noise, np.zeros(100, np.float32), 0.0), noise)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 40.0])
def test_any_ratio_is_met(rng, snr_db):
    signal, noise = rng.standard_normal((2, 8000)).astype(np.float32)
    added = add_noise(signal, 3.0 * noise, snr_db) - signal
    assert 10 * np.log10(np.mean(signal**2) / np.mean(added**2)) == pytest.approx(snr_db, abs=0.02)


def test_a_recording_is_repeated_in_its_own_order():
    recording = np.arange(1, 6, dtype=np.float32)
    rng = np.random.default_rng(0)
    drawn = [draw_noise(12, [recording], rng) for _ in range(30)]
    taken = [noise for noise in drawn if np.isin(noise, recording).all()]
    assert 5 < len(taken) < 25
    for noise in taken:
        assert set(np.diff(noise).tolist()) <= {1.0, -4.0}


RATE = 16000


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_hum_has_its_level_frequency_and_offset(mains_hz):
    hum = add_hum(np.zeros(RATE, np.float32), RATE, mains_hz, -40.0, 0.01)
    assert hum.mean() == pytest.approx(0.01, abs=1e-5)
    assert 10 * np.log10(np.mean((hum - hum.mean()) ** 2)) == pytest.approx(-40, abs=0.1)
    power = np.abs(np.fft.rfft(hum - hum.mean())) ** 2
    assert np.flatnonzero(power > 1e-3 * power.max()).tolist() == [round(mains_hz * order) for order in range(1, 7)]


def test_the_convolutive_noise_keeps_the_peak_and_the_voice(speech):
    for seed in range(8):
        found = convolutive_noise(speech, RATE, np.random.default_rng(seed))
        assert found.shape == speech.shape
        assert np.abs(found).max() == pytest.approx(np.abs(speech).max(), rel=1e-5)
        assert 0.3 < np.corrcoef(found, speech)[0, 1] < 0.9999
        assert abs(found.mean()) < 0.01


def test_the_convolutive_noise_is_not_linear():
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)
    power = np.abs(np.fft.rfft(convolutive_noise(tone, RATE, np.random.default_rng(0)))) ** 2
    harmonics = [power[440 * order] / power[440] for order in (2, 3)]
    assert max(harmonics) > 1e-5
    assert power[1000] < 1e-8 * power[440]


def test_impulses_hit_the_share_asked_and_scale_with_the_signal():
    clip = np.full(10000, 0.25, np.float32)
    clip[::2] *= -1
    found = impulsive_noise(clip, 0.1, 2.0, np.random.default_rng(0))
    assert np.abs(found).max() == pytest.approx(0.25, rel=1e-5)
    # Everything was scaled to the old peak; the untouched samples share one magnitude.
    magnitudes = np.abs(found)
    untouched = np.isclose(magnitudes, np.median(magnitudes))
    assert untouched.mean() == pytest.approx(0.9, abs=0.002)
    ratios = magnitudes[~untouched] / np.median(magnitudes)
    assert ratios.max() < 3.001
    assert ratios.max() > 2.0


def test_impulses_leave_silence_and_a_share_of_zero_alone(speech):
    assert not impulsive_noise(np.zeros(100, np.float32), 0.5, 2.0, np.random.default_rng(0)).any()
    np.testing.assert_allclose(impulsive_noise(speech, 0.0, 2.0, np.random.default_rng(0)), speech, rtol=1e-6)


@pytest.mark.parametrize("snr_db", [10.0, 40.0])
def test_the_stationary_noise_has_the_ratio_asked_and_no_tie_to_the_signal(speech, snr_db):
    noise = stationary_noise(speech, RATE, snr_db, np.random.default_rng(0)) - speech
    assert 10 * np.log10(np.mean(speech**2) / np.mean(noise**2)) == pytest.approx(snr_db, abs=0.05)
    assert abs(np.corrcoef(noise, speech)[0, 1]) < 0.02


def test_filters_are_symmetric_and_have_notches():
    for seed in range(20):
        taps = notch_filter(RATE, np.random.default_rng(seed))
        assert len(taps) % 2 == 1
        np.testing.assert_allclose(taps, taps[::-1], atol=1e-9)
        gain = np.abs(np.fft.rfft(taps, 4096))
        assert 0.95 < gain.max() < 1.1
        assert gain.min() < 0.7


def test_silence_and_empty_clips_survive(rng):
    for clip in (np.zeros(500, np.float32), np.zeros(0, np.float32)):
        assert not convolutive_noise(clip, RATE, rng).any()
        assert not stationary_noise(clip, RATE, 10.0, rng).any()
        assert impulsive_noise(clip, 0.1, 2.0, rng).shape == clip.shape


def test_the_seed_decides(speech):
    for noise in (
        lambda rng: convolutive_noise(speech, RATE, rng),
        lambda rng: impulsive_noise(speech, 0.05, 2.0, rng),
        lambda rng: stationary_noise(speech, RATE, 20.0, rng),
    ):
        first, again, other = (noise(np.random.default_rng(seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)
