"""The mel front end in NumPy: the reference of what a model's graph computes by `workbench.frontend.matrices`.

Letters: T frames, N n_fft.

Phase. With S[k] of a window and S'[k] of the one ``a`` samples before, the cross spectrum S[k] conj(S'[k]) turned back
by the advance 2 pi k a / N of the bin's centre points to how far the frequency that rules the bin lies off the centre
(Flanagan and Golden 1966). Summed over the windows of a hop and divided by the sum of its magnitudes it is a number in
the unit disc: long where the bin holds one steady partial, short where it holds noise or partials that beat. A gain or
a fixed filter leaves it as it is, down to a floor. A band has the mean over its bins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.contract import FrontEndSpec, SpeechSpec
from workbench.frontend.matrices import analysis_window, level_and_mel_filters, phase_filters, power_window
from workbench.frontend.speech_activity import speech_peaks

Float = NDArray[np.float32]

POWER_FLOOR = 1e-12
"""Keeps the level of digital silence finite: -120 dB."""


def frame(samples: Float, window: int, step: int) -> Float:
    """Cut ``samples`` [shape=(n,)] into overlapping windows, one every ``step`` [shape=(n_windows, window)]."""
    return np.lib.stride_tricks.sliding_window_view(samples, window)[::step]


def features(samples: Float, spec: FrontEndSpec, speech: SpeechSpec) -> tuple[Float, Float]:
    """Compute the features of a clip.

    Parameters
    ----------
    samples : [shape=(n,), range -1 to 1]
        At ``spec.sample_rate``, after the ``spec.overlap`` samples before the clip: zeros, as a stream starts.
    spec, speech
        Numbers of the front end, and the band of the speech level.

    Returns
    -------
    features : [shape=(T, n_features)], T = (n - overlap) // hop
        The log power of every band; with phase, of every phase band the two parts of `phase_advance`, in [-1, 1]; the
        4 ms spectrum, one step of the hop after the other.
    level_db : [shape=(T,)]
        Level of the speech band in dB re full scale, for `workbench.frontend.speech_activity.speech_mask`.
    """
    bands, level_db = mel_power(samples, spec, speech)
    scaled = scale_power(bands, spec)
    if spec.phase_advance:
        often = spectra(samples[spec.overlap - spec.window :], spec, spec.window, spec.step)
        advance = phase_advance(often, spec, phase_floor(level_db, spec, speech))
        parts = np.stack([advance.real, advance.imag], axis=-1).reshape(len(advance), -1)
        scaled = np.concatenate([scaled, parts], axis=1)
    if spec.brief_window:
        brief = scale_power(brief_power(samples, spec), spec).reshape(len(scaled), -1)
        scaled = np.concatenate([scaled, brief], axis=1)
    return scaled.astype(np.float32), level_db.astype(np.float32)


def scale_power(power: NDArray[np.float64], spec: FrontEndSpec) -> NDArray[np.float64]:
    """Features of ``power`` [any shape]; see `FrontEndSpec`."""
    logs = np.log(np.maximum(power, spec.log_floor))
    return np.asarray(np.clip(spec.log_gain * logs + spec.log_offset, spec.clip_low, spec.clip_high))


def brief_power(samples: Float, spec: FrontEndSpec) -> NDArray[np.float64]:
    """Power of each bin above 0 Hz in each window of the 4 ms spectrum [shape=(T * brief_rows, brief_bands)].

    ``samples`` as in `features`; the last window of a frame ends with it.
    """
    windows = frame(samples[spec.overlap + spec.brief_step - spec.brief_window :], spec.brief_window, spec.brief_step)
    found = np.fft.rfft(windows * analysis_window(spec, spec.brief_window))[:, 1:]
    return np.asarray(np.abs(found) ** 2)


def mel_power(
    samples: Float, spec: FrontEndSpec, speech: SpeechSpec
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Power of each band [shape=(T, n_mels)] and speech-band level in dB [shape=(T,)]; ``samples`` as in `features`."""
    window = power_window(spec)
    newest = spectra(samples[spec.overlap + spec.hop - window :], spec, window, spec.hop)
    bands = np.abs(newest) ** 2 @ level_and_mel_filters(spec, speech)
    return bands[:, :-1], 10.0 * np.log10(np.maximum(bands[:, -1], POWER_FLOOR))


def spectra(samples: Float, spec: FrontEndSpec, window: int, step: int) -> NDArray[np.complex128]:
    """Spectra of windows of ``samples`` [shape=(n,)], one every ``step`` [shape=(n_windows, n_fft/2 + 1)].

    A ``window`` longer than ``n_fft`` is folded; the phase is that of a window which starts at sample 0.
    """
    frames = frame(samples, window, step) * analysis_window(spec, window)
    padded = np.pad(frames, ((0, 0), (0, -window % spec.n_fft)))
    return np.fft.rfft(padded.reshape(len(frames), -1, spec.n_fft).sum(axis=1))


def phase_floor(level_db: NDArray[np.float64], spec: FrontEndSpec, speech: SpeechSpec) -> NDArray[np.float64]:
    """Power of a bin, summed over a hop's spectra, at which its phase counts for half [shape=(T, 1)].

    ``level_db`` [shape=(T,)]: speech-band level; what it is good for, see ``FrontEndSpec.phase_range_db``.
    """
    if not spec.phase_range_db:
        return np.full((len(level_db), 1), spec.phase_floor)
    return 10.0 ** ((speech_peaks(level_db, spec, speech)[:, None] - spec.phase_range_db) / 10.0)


def phase_advance(
    spectra: NDArray[np.complex128], spec: FrontEndSpec, floor: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Mean phase advance of each phase band [shape=(T, phase bands), in the unit disc] of spectra a step apart.

    ``spectra`` [shape=(1 + T * hop / step, n_fft/2 + 1)], ``floor`` [shape=(T, 1)] of `phase_floor`; see the module's
    text. A bin without power is 0.
    """
    per_frame = spec.hop // spec.step
    count = (len(spectra) - 1) // per_frame
    turn = np.exp(-2j * np.pi * np.arange(spec.n_fft // 2 + 1) * spec.phase_advance / spec.n_fft)
    cross = spectra[1 : 1 + count * per_frame] * np.conj(spectra[: count * per_frame]) * turn
    cross = cross.reshape(count, per_frame, -1)
    advance = cross.sum(axis=1) / (np.abs(cross).sum(axis=1) + floor)
    return np.asarray(advance @ phase_filters(spec))
