"""The mel spectrogram that HiFi-GAN was trained on, and what acoustic models do to such a spectrogram."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

RATE = 22050
"""Hz."""
N_FFT = 1024
HOP = 256
N_MELS = 80
MAX_HZ = 8000.0
_LOG_FLOOR = 1e-5


def log_mel(samples: Float) -> Float:
    """Natural logarithm of 80 Slaney mels of the magnitude spectrum [shape=(n_mels, n_frames)], frames of ``HOP``.

    ``samples`` are at 22.05 kHz [shape=(n,)]; frame t is centred on sample ``HOP * (t + 0.5)``.

    Source: J. Kong et al., HiFi-GAN, NeurIPS 2020, configuration V1 (no centring, mirrored by (n_fft - hop) / 2).
    """
    from librosa.filters import mel

    edge = (N_FFT - HOP) // 2
    padded = np.pad(samples, (edge, edge + HOP), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP][: -(-len(samples) // HOP)]
    # The periodic window, as torch.stft is given by the authors.
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    magnitude = np.abs(np.fft.rfft(frames * window, axis=1))
    filters = mel(sr=RATE, n_fft=N_FFT, n_mels=N_MELS, fmin=0.0, fmax=MAX_HZ)
    return np.log(np.maximum(_LOG_FLOOR, filters @ magnitude.T)).astype(np.float32)


def smooth(mel: Float, time_sd: float, frequency_sd: float) -> Float:
    """Blur by a Gaussian of so many frames and mels, as acoustic models average over what they cannot know."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(mel, (frequency_sd, time_sd), mode="nearest").astype(np.float32)


def roughen(mel: Float, noise_sd: float, step: float, rng: np.random.Generator) -> Float:
    """Add noise of ``noise_sd`` nepers and round to multiples of ``step`` nepers, as codes of speech tokens do."""
    noisy = mel + noise_sd * rng.standard_normal(mel.shape)
    return np.maximum(np.rint(noisy / step) * step, np.log(_LOG_FLOOR)).astype(np.float32)


def stretch(mel: Float, factor: float) -> Float:
    """Interpolate to ``factor`` times as many frames; pitch and formants stay."""
    count = mel.shape[1]
    wanted = np.linspace(0.0, count - 1.0, max(2, round(count * factor)))
    below = np.minimum(wanted.astype(int), count - 2)
    weight = (wanted - below).astype(np.float32)
    return mel[:, below] * (1.0 - weight) + mel[:, below + 1] * weight


def flatten_energy(mel: Float, amount: float) -> Float:
    """Draw the loudness of each frame above the quietest quarter towards the mean, by ``amount`` from 0 to 1."""
    loudness = mel.mean(axis=0)
    speech = loudness > np.quantile(loudness, 0.25)
    change = np.where(speech, amount * (loudness[speech].mean() - loudness) if speech.any() else 0.0, 0.0)
    return (mel + smooth(change[None], 2.0, 0.0)).astype(np.float32)
