"""Noise: backgrounds at a signal-to-noise ratio, mains hum, and RawBoost's three noises of telephone lines.

RawBoost (Tak et al., ICASSP 2022) needs no recordings:

1. linear and non-linear convolutive noise: a random multi-notch filter on the signal and on its powers;
2. impulsive noise that depends on the signal;
3. stationary noise, coloured by a random multi-notch filter, that does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.transmissions.filters import Wide, convolve

Float = NDArray[np.float32]

_NOTCHES = 5
_WIDTH_HZ = (100.0, 1000.0)
_LOWEST_HZ = 20.0
_TAPS = (10, 100)
_ORDERS = 5
_POWER_GAIN_DB = (-20.0, -5.0)
"""Of the signal's powers against the signal itself."""


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


def convolutive_noise(samples: Float, sample_rate: int, rng: np.random.Generator) -> Float:
    """Noise 1: sum of the signal's first five powers, each through a notch filter of its own; peak as before."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak == 0.0:
        return samples.copy()
    unit = samples.astype(np.float64) / peak
    total, power = np.zeros(len(samples)), np.ones(len(samples))
    for order in range(1, _ORDERS + 1):
        gain_db = 0.0 if order == 1 else rng.uniform(*_POWER_GAIN_DB)
        power *= unit
        total += 10.0 ** (gain_db / 20.0) * _filtered(power, notch_filter(sample_rate, rng))
    total -= total.mean()
    return _with_peak(total, peak)


def impulsive_noise(samples: Float, share: float, strength: float, rng: np.random.Generator) -> Float:
    """Noise 2: at ``share`` of the samples, add up to ``strength`` times the sample itself; peak as before."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    count = int(share * len(samples))
    where = rng.permutation(len(samples))[:count]
    disturbed = samples.astype(np.float64)
    disturbed[where] *= 1.0 + strength * rng.uniform(-1.0, 1.0, count) * rng.uniform(-1.0, 1.0, count)
    return _with_peak(disturbed, peak)


def stationary_noise(samples: Float, sample_rate: int, snr_db: float, rng: np.random.Generator) -> Float:
    """Noise 3: white noise through a notch filter, added at ``snr_db`` over the clip."""
    noise = _filtered(rng.standard_normal(len(samples)), notch_filter(sample_rate, rng))
    signal_power = float(np.mean(samples.astype(np.float64) ** 2)) if len(samples) else 0.0
    noise_power = float(np.mean(noise**2)) if len(noise) else 0.0
    if signal_power == 0.0 or noise_power == 0.0:
        return samples.copy()
    gain = np.sqrt(signal_power / noise_power * 10.0 ** (-snr_db / 10.0))
    return (samples + gain * noise).astype(np.float32)


def notch_filter(sample_rate: int, rng: np.random.Generator) -> Wide:
    """A linear-phase filter of five random notches in a row [shape=(taps,), taps odd], its largest gain 1."""
    nyquist_hz = sample_rate / 2.0
    total: Wide = np.ones(1)
    for _ in range(_NOTCHES):
        centre_hz = rng.uniform(_LOWEST_HZ, nyquist_hz)
        width_hz = rng.uniform(*_WIDTH_HZ)
        taps = int(rng.integers(_TAPS[0], _TAPS[1])) | 1
        low_hz = max(centre_hz - width_hz / 2.0, 1.0)
        high_hz = min(centre_hz + width_hz / 2.0, nyquist_hz - 1.0)
        total = np.convolve(total, _band_stop(low_hz / nyquist_hz, high_hz / nyquist_hz, taps))
    return total / np.abs(np.fft.rfft(total, 1024)).max()


def _filtered(samples: Wide, taps: Wide) -> Wide:
    # Linear phase and an odd number of taps: the delay is whole samples, and is taken away.
    return convolve(samples, taps, len(taps) // 2)


def _band_stop(low: float, high: float, taps: int) -> Wide:
    """All but the band from ``low`` to ``high`` (1 = half the sampling rate): sinc under a Hamming window."""
    time = np.arange(taps) - taps // 2
    band = (high * np.sinc(high * time) - low * np.sinc(low * time)) * np.hamming(taps)
    stop: Wide = -band
    stop[taps // 2] += 1.0
    return stop


def _with_peak(samples: Wide, peak: float) -> Float:
    found = float(np.max(np.abs(samples), initial=0.0))
    return (samples * (peak / found if found > 0.0 else 0.0)).astype(np.float32)
