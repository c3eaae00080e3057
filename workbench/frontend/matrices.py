"""Mel filters, windows and DFT matrices of the front end, made in NumPy; the graph multiplies by them.

Letters: T frames, W window, N n_fft, M mel bands.

The graph needs a DFT that is small on disk and fast on every runtime: TFLite's RFFT2D runs outside the optimised
delegate, and a full DFT matrix is half a megabyte. So the DFT is split once, N = P * Q (Cooley and Tukey, 1965):
with n = P q + p and k = k2 + Q k1,

    X[k] = sum_p exp(-2 pi i p k / N) * ( sum_q x[P q + p] exp(-2 pi i q k2 / Q) )

The inner sum is one matrix for all p, the outer one a matrix for each k2. Real input needs k2 = 0 .. Q/2 only: the
other bins are mirror images.

A window longer than N, of W' samples, needs no other code: with q up to W'/P the inner sum folds the window onto N
samples, which keeps the bins of N with the selectivity of W'. The power may have such a window of its own, where the
partials of a voice stand apart; the phase has the shorter one, which follows them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.contract import FrontEndSpec, SpeechSpec

Float = NDArray[np.float32]


@dataclass(frozen=True)
class FrontEndMatrices:
    """What the graph multiplies by.

    Attributes
    ----------
    phases : P, the number of interleaved sub-sequences that a frame is read as.
    window : [shape=(W/P, P)]
        The analysis window, in the order q, p: that of time.
    inner : [shape=(2 K, W/P)]
        Inner DFT; rows are k2 = 0 .. K-1 with K = Q/2 + 1, the real parts of all, then the imaginary ones.
    outer : [shape=(K, 2 P, 2 P)]
        Outer DFT with its twiddle factors: rows are the P real, then the P imaginary parts of the inner sums; columns
        the P real, then the P imaginary parts of bins k2 + Q k1.
    mel : [shape=(K * P, M + 1)]
        Mel filters over power in the order k2, k1; the last column sums the power of the speech band.
    phase_mel : [shape=(K * P, phase bands)]
        Mel filters of unit sum, in the same order.
    power_window, power_inner : [shape=(W'/P, P)], [shape=(2 K, W'/P)]
        As ``window`` and ``inner``, for the power; the same where it has no window of its own.
    turn : [shape=(K * P, 4)]
        What turns cross spectra back, in the same order: real part of them to the real and to the imaginary part of
        the result, then imaginary part to both. A mirrored bin gives what its original would. No rows without phase.
    brief : [shape=(brief_window, 2 * brief_bands)]
        Window and DFT of the 4 ms spectrum in one: the real parts of its bins above 0 Hz, then the imaginary ones.
    """

    phases: int
    window: Float
    inner: Float
    outer: Float
    mel: Float
    phase_mel: Float
    turn: Float
    power_window: Float
    power_inner: Float
    brief: Float


def choose_phases(spec: FrontEndSpec) -> int:
    """The P with the fewest multiplications a window, among those that divide both the step and n_fft.

    Raises
    ------
    ValueError
        No such P leaves an even Q: n_fft is odd.
    """
    candidates = [p for p in range(1, spec.step + 1) if spec.step % p == 0 and spec.n_fft % (2 * p) == 0]
    if not candidates:
        raise ValueError(f"n_fft must be even; got {spec.n_fft}")

    def multiplications(phases: int) -> int:
        inner_bins = spec.n_fft // phases // 2 + 1
        return spec.window * 2 * inner_bins + inner_bins * (2 * phases) ** 2

    return min(candidates, key=multiplications)


def build_matrices(spec: FrontEndSpec, speech: SpeechSpec) -> FrontEndMatrices:
    """Make the matrices of ``spec``; see `FrontEndMatrices`."""
    phases = choose_phases(spec)
    q_length = spec.n_fft // phases
    k2, k1, p = np.arange(q_length // 2 + 1), np.arange(phases), np.arange(phases)
    longest = max(spec.window, spec.power_window) // phases
    angle = -2.0 * np.pi * np.outer(k2, np.arange(longest)) / q_length
    inner = np.concatenate([np.cos(angle), np.sin(angle)]).astype(np.float32)
    bins = k2[:, None] + q_length * k1[None, :]
    twiddle = -2.0 * np.pi * p[None, :, None] * bins[:, None, :] / spec.n_fft
    real, imaginary = np.cos(twiddle), np.sin(twiddle)
    from_real = np.concatenate([real, imaginary], axis=-1)
    from_imaginary = np.concatenate([-imaginary, real], axis=-1)
    outer = np.concatenate([from_real, from_imaginary], axis=1)
    return FrontEndMatrices(
        phases=phases,
        window=analysis_window(spec, spec.window).reshape(-1, phases).astype(np.float32),
        inner=inner[:, : spec.window // phases],
        outer=outer.astype(np.float32),
        mel=_in_split_order(level_and_mel_filters(spec, speech), bins, spec.n_fft).astype(np.float32),
        phase_mel=_in_split_order(phase_filters(spec), bins, spec.n_fft).astype(np.float32),
        turn=_turn(spec, bins.ravel()).astype(np.float32),
        power_window=analysis_window(spec, power_window(spec)).reshape(-1, phases).astype(np.float32),
        power_inner=inner[:, : power_window(spec) // phases],
        brief=_brief(spec).astype(np.float32),
    )


def _brief(spec: FrontEndSpec) -> NDArray[np.float64]:
    length = spec.brief_window
    if not length:
        return np.zeros((0, 0))
    angle = 2.0 * np.pi * np.outer(np.arange(length), np.arange(1, length // 2 + 1)) / length
    both = np.concatenate([np.cos(angle), -np.sin(angle)], axis=1)
    return np.asarray(analysis_window(spec, length)[:, None] * both)


def _turn(spec: FrontEndSpec, bins: NDArray[np.int_]) -> NDArray[np.float64]:
    """See `FrontEndMatrices.turn`; ``bins`` [shape=(n_bins,)] in the order of the split DFT."""
    bins = bins if spec.phase_advance else bins[:0]
    angle = 2.0 * np.pi * bins * spec.phase_advance / spec.n_fft
    # A mirrored bin holds the conjugate: its angle has turned its sign already, the result's imaginary part has not.
    sign = np.where(bins > spec.n_fft // 2, -1.0, 1.0)
    return np.stack([np.cos(angle), -sign * np.sin(angle), np.sin(angle), sign * np.cos(angle)], axis=1)


def _in_split_order(bands: NDArray[np.float64], bins: NDArray[np.int_], n_fft: int) -> NDArray[np.float64]:
    """Rows of ``bands`` in the order of the split DFT; a bin that comes twice (as its mirror) counts once."""
    mirrored = np.minimum(bins, n_fft - bins).ravel()
    rows = bands[mirrored]
    first = np.zeros(len(mirrored), dtype=bool)
    first[np.unique(mirrored, return_index=True)[1]] = True
    return np.where(first[:, None], rows, 0.0)


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
    """Samples of the window of the power."""
    return spec.power_window or spec.window


def analysis_window(spec: FrontEndSpec, length: int) -> NDArray[np.float64]:
    """Hann window [shape=(length,)] with the gain of ``spec``."""
    window = hann(length)
    return window / window.sum() if spec.unit_gain else window


def phase_filters(spec: FrontEndSpec) -> NDArray[np.float64]:
    """Mel filters of unit sum over the bins' phase advance [shape=(n_fft/2 + 1, phase bands)]."""
    if not spec.phase_advance:
        return np.zeros((spec.n_fft // 2 + 1, 0))
    filters = mel_filters(spec, spec.phase_bands)
    return np.asarray(filters / filters.sum(axis=0))


def level_and_mel_filters(spec: FrontEndSpec, speech: SpeechSpec) -> NDArray[np.float64]:
    """Mel filters, and a last column that sums the power of the speech band [shape=(n_fft/2 + 1, n_mels + 1)]."""
    hz = np.arange(spec.n_fft // 2 + 1) * spec.sample_rate / spec.n_fft
    in_band = ((hz >= speech.low_hz) & (hz <= speech.high_hz)).astype(np.float64)
    # The speech level is in dB re full scale whatever the features' gain.
    gain = 1.0 if spec.unit_gain else 1.0 / hann(power_window(spec)).sum() ** 2
    return np.concatenate([mel_filters(spec), gain * in_band[:, None]], axis=1)
