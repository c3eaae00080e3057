"""Copies through linear prediction: an all-pole filter driven by pulses and noise instead of its residual."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.errors import SynthesisError
from workbench.synth.engine import Speech

Float = NDArray[np.float32]
Array = NDArray[np.float64]

_HOP_S = 0.01
_WINDOW_S = 0.025
_PITCH_HZ = (70.0, 400.0)
_VOICED = 0.5
_BANDWIDTH = 0.994
"""Widens every resonance a little, so that a filter never rings on (LPC-10 and its kin do the same)."""


class LinearPrediction:
    """B. S. Atal, S. L. Hanauer, Speech analysis and synthesis by linear prediction of the speech wave, 1971."""

    def copy(self, samples: Float, sample_rate: int, rng: np.random.Generator) -> Speech:
        """See `CopyEngine`: order 16 to 32, voiced frames excited by pulses with some noise, the others by noise."""
        hop, window = round(_HOP_S * sample_rate), round(_WINDOW_S * sample_rate)
        if len(samples) < 4 * window:
            raise SynthesisError(f"linear prediction needs {4 * window} samples; the clip has {len(samples)}")
        order, noise_share = int(rng.integers(16, 33)), rng.uniform(0.05, 0.4)
        frames = _frames(samples.astype(np.float64), window, hop)
        filters, gains = _predictors(frames, order)
        pitch_hz = track_pitch(samples, sample_rate, hop)[: len(frames)]
        pulse = _dispersed_pulse(sample_rate, rng)
        excitation = _excitation(pitch_hz, hop, sample_rate, noise_share, pulse, rng)
        return Speech(_synthesise(excitation, filters, gains, hop)[: len(samples)].astype(np.float32), sample_rate)


def track_pitch(samples: Float, sample_rate: int, hop: int) -> Array:
    """Pitch in Hz by the normalised autocorrelation of 40 ms, 0 where unvoiced [shape=(n_frames,)]."""
    window = round(0.04 * sample_rate)
    shortest, longest = round(sample_rate / _PITCH_HZ[1]), round(sample_rate / _PITCH_HZ[0])
    frames = _frames(samples.astype(np.float64), window, hop)
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(frames, 2 * window, axis=1)) ** 2
    correlation = np.fft.irfft(power, axis=1)[:, : longest + 1]
    correlation /= np.maximum(correlation[:, :1], 1e-12) * (1.0 - np.arange(longest + 1) / window)
    lags = correlation[:, shortest:]
    best = lags.argmax(axis=1)
    voiced = lags[np.arange(len(lags)), best] > _VOICED
    return np.where(voiced, sample_rate / (best + shortest), 0.0)


def _frames(samples: Array, window: int, hop: int) -> Array:
    padded = np.pad(samples, (window // 2, window))
    return np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]


def _predictors(frames: Array, order: int) -> tuple[Array, Array]:
    """Coefficients [shape=(n_frames, order + 1)] and residual gains, by Levinson's recursion on all frames at once."""
    window = frames.shape[1]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(window), 2 * window, axis=1)) ** 2
    correlation = np.fft.irfft(spectrum, axis=1)[:, : order + 1]
    correlation[:, 0] = correlation[:, 0] * 1.0001 + 1e-9
    filters = np.zeros((len(frames), order + 1))
    filters[:, 0] = 1.0
    error = correlation[:, 0].copy()
    for step in range(1, order + 1):
        reflection = -np.sum(filters[:, :step] * correlation[:, step:0:-1], axis=1) / error
        filters[:, 1 : step + 1] += reflection[:, None] * filters[:, step - 1 :: -1][:, :step]
        error *= 1.0 - reflection**2
    return filters * _BANDWIDTH ** np.arange(order + 1), np.sqrt(np.maximum(error, 0.0) / (0.375 * window))


def _dispersed_pulse(sample_rate: int, rng: np.random.Generator) -> Array:
    """Make a pulse of 8 ms with a flat spectrum and phases drawn smoothly over frequency.

    A bare pulse train is so peaked and so one-sided that the wave form alone would give a copy away.
    """
    length = round(0.008 * sample_rate) // 2 * 2
    delay = np.convolve(rng.uniform(0.0, 0.5 * length, length // 2 + 1), np.ones(9) / 9, mode="same")
    phase = -2.0 * np.pi * np.cumsum(delay) / length
    phase[[0, -1]] = 0.0
    return np.fft.irfft(np.exp(1j * phase), length)


def _excitation(
    pitch_hz: Array, hop: int, sample_rate: int, noise_share: float, pulse: Array, rng: np.random.Generator
) -> Array:
    """Unit power: a pulse a period mixed with noise where voiced, else noise [shape=(n_frames * hop,)]."""
    per_sample = np.repeat(pitch_hz, hop)
    voiced = per_sample > 0
    phase = np.cumsum(per_sample / sample_rate)
    pulses = np.diff(np.floor(phase), prepend=0.0) * np.sqrt(sample_rate / np.maximum(per_sample, 1.0))
    pulses = np.convolve(pulses, pulse)[: len(per_sample)]
    noise = rng.standard_normal(len(per_sample))
    mixed = np.sqrt(1.0 - noise_share) * pulses + np.sqrt(noise_share) * noise
    return np.where(voiced, mixed, noise)


def _synthesise(excitation: Array, filters: Array, gains: Array, hop: int) -> Array:
    from scipy.signal import lfilter

    state = np.zeros(filters.shape[1] - 1)
    pieces = []
    for index, (coefficients, gain) in enumerate(zip(filters, gains, strict=True)):
        piece, state = lfilter([gain], coefficients, excitation[index * hop : (index + 1) * hop], zi=state)
        pieces.append(piece)
    return np.concatenate(pieces)
