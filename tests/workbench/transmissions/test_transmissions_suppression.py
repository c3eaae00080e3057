"""The suppressor takes noise away, leaves the voice, and moves nothing."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.transmissions.noise import add_noise
from workbench.transmissions.processing import METHODS, suppress_noise

RATE = 16000


def power_db(samples):
    return 10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-20)


@pytest.mark.parametrize("excess", [1.0, 2.0])
def test_subtraction_leaves_of_noise_what_theory_says(rng, excess):
    """Power is exponentially distributed, so that exp(-excess) of it lies above what is subtracted."""
    noise = (0.1 * rng.standard_normal(4 * RATE)).astype(np.float32)
    found = suppress_noise(noise, RATE, method="subtraction", floor_db=-60.0, excess=excess)
    assert power_db(found) - power_db(noise) == pytest.approx(10 * np.log10(np.exp(-excess)), abs=1.0)


@pytest.mark.parametrize("floor_db", [-10.0, -20.0])
def test_wiener_takes_noise_down_to_the_floor(rng, floor_db):
    noise = (0.1 * rng.standard_normal(4 * RATE)).astype(np.float32)
    found = suppress_noise(noise, RATE, method="wiener", floor_db=floor_db, excess=1.5)
    assert power_db(found) - power_db(noise) == pytest.approx(floor_db, abs=1.5)


@pytest.mark.parametrize("method", METHODS)
def test_a_noisy_voice_comes_closer_to_the_clean_one(speech, rng, method):
    noise = rng.standard_normal(len(speech)).astype(np.float32)
    noisy = add_noise(speech, noise, 5.0)
    found = suppress_noise(noisy, RATE, method=method, floor_db=-20.0, excess=1.5)
    assert power_db(found - speech) < power_db(noisy - speech) - 3.0
    assert np.corrcoef(found, speech)[0, 1] > 0.85


def test_subtraction_leaves_musical_noise(rng):
    """Single points of the spectrogram survive: power is spread more unevenly than in the noise itself."""
    noise = (0.1 * rng.standard_normal(3 * RATE)).astype(np.float32)
    found = suppress_noise(noise, RATE, method="subtraction", floor_db=-30.0, excess=1.5)

    def unevenness(samples):
        frames = samples[: len(samples) // 320 * 320].reshape(-1, 320) * np.hanning(320)
        power = np.abs(np.fft.rfft(frames)[:, 5:-5]) ** 2
        return power.std() / power.mean()

    assert unevenness(found) > 1.5 * unevenness(noise)


@pytest.mark.parametrize("method", METHODS)
def test_a_gain_of_one_gives_the_clip_back(speech, method):
    found = suppress_noise(speech, RATE, method=method, floor_db=0.0)
    np.testing.assert_allclose(found, speech, atol=1e-5)


@pytest.mark.parametrize("length", [0, 1, 159, 160, 161, 5000])
def test_any_length_comes_back(rng, length):
    clip = rng.standard_normal(length).astype(np.float32)
    for method in METHODS:
        found = suppress_noise(clip, RATE, method=method, floor_db=-20.0)
        assert found.shape == clip.shape
        assert np.isfinite(found).all()


def test_unknown_methods_are_refused(speech):
    with pytest.raises(ValueError, match="method is one of"):
        suppress_noise(speech, RATE, method="magic", floor_db=-20.0)
