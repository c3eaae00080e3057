"""Linear filters: fast convolution, and microphones and hand-sets as zero-phase frequency responses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Wide = NDArray[np.float64]

SEND_HZ = (100.0, 200.0, 300.0, 500.0, 1000.0, 2000.0, 3000.0, 3400.0, 4000.0)
SEND_DB = (-45.0, -19.0, -11.0, -7.0, -4.0, 0.0, 2.0, -6.0, -40.0)
"""A hand-set's sending response in the shape of the intermediate reference system (ITU-T P.48), rounded."""
_LOWEST_HZ = 20.0
_FLOOR_DB = -90.0
_PAD_S = 0.05
"""Longer than these filters ring, so that the end of a clip does not leak into its beginning."""


def fast_length(length: int) -> int:
    """A number of at least ``length``, and at most a third more, without prime factors above 5 (from 16 on)."""
    if length <= 16:
        return length
    power = 1 << (length - 1).bit_length()
    candidates = (5 * power // 8, 3 * power // 4, 15 * power // 16, power)
    return next(candidate for candidate in candidates if candidate >= length)


def convolve(samples: NDArray[np.floating], taps: NDArray[np.floating], start: int) -> Wide:
    """As many samples of the full convolution as came in [shape=(n,)], from ``start`` on."""
    if len(samples) == 0:
        return samples.astype(np.float64)
    length = fast_length(len(samples) + len(taps) - 1)
    full = np.fft.irfft(np.fft.rfft(samples, length) * np.fft.rfft(taps, length), length)
    return full[start : start + len(samples)]


def shape(samples: Float, sample_rate: int, hz: Sequence[float], gain_db: Sequence[float]) -> Float:
    """Filter [shape=(n,)] by gains at rising frequencies, interpolated over log frequency.

    Beyond the outermost frequencies their gain holds.
    """
    octaves = np.log2(_spectrum_hz(samples, sample_rate))
    return _filtered(samples, sample_rate, np.interp(octaves, np.log2(np.asarray(hz)), np.asarray(gain_db)))


def send_response(samples: Float, sample_rate: int, deviation_db: Sequence[float] | None = None) -> Float:
    """A telephone hand-set's microphone and its line.

    Parameters
    ----------
    deviation_db : what this hand-set differs by at each of `SEND_HZ`.
    """
    gains = np.asarray(SEND_DB) + (0.0 if deviation_db is None else np.asarray(deviation_db))
    hz, gains = np.r_[_LOWEST_HZ, SEND_HZ, 5000.0], np.r_[_FLOOR_DB, gains, _FLOOR_DB]
    return shape(samples, sample_rate, hz.tolist(), gains.tolist())


def microphone(
    samples: Float,
    sample_rate: int,
    *,
    low_hz: float,
    high_hz: float,
    tilt_db_per_octave: float = 0.0,
    resonance_hz: float = 1000.0,
    resonance_db: float = 0.0,
    resonance_octaves: float = 0.5,
) -> Float:
    """A cheap microphone: a band, a spectral tilt about 1 kHz, and one resonance of its case.

    Edges fall by 24 dB an octave below ``low_hz`` and 48 dB above ``high_hz``.

    Parameters
    ----------
    resonance_octaves : standard deviation of the peak over log2 frequency.
    """
    octaves = np.log2(_spectrum_hz(samples, sample_rate))
    gain_db = tilt_db_per_octave * (octaves - np.log2(1000.0))
    gain_db += resonance_db * np.exp(-0.5 * ((octaves - np.log2(resonance_hz)) / resonance_octaves) ** 2)
    gain_db -= 24.0 * np.maximum(np.log2(low_hz) - octaves, 0.0) + 48.0 * np.maximum(octaves - np.log2(high_hz), 0.0)
    return _filtered(samples, sample_rate, gain_db)


def _padded_length(samples: Float, sample_rate: int) -> int:
    return fast_length(len(samples) + round(_PAD_S * sample_rate))


def _spectrum_hz(samples: Float, sample_rate: int) -> Wide:
    return np.maximum(np.fft.rfftfreq(_padded_length(samples, sample_rate), 1.0 / sample_rate), _LOWEST_HZ)


def _filtered(samples: Float, sample_rate: int, gain_db: Wide) -> Float:
    length = _padded_length(samples, sample_rate)
    spectrum = np.fft.rfft(samples, length) * 10.0 ** (np.maximum(gain_db, _FLOOR_DB) / 20.0)
    return np.fft.irfft(spectrum, length)[: len(samples)].astype(np.float32)
