"""Convolution by fast Fourier transforms of lengths that are fast."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Wide = NDArray[np.float64]


def fast_length(length: int) -> int:
    """A number of at least ``length``, and at most a third more, without prime factors above 5 (from 16 on)."""
    if length <= 16:
        return length
    power = 1 << (length - 1).bit_length()
    candidates = (5 * power // 8, 3 * power // 4, 15 * power // 16, power)
    return next(candidate for candidate in candidates if candidate >= length)


def convolve(samples: NDArray[np.floating], taps: NDArray[np.floating], start: int) -> _Wide:
    """As many samples of the full convolution as came in [shape=(n,)], from ``start`` on."""
    if len(samples) == 0:
        return samples.astype(np.float64)
    length = fast_length(len(samples) + len(taps) - 1)
    full = np.fft.irfft(np.fft.rfft(samples, length) * np.fft.rfft(taps, length), length)
    return full[start : start + len(samples)]
