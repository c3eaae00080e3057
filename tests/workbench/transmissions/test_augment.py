"""Augmentation does exactly what is asked of it, and asks nothing about the class."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.config import AugmentConfig
from workbench.transmissions.augment import (
    add_noise,
    augment,
    band_limit,
    draw_noise,
    mask_features,
    set_peak,
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


def test_band_limit_keeps_the_band_and_removes_the_rest():
    time = np.arange(16000) / 16000
    for hz, kept in ((100.0, 0.0), (1000.0, 1.0), (3000.0, 1.0), (5000.0, 0.0)):
        tone = np.sin(2 * np.pi * hz * time).astype(np.float32)
        found = band_limit(tone, 3400.0, 300.0, 16000)
        assert np.sqrt(np.mean(found**2) / np.mean(tone**2)) == pytest.approx(kept, abs=0.01)


def test_the_peak_is_where_it_is_asked(rng):
    samples = rng.standard_normal(1000).astype(np.float32)
    assert np.abs(set_peak(samples, -20.0)).max() == pytest.approx(0.1)
    assert not set_peak(np.zeros(10, np.float32), 0.0).any()


def test_what_is_drawn_does_not_depend_on_the_clip():
    """The same generator state draws the same transforms for any clip: nothing can differ between the classes."""
    states = []
    for seed in (1, 2):
        rng = np.random.default_rng(9)
        augment(np.random.default_rng(seed).standard_normal(4000).astype(np.float32), AugmentConfig(), rng, 16000)
        states.append(rng.bit_generator.state)
    assert states[0] == states[1]


def test_masks_blank_bands_and_spans_by_the_clips_mean_and_leave_the_input(rng):
    features = rng.standard_normal((3, 60, 1, 40)).astype(np.float32)
    before = features.copy()
    config = AugmentConfig(frequency_masks=2, frequency_mask_bands=10, time_masks=2, time_mask_frames=12)
    masked = mask_features(features, config, rng)
    np.testing.assert_array_equal(features, before)
    for clip, original in zip(masked, features, strict=True):
        changed = clip[:, 0] != original[:, 0]
        assert 0 < changed.mean() < 0.8
        np.testing.assert_allclose(clip[:, 0][changed], original.mean(), rtol=1e-5)


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


def test_without_augmentation_only_the_level_changes(rng):
    samples = rng.standard_normal(4000).astype(np.float32)
    config = AugmentConfig(noise=0.0, band_limit=0.0, level_db=(-6.0, -6.0))
    found = augment(samples, config, rng, 16000)
    np.testing.assert_allclose(found, samples * (10 ** (-6 / 20) / np.abs(samples).max()), rtol=1e-4)


def test_levels_are_those_of_the_configuration(rng):
    config = AugmentConfig(level_db=(-20.0, -10.0))
    samples = rng.standard_normal(2000).astype(np.float32)
    peaks = [20 * np.log10(np.abs(augment(samples, config, rng, 16000)).max()) for _ in range(60)]
    assert -20.01 < min(peaks) < -18
    assert -12 < max(peaks) < -9.99


def test_masks_as_large_as_the_features_leave_no_hole(rng):
    features = rng.standard_normal((2, 5, 1, 4)).astype(np.float32)
    config = AugmentConfig(frequency_masks=3, frequency_mask_bands=100, time_masks=3, time_mask_frames=100)
    assert np.isfinite(mask_features(features, config, rng)).all()
