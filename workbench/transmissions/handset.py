"""Microphones and hand-sets as frequency responses; all filters are zero-phase, so nothing moves in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.transmissions.convolution import fast_length

Float = NDArray[np.float32]

SEND_HZ = (100.0, 200.0, 300.0, 500.0, 1000.0, 2000.0, 3000.0, 3400.0, 4000.0)
SEND_DB = (-45.0, -19.0, -11.0, -7.0, -4.0, 0.0, 2.0, -6.0, -40.0)
"""A hand-set's sending response in the shape of the intermediate reference system (ITU-T P.48), rounded."""
_LOWEST_HZ = 20.0
_FLOOR_DB = -90.0
_PAD_S = 0.05
"""Longer than these filters ring, so that the end of a clip does not leak into its beginning."""


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


def _spectrum_hz(samples: Float, sample_rate: int) -> NDArray[np.float64]:
    return np.maximum(np.fft.rfftfreq(_padded_length(samples, sample_rate), 1.0 / sample_rate), _LOWEST_HZ)


def _filtered(samples: Float, sample_rate: int, gain_db: NDArray[np.float64]) -> Float:
    length = _padded_length(samples, sample_rate)
    spectrum = np.fft.rfft(samples, length) * 10.0 ** (np.maximum(gain_db, _FLOOR_DB) / 20.0)
    return np.fft.irfft(spectrum, length)[: len(samples)].astype(np.float32)
