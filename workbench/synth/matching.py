"""Match a copy to its original in everything but the voice: band, level, polarity, noise floor, pauses, word length.

What a vocoder does to speech must be the only difference between copy and original, since a detector uses the easiest
cue there is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.synth.engine import Speech

Float = NDArray[np.float32]
Array = NDArray[np.float64]

_EDGE = 1600
"""Samples of mirrored signal on both sides, which keep the transform's wrap-around out of the clip."""


def change_length(samples: Float, length: int) -> Float:
    """Resample ``samples`` [shape=(n,)] to ``length`` samples of the same duration, by the Fourier transform.

    A resampler with a transition band cuts the highest twelfth of the spectrum at each passage, and a copy that was
    resampled where its original was not would be recognisable by that alone. Here everything below the lower of the two
    Nyquist frequencies passes unchanged.
    """
    count = len(samples)
    # The mirrored edges must come to whole samples at the new rate, or the clip would move against its original.
    edges = np.arange(min(_EDGE // 2, count - 1), min(_EDGE, count - 1) + 1)
    new_edges = edges * (length / count)
    edge = int(edges[np.argmin(np.abs(new_edges - np.rint(new_edges)))])
    new_edge = round(edge * length / count)
    padded = np.pad(samples.astype(np.float64), edge, mode="reflect")
    total = length + 2 * new_edge
    spectrum = np.fft.rfft(padded)
    kept = np.zeros(total // 2 + 1, np.complex128)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    result = np.fft.irfft(kept, total) * (total / len(padded))
    return result[new_edge : new_edge + length].astype(np.float32)


_WINDOW_S = 0.032
_SMOOTHING_HZ = 150.0
_SPEECH_RANGE_DB = 40.0
_BAND_FLOOR = 1e-6
"""Power density re the strongest: speech weaker than this is not there."""
_OVER_FLOOR = 4.0
_FLOOR_QUANTILE = 0.1
_FLOOR_BIAS = 0.105
"""The 10 % quantile of the power of Gaussian noise, re its mean."""
_MAX_EQUALISER_DB = 6.0
_FADE_S = 0.02
_MARGIN_S = 0.06
_FULL_SCALE = 32768
_MAX_PEAK = 0.99
_FOLLOWS = 0.3
"""Correlation above which a copy follows its original's wave form, and thereby its polarity."""


def match(speech: Speech, original: Float, rng: np.random.Generator) -> Float:
    """Bring a copy to the recording conditions of ``original`` [shape=(m,), range -1 to 1], at the copy's rate.

    What the vocoder cannot make (above its reach) and what is no speech (before, after and, in half of the clips,
    within it) comes from the original. In another half, broad differences of colour go too, up to 6 dB, so that only
    fine structure is left.

    Returns
    -------
    Samples on the original's 16-bit grid [shape=(m,) where the copy is aligned, else its own length].
    """
    copy, rate = speech.samples, speech.sample_rate
    equalise, pauses = rng.random(2) < 0.5
    if speech.aligned:
        copy = np.pad(copy, (0, max(0, len(original) - len(copy))))[: len(original)]
        copy = copy * np.float32(_polarity(copy, original))
        if speech.reach_hz < rate / 2:
            copy = cross_over(copy, original, speech.reach_hz, rate)
    target = _Spectra.of(original, rate)
    copy = _filter(copy, _gain(target, _Spectra.of(copy, rate), bool(equalise)))
    copy = copy * np.float32(_speech_rms(original, rate) / max(_speech_rms(copy, rate), 1e-9))
    copy = copy + _missing_floor(target, _Spectra.of(copy, rate), len(copy), rng)
    if speech.aligned:
        weight = _speech_weight(original, rate, within=bool(pauses))
        copy = (weight * copy + (1.0 - weight) * original).astype(np.float32)
    return on_grid(copy, grid_step(original))


def _polarity(copy: Float, original: Float) -> float:
    """Return -1 where the copy leans to the other side than its original, else 1: polarity is the microphone's."""
    correlation = float(np.vdot(copy, original)) / max(float(np.linalg.norm(copy) * np.linalg.norm(original)), 1e-9)
    if correlation > _FOLLOWS:
        return 1.0
    return 1.0 if float(np.mean(copy**3)) * float(np.mean(original**3)) >= 0 else -1.0


def cross_over(low: Float, high: Float, cutoff_hz: float, sample_rate: int) -> Float:
    """Join ``low`` below ``cutoff_hz`` and ``high`` above it [shape=(n,) each], over a tenth of the frequency."""
    hz = np.fft.rfftfreq(len(low), 1.0 / sample_rate)
    share = np.clip((hz / cutoff_hz - 0.95) / 0.1, 0.0, 1.0)
    joined = np.fft.rfft(low) * (1.0 - share) + np.fft.rfft(high) * share
    return np.fft.irfft(joined, len(low)).astype(np.float32)


def grid_step(samples: Float) -> int:
    """Find the largest power of two that divides all samples as 16-bit integers, the trace of a shorter word length."""
    values = np.rint(samples.astype(np.float64) * _FULL_SCALE).astype(np.int64)
    divisor = int(np.gcd.reduce(values)) if values.any() else 1
    # A few loud, round values can share a larger divisor by chance only in a clip of a few samples.
    return min(divisor & -divisor, 256)


def speech_frames(samples: Float, sample_rate: int) -> NDArray[np.bool_]:
    """Mark the frames of 32 ms, hop 16 ms, within 40 dB of the loudest [shape=(n_frames,)]."""
    power = _frames(samples, sample_rate).var(axis=1)
    return power > max(float(power.max()) * 10 ** (-_SPEECH_RANGE_DB / 10), 1e-12)


class _Spectra:
    """Power by frequency of a clip: over its speech, and of the floor below it [shape=(n_bins,) each]."""

    def __init__(self, speech: Array, floor: Array, hz: Array) -> None:
        self.speech, self.floor, self.hz = speech, floor, hz

    @classmethod
    def of(cls, samples: Float, sample_rate: int) -> _Spectra:
        frames = _frames(samples, sample_rate)
        power = np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]), axis=1)) ** 2
        loud = speech_frames(samples, sample_rate)
        hz = np.fft.rfftfreq(frames.shape[1], 1.0 / sample_rate).astype(np.float64)
        width = max(1, round(_SMOOTHING_HZ / hz[1]))
        floor = np.quantile(power, _FLOOR_QUANTILE, axis=0) / _FLOOR_BIAS
        return cls(_smooth(power[loud].mean(axis=0) if loud.any() else power.mean(axis=0), width), floor, hz)

    def band(self) -> NDArray[np.bool_]:
        """Mark the frequencies from the lowest to the highest at which speech exceeds the floor."""
        floor = np.minimum(self.floor, self.speech)
        audible = np.flatnonzero((self.speech > _OVER_FLOOR * floor) & (self.speech > _BAND_FLOOR * self.speech.max()))
        inside = np.zeros(len(self.hz), bool)
        if len(audible):
            inside[audible[0] : audible[-1] + 1] = True
        return inside


def _gain(target: _Spectra, found: _Spectra, equalise: bool) -> Array:
    ratio = np.sqrt((target.speech + 1e-20) / (found.speech + 1e-20))
    # What is common to all frequencies is level, and is matched over speech in time.
    band = target.band()
    ratio /= float(np.exp(np.mean(np.log(ratio[band])))) if band.any() else 1.0
    limit = 10 ** (_MAX_EQUALISER_DB / 20) if equalise else 1.0
    return np.where(band, np.clip(ratio, 1.0 / limit, limit), np.minimum(ratio, 1.0))


def _filter(samples: Float, gain: Array) -> Float:
    spectrum = np.fft.rfft(samples)
    position = np.linspace(0.0, len(gain) - 1.0, len(spectrum))
    return np.fft.irfft(spectrum * np.interp(position, np.arange(len(gain)), gain), len(samples)).astype(np.float32)


def _missing_floor(target: _Spectra, found: _Spectra, length: int, rng: np.random.Generator) -> Float:
    # Where speech never pauses the quantile is speech; a floor within 20 dB of it is not to be trusted.
    wanted = np.minimum(target.floor, target.speech * 0.01)
    power = np.clip(wanted - found.floor, 0.0, None)
    # |FFT|² of windowed noise of unit variance is the window's energy.
    window = len(target.hz) * 2 - 2
    gain = np.sqrt(power / float(np.sum(np.hanning(window) ** 2)))
    return _filter(rng.standard_normal(length).astype(np.float32), gain)


def _speech_weight(original: Float, sample_rate: int, within: bool) -> Array:
    """1 in speech and the 60 ms around it, 0 in silence, with ramps; without ``within`` from first to last speech."""
    loud = np.flatnonzero(speech_frames(original, sample_rate))
    if not len(loud):
        return np.ones(len(original))
    hop, fade = round(_WINDOW_S * sample_rate) // 2, round(_FADE_S * sample_rate)
    margin = round(_MARGIN_S * sample_rate)
    time = np.arange(len(original))
    runs = np.split(loud, np.flatnonzero(np.diff(loud) > 1) + 1) if within else [loud]
    weight = np.zeros(len(original))
    for run in runs:
        first, last = run[0] * hop - margin, (run[-1] + 2) * hop + margin
        weight = np.maximum(weight, np.clip(np.minimum((time - first) / fade, (last - time) / fade), 0.0, 1.0))
    return weight


def on_grid(samples: Float, step: int) -> Float:
    """Round to multiples of ``step`` in 16 bits, turned down if need be to a peak of 0.99 [shape=(n,)]."""
    top = (_FULL_SCALE - 1) // step
    # A copy of more peaked wave form than its original is turned down rather than clipped.
    scale = min(1.0, _MAX_PEAK / max(float(np.abs(samples).max(initial=0.0)), 1e-9))
    whole = np.rint(samples.astype(np.float64) * (scale * _FULL_SCALE / step))
    return (np.clip(whole, -top, top) * (step / _FULL_SCALE)).astype(np.float32)


def _speech_rms(samples: Float, sample_rate: int) -> float:
    frames = _frames(samples, sample_rate)
    loud = speech_frames(samples, sample_rate)
    return float(np.sqrt(np.mean((frames[loud] if loud.any() else frames) ** 2)))


def _frames(samples: Float, sample_rate: int) -> Array:
    window = round(_WINDOW_S * sample_rate) // 2 * 2
    padded = np.pad(samples.astype(np.float64), (0, max(0, window - len(samples))))
    return np.lib.stride_tricks.sliding_window_view(padded, window)[:: window // 2]


def _smooth(power: Array, width: int) -> Array:
    kernel = np.ones(width) / width
    return np.convolve(np.pad(power, width, mode="edge"), kernel, mode="same")[width:-width]
