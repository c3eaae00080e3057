"""The mel scale, its filters over the bins of a spectrum, and the analysis windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.contract import FrontEndSpec, SpeechSpec


def hann(window: int) -> NDArray[np.float64]:
    """Symmetric Hann window [shape=(window,)] without its zero end points: ``sin²(pi (n + 1/2) / W)``."""
    return np.sin(np.pi * (np.arange(window) + 0.5) / window) ** 2


def hz_to_mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Slaney's mel scale (Auditory Toolbox, 1998): linear to 1 kHz, logarithmic above."""
    hz = np.asarray(hz, dtype=np.float64)
    linear = hz * 3.0 / 200.0
    logarithmic = 15.0 + np.log(np.maximum(hz, 1.0) / 1000.0) * 27.0 / np.log(6.4)
    return np.where(hz < 1000.0, linear, logarithmic)


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `hz_to_mel`."""
    return np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp((mel - 15.0) * np.log(6.4) / 27.0))


def band_edges_hz(spec: FrontEndSpec, bands: int | None = None) -> NDArray[np.float64]:
    """Lower edge, centre and upper edge of band m are entries m, m + 1 and m + 2 [shape=(bands + 2,)].

    ``bands``: how many; None for the ``n_mels`` of the power.
    """
    count = spec.n_mels if bands is None else bands
    if spec.mel_break_hz is None:
        return mel_to_hz(np.linspace(hz_to_mel(spec.fmin_hz), hz_to_mel(spec.fmax_hz), count + 2))
    low, high = np.log1p(np.array([spec.fmin_hz, spec.fmax_hz]) / spec.mel_break_hz)
    return spec.mel_break_hz * np.expm1(np.linspace(low, high, count + 2))


def mel_filters(spec: FrontEndSpec, bands: int | None = None) -> NDArray[np.float64]:
    """Triangular filters [shape=(n_fft/2 + 1, bands)] of equal area (Slaney's normalisation); see `band_edges_hz`.

    Raises
    ------
    ValueError
        A band so narrow that no bin falls into it: it would be constant and carry nothing.
    """
    edges = band_edges_hz(spec, bands)
    bins = np.arange(spec.n_fft // 2 + 1)[:, None] * spec.sample_rate / spec.n_fft
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (edges[2:] - edges[:-2])
    empty = np.flatnonzero(filters.sum(axis=0) == 0)
    if empty.size:
        raise ValueError(
            f"{empty.size} of {len(edges) - 2} mel bands (first: band {empty[0]}) hold no bin of n_fft {spec.n_fft}; "
            "use fewer bands, a higher fmin_hz or mel_break_hz, or a longer n_fft"
        )
    return filters


def power_window(spec: FrontEndSpec) -> int:
    return spec.power_window or spec.window


def analysis_window(spec: FrontEndSpec, length: int) -> NDArray[np.float64]:
    window = hann(length)
    return window / window.sum() if spec.unit_gain else window


def phase_filters(spec: FrontEndSpec) -> NDArray[np.float64]:
    """Mel filters of unit sum over the bins' phase advance [shape=(n_fft/2 + 1, phase bands)]."""
    if not spec.phase_advance:
        return np.zeros((spec.n_fft // 2 + 1, 0))
    filters = mel_filters(spec, spec.phase_bands)
    return np.asarray(filters / filters.sum(axis=0))


def level_and_mel_filters(spec: FrontEndSpec, speech: SpeechSpec) -> NDArray[np.float64]:
    hz = np.arange(spec.n_fft // 2 + 1) * spec.sample_rate / spec.n_fft
    in_band = ((hz >= speech.low_hz) & (hz <= speech.high_hz)).astype(np.float64)
    # The speech level is in dB re full scale whatever the features' gain.
    gain = 1.0 if spec.unit_gain else 1.0 / hann(power_window(spec)).sum() ** 2
    return np.concatenate([mel_filters(spec), gain * in_band[:, None]], axis=1)
