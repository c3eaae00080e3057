"""Rooms: convolution with impulse responses, measured or made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.transmissions.filters import convolve, fast_length

Float = NDArray[np.float32]

_FIRST_ECHO_S = (0.002, 0.012)


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
