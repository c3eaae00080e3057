"""Backgrounds at a signal-to-noise ratio, mains hum and offset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


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


def add_hum(samples: Float, sample_rate: int, mains_hz: float, level_db: float, offset: float) -> Float:
    """Add mains hum and a constant ``offset`` (re full scale).

    Parameters
    ----------
    mains_hz : 50 or 60.
    level_db : RMS of the hum, dB re full scale; its first six harmonics fall by 6 dB an octave.
    """
    time = np.arange(len(samples)) / sample_rate
    orders = np.arange(1, 7)
    hum = np.sin(2.0 * np.pi * mains_hz * np.outer(orders, time)).T @ (1.0 / orders)
    rms = np.sqrt(np.sum(1.0 / orders**2) / 2.0)
    return (samples + 10.0 ** (level_db / 20.0) / rms * hum + offset).astype(np.float32)
