"""What a phone does to a voice before it sends it: gain control, clipping and noise suppression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
_Power = NDArray[np.float64]

_BLOCK_S = 0.01
METHODS = ("subtraction", "wiener")
_WINDOW_S = 0.02
_MINIMUM_S = 0.8
"""Longer than a syllable: within it every band is free of speech once."""
_SMOOTHED_FRAMES = 5
_MINIMUM_BIAS = 3.7
"""The minimum of smoothed power lies below its mean by this much, measured on white noise."""
_PRIOR_MEMORY = 0.98
"""Decision-directed weight of the last frame (Ephraim and Malah 1984)."""


def gain_control(
    samples: Float,
    sample_rate: int,
    *,
    target_db: float,
    attack_s: float,
    release_s: float,
    max_gain_db: float = 30.0,
    gate_db: float = -60.0,
) -> Float:
    """Automatic gain control: pull the level of each 10 ms towards ``target_db``.

    Parameters
    ----------
    target_db : RMS, dB re full scale.
    attack_s, release_s : time constants of falling and of rising gain.
    max_gain_db : the gain stays within plus and minus this.
    gate_db : in blocks below it the gain holds, so that pauses are not pumped up.

    Returns
    -------
    samples [shape=(n,)], clipped at full scale, as a converter does
    """
    block = max(round(_BLOCK_S * sample_rate), 1)
    count = -(-len(samples) // block)
    if count == 0:
        return samples.copy()
    power = np.mean(np.pad(samples, (0, count * block - len(samples))).reshape(count, block).astype(np.float64) ** 2, 1)
    level_db = 10.0 * np.log10(power + 1e-12)
    wanted_db = np.clip(target_db - level_db, -max_gain_db, max_gain_db)
    fall, rise = (1.0 - np.exp(-_BLOCK_S / seconds) for seconds in (attack_s, release_s))
    loud = np.flatnonzero(level_db >= gate_db)
    # A device has been running before the clip begins: it starts at the gain of the first speech.
    gain_db = float(wanted_db[loud[0]]) if len(loud) else 0.0
    gains_db = np.empty(count)
    for index in range(count):
        if level_db[index] >= gate_db:
            step_db = float(wanted_db[index]) - gain_db
            gain_db += (fall if step_db < 0.0 else rise) * step_db
        gains_db[index] = gain_db
    smooth_db = np.interp(np.arange(len(samples)), (np.arange(count) + 0.5) * block, gains_db)
    return np.clip(samples * 10.0 ** (smooth_db / 20.0), -1.0, 1.0).astype(np.float32)


def clip_share(samples: Float, share: float, *, soft: bool = False) -> Float:
    """Clip so that ``share`` of the samples [shape=(n,)] lies at or beyond the limit; the limit keeps its level.

    Parameters
    ----------
    share : 0 to 1.
    soft : bend smoothly by tanh instead of cutting flat, as an overdriven amplifier does.
    """
    if len(samples) == 0:
        return samples.copy()
    limit = float(np.quantile(np.abs(samples), 1.0 - share))
    if limit == 0.0:
        return samples.copy()
    clipped = limit * np.tanh(samples / limit) if soft else np.clip(samples, -limit, limit)
    return clipped.astype(np.float32)


def suppress_noise(samples: Float, sample_rate: int, *, method: str, floor_db: float, excess: float = 1.0) -> Float:
    """Take away stationary noise, estimated by minimum statistics (after Martin 2001).

    Parameters
    ----------
    samples : [shape=(n,)]
    method : ``subtraction`` of power spectra (Berouti et al. 1979), which leaves the more musical noise, or
        ``wiener`` with a decision-directed estimate of the signal-to-noise ratio.
    floor_db : the least gain, at most 0.
    excess : how many times the noise is subtracted.

    Returns
    -------
    samples [shape=(n,)], aligned with the input
    """
    if method not in METHODS:
        raise ValueError(f"method is one of {METHODS}; got {method!r}")
    hop = max(round(_WINDOW_S * sample_rate / 2.0), 1)
    window = np.sqrt(0.5 - 0.5 * np.cos(np.pi * np.arange(2 * hop) / hop))
    frames = -(-len(samples) // hop) + 1
    padded = np.pad(samples.astype(np.float64), (hop, (frames + 1) * hop - len(samples) - hop))
    spectra = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop] * window)
    power = np.abs(spectra) ** 2
    noise = excess * _noise_power(power, round(_MINIMUM_S * sample_rate / hop)) + 1e-12
    gain = _subtraction_gain(power, noise) if method == "subtraction" else _wiener_gain(power, noise)
    pieces = np.fft.irfft(spectra * np.maximum(gain, 10.0 ** (floor_db / 20.0)), 2 * hop) * window
    joined = pieces[:-1, hop:] + pieces[1:, :hop]
    return joined.ravel()[: len(samples)].astype(np.float32)


def _noise_power(power: _Power, memory: int) -> _Power:
    """Power of the noise [frames, bins]: the least smoothed power within ``memory`` frames around each."""
    sums = np.cumsum(np.pad(power, ((_SMOOTHED_FRAMES, 0), (0, 0)), mode="edge"), axis=0)
    smooth = (sums[_SMOOTHED_FRAMES:] - sums[:-_SMOOTHED_FRAMES]) / _SMOOTHED_FRAMES
    around = np.pad(
        smooth, ((memory // 2, memory - 1 - memory // 2), (0, 0)), mode="reflect" if len(power) > memory else "edge"
    )
    least: _Power = np.lib.stride_tricks.sliding_window_view(around, memory, axis=0).min(axis=-1)
    return _MINIMUM_BIAS * least


def _subtraction_gain(power: _Power, noise: _Power) -> _Power:
    gain: _Power = np.sqrt(np.maximum(1.0 - noise / (power + 1e-12), 0.0))
    return gain


def _wiener_gain(power: _Power, noise: _Power) -> _Power:
    posterior = power / noise
    gain = np.empty_like(power)
    clean = np.maximum(posterior[0] - 1.0, 0.0)
    for index, ratio in enumerate(posterior):
        prior = _PRIOR_MEMORY * clean + (1.0 - _PRIOR_MEMORY) * np.maximum(ratio - 1.0, 0.0)
        gain[index] = prior / (1.0 + prior)
        clean = gain[index] ** 2 * ratio
    return gain
