"""RawBoost's noises stay in bounds, touch what they should, and depend on the seed alone."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.transmissions.filters import convolve, fast_length
from workbench.transmissions.noise import convolutive_noise, impulsive_noise, notch_filter, stationary_noise

RATE = 16000


@pytest.mark.parametrize("seed", range(8))
def test_the_convolutive_noise_keeps_the_peak_and_the_voice(speech, seed):
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


def test_convolution_is_numpys(rng):
    samples, taps = rng.standard_normal(1000), rng.standard_normal(31)
    np.testing.assert_allclose(convolve(samples, taps, 7), np.convolve(samples, taps)[7:1007], atol=1e-10)


@pytest.mark.parametrize("length", [*range(1, 40), 64037, 65536, 65537])
def test_fast_lengths_hold_and_waste_little(length):
    found = fast_length(length)
    assert length <= found <= 1.34 * length
    rest = found
    for prime in (2, 3, 5):
        while rest % prime == 0:
            rest //= prime
    assert rest == 1 or length <= 16
