"""The mel front end, defined once: matrices that the graph multiplies by, and a NumPy reference of the whole.

Letters: T frames, W window, N n_fft, M mel bands.

The graph needs a DFT that is small on disk and fast on every runtime: TFLite's RFFT2D runs outside the optimised
delegate, and a full DFT matrix is half a megabyte. So the DFT is split once, N = P * Q (Cooley and Tukey, 1965):
with n = P q + p and k = k2 + Q k1,

    X[k] = sum_p exp(-2 pi i p k / N) * ( sum_q x[P q + p] exp(-2 pi i q k2 / Q) )

The inner sum is one matrix for all p, the outer one a matrix for each k2. Real input needs k2 = 0 .. Q/2 only: the
other bins are mirror images.

Phase. With S[k] of a window and S'[k] of the one ``a`` samples before, the cross spectrum S[k] conj(S'[k]) turned back
by the advance 2 pi k a / N of the bin's centre points to how far the frequency that rules the bin lies off the centre
(Flanagan and Golden 1966). Summed over the windows of a hop and divided by the sum of its magnitudes it is a number in
the unit disc: long where the bin holds one steady partial, short where it holds noise or partials that beat. A gain or
a fixed filter leaves it as it is, down to a floor. A band has the mean over its bins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.contract import FrontEndSpec, SpeechSpec

Float = NDArray[np.float32]

POWER_FLOOR = 1e-12
"""Keeps the level of digital silence finite: -120 dB."""
MEAN_PRIOR_FRAMES = 2.0
"""Frames of zeros that every running mean starts from, so that the first frame does not cancel itself."""


@dataclass(frozen=True)
class FrontEndMatrices:
    """What the graph multiplies by.

    Attributes
    ----------
    phases : P, the number of interleaved sub-sequences that a frame is read as.
    window : [shape=(P, W/P)]
        The analysis window, in the order p, q.
    inner : [shape=(W/P, 2 K)]
        Inner DFT; columns are k2 = 0 .. K-1 with K = Q/2 + 1, each real then imaginary.
    outer : [shape=(K, 2 P, 2 P)]
        Outer DFT with its twiddle factors: rows are p, each real then imaginary; columns the P real, then the P
        imaginary parts of bins k2 + Q k1.
    mel : [shape=(K * P, M + 1)]
        Mel filters over power in the order k2, k1; the last column sums the power of the speech band.
    turn : [shape=(K * P, 4)]
        What turns cross spectra back, in the same order: real part of them to the real and to the imaginary part of
        the result, then imaginary part to both. A mirrored bin gives what its original would. No rows without phase.
    """

    phases: int
    window: Float
    inner: Float
    outer: Float
    mel: Float
    turn: Float


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


def band_edges_hz(spec: FrontEndSpec) -> NDArray[np.float64]:
    """Lower edge, centre and upper edge of band m are entries m, m + 1 and m + 2 [shape=(n_mels + 2,)]."""
    if spec.mel_break_hz is None:
        return mel_to_hz(np.linspace(hz_to_mel(spec.fmin_hz), hz_to_mel(spec.fmax_hz), spec.n_mels + 2))
    low, high = np.log1p(np.array([spec.fmin_hz, spec.fmax_hz]) / spec.mel_break_hz)
    return spec.mel_break_hz * np.expm1(np.linspace(low, high, spec.n_mels + 2))


def mel_filters(spec: FrontEndSpec) -> NDArray[np.float64]:
    """Triangular filters [shape=(n_fft/2 + 1, n_mels)] of equal area (Slaney's normalisation).

    Raises
    ------
    ValueError
        A band so narrow that no bin falls into it: it would be constant and carry nothing.
    """
    edges = band_edges_hz(spec)
    bins = np.arange(spec.n_fft // 2 + 1)[:, None] * spec.sample_rate / spec.n_fft
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (edges[2:] - edges[:-2])
    empty = np.flatnonzero(filters.sum(axis=0) == 0)
    if empty.size:
        raise ValueError(
            f"{empty.size} of {spec.n_mels} mel bands (first: band {empty[0]}) hold no bin of n_fft {spec.n_fft}; "
            "use fewer bands, a higher fmin_hz or mel_break_hz, or a longer n_fft"
        )
    return filters


def choose_phases(spec: FrontEndSpec) -> int:
    """The P with the fewest constants to store among those that divide both the step and n_fft.

    The multiplications hardly differ around it (42 thousand a frame for the default against a least of 35).

    Raises
    ------
    ValueError
        No such P leaves an even Q: n_fft is odd.
    """
    candidates = [p for p in range(1, spec.step + 1) if spec.step % p == 0 and spec.n_fft % (2 * p) == 0]
    if not candidates:
        raise ValueError(f"n_fft must be even; got {spec.n_fft}")

    def constants(phases: int) -> int:
        inner_bins = spec.n_fft // phases // 2 + 1
        return spec.window // phases * 2 * inner_bins + inner_bins * (2 * phases) ** 2

    return min(candidates, key=constants)


def build_matrices(spec: FrontEndSpec, speech: SpeechSpec) -> FrontEndMatrices:
    """Make the matrices of ``spec``; see `FrontEndMatrices`."""
    phases = choose_phases(spec)
    q_length = spec.n_fft // phases
    k2, k1, p = np.arange(q_length // 2 + 1), np.arange(phases), np.arange(phases)
    angle = -2.0 * np.pi * np.outer(np.arange(spec.window // phases), k2) / q_length
    inner = np.stack([np.cos(angle), np.sin(angle)], axis=-1).reshape(len(angle), -1)
    bins = k2[:, None] + q_length * k1[None, :]
    twiddle = -2.0 * np.pi * p[None, :, None] * bins[:, None, :] / spec.n_fft
    real, imaginary = np.cos(twiddle), np.sin(twiddle)
    from_real = np.concatenate([real, imaginary], axis=-1)
    from_imaginary = np.concatenate([-imaginary, real], axis=-1)
    outer = np.stack([from_real, from_imaginary], axis=2).reshape(len(k2), 2 * phases, 2 * phases)
    return FrontEndMatrices(
        phases=phases,
        window=_window(spec).reshape(-1, phases).T.astype(np.float32),
        inner=inner.astype(np.float32),
        outer=outer.astype(np.float32),
        mel=_in_split_order(_bands(spec, speech), bins, spec.n_fft).astype(np.float32),
        turn=_turn(spec, bins.ravel()).astype(np.float32),
    )


def _turn(spec: FrontEndSpec, bins: NDArray[np.int_]) -> NDArray[np.float64]:
    """See `FrontEndMatrices.turn`; ``bins`` [shape=(n_bins,)] in the order of the split DFT."""
    bins = bins if spec.phase_advance else bins[:0]
    angle = 2.0 * np.pi * bins * spec.phase_advance / spec.n_fft
    # A mirrored bin holds the conjugate: its angle has turned its sign already, the result's imaginary part has not.
    sign = np.where(bins > spec.n_fft // 2, -1.0, 1.0)
    return np.stack([np.cos(angle), -sign * np.sin(angle), np.sin(angle), sign * np.cos(angle)], axis=1)


def _window(spec: FrontEndSpec) -> NDArray[np.float64]:
    window = hann(spec.window)
    return window / window.sum() if spec.unit_gain else window


def _bands(spec: FrontEndSpec, speech: SpeechSpec) -> NDArray[np.float64]:
    hz = np.arange(spec.n_fft // 2 + 1) * spec.sample_rate / spec.n_fft
    in_band = ((hz >= speech.low_hz) & (hz <= speech.high_hz)).astype(np.float64)
    # The speech level is in dB re full scale whatever the features' gain.
    gain = 1.0 if spec.unit_gain else 1.0 / hann(spec.window).sum() ** 2
    return np.concatenate([mel_filters(spec), gain * in_band[:, None]], axis=1)


def _in_split_order(bands: NDArray[np.float64], bins: NDArray[np.int_], n_fft: int) -> NDArray[np.float64]:
    """Rows of ``bands`` in the order of the split DFT; a bin that comes twice (as its mirror) counts once."""
    mirrored = np.minimum(bins, n_fft - bins).ravel()
    rows = bands[mirrored]
    first = np.zeros(len(mirrored), dtype=bool)
    first[np.unique(mirrored, return_index=True)[1]] = True
    return np.where(first[:, None], rows, 0.0)


def frame(samples: Float, spec: FrontEndSpec) -> Float:
    """Cut ``samples`` [shape=(n,)] into overlapping windows, one every ``spec.step`` [shape=(n_windows, W)]."""
    return np.lib.stride_tricks.sliding_window_view(samples, spec.window)[:: spec.step]


def features(samples: Float, spec: FrontEndSpec, speech: SpeechSpec) -> tuple[Float, Float]:
    """Reference of the front end: features [shape=(T, n_mels * channels)] and speech-band level in dB [shape=(T,)].

    ``samples`` [shape=(n,), range -1 to 1] is taken as it is: a stream prepends ``spec.overlap`` zeros. Of a band, its
    log power comes first, and with phase the two parts of `phase_advance`, in [-1, 1].
    """
    spectra = np.fft.rfft(frame(samples, spec) * _window(spec), spec.n_fft)
    newest = spectra[spec.hop // spec.step :: spec.hop // spec.step] if spec.phase_advance else spectra
    bands = np.abs(newest) ** 2 @ _bands(spec, speech)
    logs = np.log(np.maximum(bands[:, :-1], spec.log_floor))
    level_db = 10.0 * np.log10(np.maximum(bands[:, -1], POWER_FLOOR))
    scaled = np.clip(spec.log_gain * logs + spec.log_offset, spec.clip_low, spec.clip_high)
    if spec.phase_advance:
        advance = phase_advance(spectra, spec)
        scaled = np.stack([scaled, advance.real, advance.imag], axis=-1).reshape(len(scaled), -1)
    return scaled.astype(np.float32), level_db.astype(np.float32)


def phase_advance(spectra: NDArray[np.complex128], spec: FrontEndSpec) -> NDArray[np.complex128]:
    """Mean phase advance of each band [shape=(T, n_mels), in the unit disc] of spectra a step apart.

    ``spectra`` [shape=(1 + T * hop / step, n_fft/2 + 1)]; see the module's text. A bin without power is 0.
    """
    per_frame = spec.hop // spec.step
    count = (len(spectra) - 1) // per_frame
    turn = np.exp(-2j * np.pi * np.arange(spec.n_fft // 2 + 1) * spec.phase_advance / spec.n_fft)
    cross = spectra[1 : 1 + count * per_frame] * np.conj(spectra[: count * per_frame]) * turn
    cross = cross.reshape(count, per_frame, -1)
    filters = mel_filters(spec)
    advance = cross.sum(axis=1) / (np.abs(cross).sum(axis=1) + spec.phase_floor)
    return np.asarray(advance @ (filters / filters.sum(axis=0)))


def speech_mask(level_db: Float, spec: FrontEndSpec, speech: SpeechSpec) -> Float:
    """Reference of the speech measure: weight in [0, 1] of each frame [shape=(T,)], in streaming order."""
    fall = speech.peak_fall_db_per_s / spec.frames_per_s
    rise = speech.noise_rise_db_per_s / spec.frames_per_s
    peak, noise = speech.initial_peak_db, speech.initial_noise_db
    mask = np.zeros(len(level_db), dtype=np.float32)
    for index, level in enumerate(level_db):
        peak = max(float(level), peak - fall)
        noise = min(float(level), noise + rise)
        bound = max(speech.floor_db, peak - speech.range_db, noise + speech.above_noise_db)
        mask[index] = np.clip((level - bound) / speech.ramp_db, 0.0, 1.0)
    return mask


def mean_decay(spec: FrontEndSpec) -> float:
    """Factor a frame by which the sums of the running mean fade."""
    return float(np.exp(-1.0 / (spec.mean_s * spec.frames_per_s)))


def subtract_running_mean(bands: Float, mask: Float, spec: FrontEndSpec) -> Float:
    """Reference of the normalisation: ``bands`` [shape=(T, M)] less their mean over the speech so far.

    ``mask`` [shape=(T,), range 0 to 1] weighs the frames. A gain or a fixed filter moves all frames of a band alike in
    the logarithm, and goes with the mean (cepstral mean subtraction: Atal 1974, here causal and over speech only).
    """
    if not spec.mean_s:
        return bands
    decay, mass = mean_decay(spec), 0.0
    total = np.zeros(bands.shape[1])
    result = np.empty_like(bands)
    for index, (frame_bands, weight) in enumerate(zip(bands, mask, strict=True)):
        mass = decay * mass + float(weight)
        total = decay * total + weight * frame_bands
        result[index] = frame_bands - total / (mass + MEAN_PRIOR_FRAMES)
    return result
