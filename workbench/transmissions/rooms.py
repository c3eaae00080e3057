"""Rooms: convolution with impulse responses, measured or made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.transmissions.filters import convolve, fast_length

Float = NDArray[np.float32]

_FIRST_ECHO_S = (0.002, 0.012)
_DIRECT_S = 0.0025
"""What arrives within this of the strongest sample counts as direct sound."""


def synthetic_response(rt60_s: float, direct_db: float, sample_rate: int, rng: np.random.Generator) -> Float:
    """An impulse response of direct sound and noise that decays exponentially (after Polack 1988).

    Parameters
    ----------
    rt60_s : time in which the reverberation falls by 60 dB.
    direct_db : ratio of direct to reverberant energy.

    Returns
    -------
    response [shape=(m,), the direct sound is sample 0]
    """
    length = fast_length(max(round(1.2 * rt60_s * sample_rate), 2))
    time = np.arange(length) / sample_rate
    tail = rng.standard_normal(length) * np.exp(-np.log(1000.0) * time / rt60_s)
    tail[: max(round(rng.uniform(*_FIRST_ECHO_S) * sample_rate), 1)] = 0.0
    # Air and walls swallow the highs: the tail loses 3 dB an octave above 1 kHz.
    hz = np.maximum(np.fft.rfftfreq(length, 1.0 / sample_rate), 1000.0)
    tail = np.fft.irfft(np.fft.rfft(tail) * np.sqrt(1000.0 / hz), length)
    energy = float(np.sum(tail**2))
    if energy > 0.0:
        tail *= np.sqrt(10.0 ** (-direct_db / 10.0) / energy)
    tail[0] = 1.0
    return tail.astype(np.float32)


def reverberate(samples: Float, response: Float) -> Float:
    """Convolve with an impulse response [shape=(m,)]; the direct sound stays where it was.

    Returns
    -------
    samples [shape=(n,)] with the RMS of the input, so that a room says nothing about level
    """
    if len(samples) == 0 or not np.any(response):
        return samples.copy()
    wet = convolve(samples, response, int(np.argmax(np.abs(response))))
    power = float(np.mean(wet**2))
    if power == 0.0:
        return samples.copy()
    return (wet * np.sqrt(np.mean(samples.astype(np.float64) ** 2) / power)).astype(np.float32)


def reverberation_time(response: Float, sample_rate: int) -> float:
    """RT60 in seconds: the slope of backward-integrated energy from -5 to -25 dB (Schroeder 1965, ISO 3382 T20).

    NaN where the response does not fall that far.
    """
    start = int(np.argmax(np.abs(response))) + round(_DIRECT_S * sample_rate)
    energy = np.cumsum(response[start:][::-1].astype(np.float64) ** 2)[::-1]
    if len(energy) == 0 or energy[0] == 0.0:
        return float("nan")
    decay_db = 10.0 * np.log10(energy / energy[0] + 1e-12)
    span = np.flatnonzero((decay_db <= -5.0) & (decay_db >= -25.0))
    if len(span) < 2 or decay_db[-1] > -25.0:
        return float("nan")
    slope = np.polyfit(span / sample_rate, decay_db[span], 1)[0]
    return float(-60.0 / slope)
