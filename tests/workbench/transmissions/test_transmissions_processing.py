"""Gain control reaches its level at its pace, clipping takes its share, suppression takes noise and leaves the voice."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.transmissions.noise import add_noise
from workbench.transmissions.processing import METHODS, clip_share, gain_control, suppress_noise

RATE = 16000


def tone(level_db, seconds=2.0):
    """A tone of this RMS, dB re full scale."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (10 ** (level_db / 20) * np.sqrt(2) * np.sin(2 * np.pi * 300 * time)).astype(np.float32)


def level_db(samples):
    return 10 * np.log10(np.mean(samples.astype(np.float64) ** 2))


@pytest.mark.parametrize("before_db", [-40.0, -20.0, -10.0])
def test_any_level_within_reach_becomes_the_target(before_db):
    found = gain_control(tone(before_db), RATE, target_db=-20, attack_s=0.02, release_s=0.2)
    assert level_db(found[RATE:]) == pytest.approx(-20, abs=0.2)


def test_the_gain_is_bounded():
    found = gain_control(tone(-50.0), RATE, target_db=-10, attack_s=0.02, release_s=0.2, max_gain_db=15)
    assert level_db(found[RATE:]) == pytest.approx(-35, abs=0.2)


def test_attack_and_release_take_their_time():
    steps = np.concatenate([tone(-30.0), tone(-10.0), tone(-30.0)])
    found = gain_control(steps, RATE, target_db=-20, attack_s=0.05, release_s=0.5)

    def gain_at(seconds):
        start = round(seconds * RATE)
        return level_db(found[start : start + 800]) - level_db(steps[start : start + 800])

    # Measured over 50 ms; of a step of 20 dB, exp(-t / time constant) is left.
    assert gain_at(2.025) == pytest.approx(-10 + 20 * np.exp(-0.05 / 0.05), abs=1.0)
    assert gain_at(4.475) == pytest.approx(10 - 20 * np.exp(-0.5 / 0.5), abs=0.5)
    assert gain_at(2.5) == pytest.approx(-10, abs=0.2)


def test_pauses_are_not_pumped_up(rng):
    pause = (1e-4 * rng.standard_normal(RATE)).astype(np.float32)
    found = gain_control(np.r_[tone(-20.0), pause], RATE, target_db=-20, attack_s=0.02, release_s=0.1)
    assert level_db(found[-8000:]) == pytest.approx(level_db(pause[-8000:]), abs=0.5)


def test_gain_control_stays_in_full_scale_and_takes_any_length(rng):
    for length in (0, 1, 159, 161):
        clip = rng.standard_normal(length).astype(np.float32)
        found = gain_control(clip, RATE, target_db=-3, attack_s=0.02, release_s=0.2)
        assert found.shape == clip.shape
        assert np.abs(found).max(initial=0.0) <= 1.0
    assert not gain_control(np.zeros(1000, np.float32), RATE, target_db=-3, attack_s=0.1, release_s=0.1).any()


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3])
def test_the_share_asked_for_is_clipped(rng, share):
    samples = rng.standard_normal(50000).astype(np.float32)
    found = clip_share(samples, share)
    limit = np.abs(found).max()
    assert np.mean(np.abs(found) >= limit * (1 - 1e-6)) == pytest.approx(share, rel=0.05)
    untouched = np.abs(samples) < limit
    np.testing.assert_array_equal(found[untouched], samples[untouched])


def test_soft_clipping_bends_below_the_limit_and_keeps_the_order(rng):
    samples = np.sort(rng.standard_normal(5000)).astype(np.float32)
    hard, soft = clip_share(samples, 0.1), clip_share(samples, 0.1, soft=True)
    assert np.abs(soft).max() < np.abs(hard).max()
    assert (np.diff(soft) >= 0).all()
    assert len(np.unique(soft)) > len(np.unique(hard))
    small = np.abs(samples) < 0.1
    np.testing.assert_allclose(soft[small], samples[small], rtol=0.01)


def test_silence_is_not_clipped():
    assert not clip_share(np.zeros(100, np.float32), 0.1).any()
    assert clip_share(np.zeros(0, np.float32), 0.1).shape == (0,)


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


def test_any_length_comes_back(rng):
    for length in (0, 1, 159, 160, 161, 5000):
        clip = rng.standard_normal(length).astype(np.float32)
        for method in METHODS:
            found = suppress_noise(clip, RATE, method=method, floor_db=-20.0)
            assert found.shape == clip.shape
            assert np.isfinite(found).all()


def test_unknown_methods_are_refused(speech):
    with pytest.raises(ValueError, match="method is one of"):
        suppress_noise(speech, RATE, method="magic", floor_db=-20.0)
