"""What a stretch of audio is like, measured; pure. Full scale is 1, and 0 dBFS is the level of a constant 1.

Levels are root mean squares about the mean, so that a sound card's offset does not count as a voice. A sine of full
scale has -3 dBFS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.sources.events import Float, Mask

FRAME_S = 0.05
ZERO_RUN_S = 0.01
"""Shorter runs of zeros are crossings and quiet moments in 8 bits; no microphone has as many in a row."""
CLIP_LEVEL = 0.97
"""The largest value of µ-law is 0.980, of A-law 0.984."""
CLIP_RUN = 3
BAND_HZ = 250.0
BAND_RANGE_DB = 55.0
"""Real speech falls by some 40 dB from its strongest bands to those at 8 kHz; what a resampler leaves lies lower."""
_LOWEST_HZ = 100.0
_SPECTRUM_S = 0.032
_LOUD_RANGE_DB = 20.0
_FAINTEST_DBFS = -65.0
"""Below it the steps of 16 bits themselves fill the spectrum within `BAND_RANGE_DB` of a voice."""


@dataclass(frozen=True)
class Signal:
    """The measurements.

    Attributes
    ----------
    duration_s : seconds that were measured.
    rms_dbfs, peak_dbfs : level of all, and of the largest sample; minus infinity for silence.
    loud_dbfs, quiet_dbfs : level that 5 % and 90 % of the frames of 50 ms exceed: the voice, and the room behind it.
    zero_share : share of samples, 0 to 1, within runs of exact zeros of 10 ms and more.
    clipped_share, clipped_runs : share of samples in flat tops at full scale, and how many there are.
    offset : mean of the samples, -1 to 1.
    bandwidth_hz : upper edge of the highest band within 55 dB of the strongest; None where all is too faint.
    """

    duration_s: float
    rms_dbfs: float
    peak_dbfs: float
    loud_dbfs: float
    quiet_dbfs: float
    zero_share: float
    clipped_share: float
    clipped_runs: int
    offset: float
    bandwidth_hz: float | None


def measure(samples: Float, sample_rate: int) -> Signal:
    """Measure samples [shape=(n,), n >= 1, range -1 to 1] at ``sample_rate`` Hz."""
    length = round(FRAME_S * sample_rate)
    whole = len(samples) // length * length
    frames = samples[:whole].reshape(-1, length) if whole else samples[None, :]
    levels = np.sort(frames.std(axis=1, dtype=np.float64))[::-1]
    clipped = flat_tops(samples)
    return Signal(
        duration_s=len(samples) / sample_rate,
        rms_dbfs=dbfs(samples.std(dtype=np.float64)),
        peak_dbfs=dbfs(np.abs(samples).max()),
        loud_dbfs=dbfs(levels[int(0.05 * len(levels))]),
        quiet_dbfs=dbfs(levels[int(0.9 * len(levels))]),
        zero_share=zero_share(samples, round(ZERO_RUN_S * sample_rate)),
        clipped_share=sum(clipped) / len(samples),
        clipped_runs=len(clipped),
        offset=float(samples.mean(dtype=np.float64)),
        bandwidth_hz=bandwidth_hz(samples, sample_rate),
    )


def dbfs(amplitude: float) -> float:
    """Decibels re full scale; minus infinity for 0."""
    return 20.0 * math.log10(amplitude) if amplitude > 0.0 else -math.inf


def zero_share(samples: Float, shortest: int) -> float:
    """Share of the samples that lie in runs of at least ``shortest`` exact zeros."""
    runs = run_lengths(samples == 0.0)
    return float(runs[runs >= max(shortest, 1)].sum() / len(samples))


def flat_tops(samples: Float) -> list[int]:
    """Lengths of the runs of at least `CLIP_RUN` equal samples at `CLIP_LEVEL` and beyond, on either side."""
    loud = np.abs(samples) >= CLIP_LEVEL
    # True where a sample repeats the one before it: a run of k of them is a flat top of k + 1 samples.
    repeats = loud[1:] & (samples[1:] == samples[:-1])
    lengths = run_lengths(repeats) + 1
    return [int(length) for length in lengths[lengths >= CLIP_RUN]]


def run_lengths(mask: Mask) -> NDArray[np.int64]:
    """Lengths of the runs of True [shape=(runs,)]."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return (edges[1::2] - edges[::2]).astype(np.int64)


def bandwidth_hz(samples: Float, sample_rate: int) -> float | None:
    """Upper edge in Hz of what the loud parts hold, in steps of `BAND_HZ`; None where they are too faint."""
    length = round(_SPECTRUM_S * sample_rate)
    whole = len(samples) // length * length
    if not whole:
        return None
    frames = samples[:whole].reshape(-1, length).astype(np.float64)
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = (frames**2).mean(axis=1)
    if dbfs(math.sqrt(power.max())) < _FAINTEST_DBFS:
        return None
    loud = frames[power >= power.max() * 10 ** (-_LOUD_RANGE_DB / 10)]
    spectrum = (np.abs(np.fft.rfft(loud * np.hanning(length), axis=1)) ** 2).mean(axis=0)
    frequencies = np.fft.rfftfreq(length, 1.0 / sample_rate)
    bands = (frequencies // BAND_HZ).astype(np.int64)
    totals = np.bincount(bands, np.where(frequencies < _LOWEST_HZ, 0.0, spectrum))
    highest = int(np.flatnonzero(totals >= totals.max() * 10 ** (-BAND_RANGE_DB / 10))[-1])
    return float(min((highest + 1) * BAND_HZ, sample_rate / 2))


def arrival_rate_hz(times_s: list[float], positions: list[int]) -> float | None:
    """Samples a second at which a source delivers: the slope of a line through the ends of its chunks.

    Parameters
    ----------
    times_s : when each chunk came, seconds of a clock that never runs backwards.
    positions : end of each chunk, samples from the start.

    Returns
    -------
    None for fewer than ten chunks or less than a second, where single delays would decide.
    """
    # What waited in buffers while the source was opened comes at once, and is no pace.
    skipped = len(times_s) // 5
    times, ends = np.array(times_s[skipped:]), np.array(positions[skipped:], np.float64)
    if len(times) < 10 or times[-1] - times[0] < 1.0:
        return None
    centred = times - times.mean()
    return float((centred @ (ends - ends.mean())) / (centred @ centred))
