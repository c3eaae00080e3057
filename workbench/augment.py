"""Basic augmentation: level, band limit, noise at a signal-to-noise ratio, SpecAugment masks.

Pure NumPy with a passed-in Generator. Every transform is drawn alike for both classes: whatever a model could read
from level, bandwidth or noise floor must say nothing about the label.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.config import AugmentConfig

Float = NDArray[np.float32]


def augment(
    samples: Float, config: AugmentConfig, rng: np.random.Generator, sample_rate: int, noises: Sequence[Float] = ()
) -> Float:
    """Draw and apply waveform augmentation to one clip.

    Parameters
    ----------
    samples : [shape=(n,), range -1 to 1]
    noises : recordings [shape=(m,), m >= 1] to draw backgrounds from; without any, coloured noise is made.
    """
    if rng.random() < config.noise:
        snr_db = rng.uniform(*config.noise_snr_db)
        samples = add_noise(samples, draw_noise(len(samples), noises, rng), snr_db)
    if rng.random() < config.band_limit:
        samples = band_limit(samples, rng.uniform(*config.band_limit_hz), rng.uniform(20.0, 300.0), sample_rate)
    return set_peak(samples, rng.uniform(*config.level_db))


def set_peak(samples: Float, peak_db: float) -> Float:
    """Scale so that the largest magnitude is ``peak_db`` re full scale; silence stays silence."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    return samples if peak == 0.0 else (samples * np.float32(10.0 ** (peak_db / 20.0) / peak)).astype(np.float32)


def band_limit(samples: Float, high_hz: float, low_hz: float, sample_rate: int) -> Float:
    """Keep ``low_hz`` to ``high_hz`` by a zero-phase filter with raised-cosine edges of 15 % width."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1.0 / sample_rate)
    upper = np.clip((high_hz * 1.15 - hz) / (high_hz * 0.15), 0.0, 1.0)
    lower = np.clip((hz - low_hz * 0.85) / (low_hz * 0.15), 0.0, 1.0)
    gain = np.sin(0.5 * np.pi * upper) ** 2 * np.sin(0.5 * np.pi * lower) ** 2
    return np.fft.irfft(spectrum * gain, len(samples)).astype(np.float32)


def draw_noise(length: int, noises: Sequence[Float], rng: np.random.Generator) -> Float:
    """A stretch of a recorded background, repeated if short, or noise with a random spectral slope."""
    if noises and rng.random() < 0.5:
        noise = noises[int(rng.integers(len(noises)))]
        start = int(rng.integers(len(noise)))
        return np.take(noise, np.arange(start, start + length), mode="wrap")
    spectrum = np.fft.rfft(rng.standard_normal(length))
    slope = rng.uniform(0.0, 1.0)
    spectrum *= np.maximum(np.arange(len(spectrum)), 1.0) ** -slope
    return np.fft.irfft(spectrum, length).astype(np.float32)


def add_noise(samples: Float, noise: Float, snr_db: float) -> Float:
    """Add ``noise`` [same shape] so that the powers over the whole clip have the ratio ``snr_db``."""
    signal_power, noise_power = float(np.mean(samples**2)), float(np.mean(noise**2))
    if signal_power == 0.0 or noise_power == 0.0:
        return samples
    gain = np.sqrt(signal_power / noise_power * 10.0 ** (-snr_db / 10.0))
    return (samples + np.float32(gain) * noise).astype(np.float32)


def mask_features(features: Float, config: AugmentConfig, rng: np.random.Generator) -> Float:
    """SpecAugment (Park et al. 2019) without warping: blank bands and spans of features [B, T, 1, M] by their mean.

    Works on a copy; each clip draws its own masks.
    """
    features = features.copy()
    frames, bands = features.shape[1], features.shape[3]
    for clip in features:
        mean = clip.mean()
        for _ in range(config.frequency_masks):
            width = int(rng.integers(0, min(config.frequency_mask_bands, bands) + 1))
            start = int(rng.integers(0, bands - width + 1))
            clip[:, :, start : start + width] = mean
        for _ in range(config.time_masks):
            width = int(rng.integers(0, min(config.time_mask_frames, frames) + 1))
            start = int(rng.integers(0, frames - width + 1))
            clip[start : start + width] = mean
    return features
