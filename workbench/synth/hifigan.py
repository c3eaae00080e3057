"""Copies through HiFi-GAN, a neural vocoder: plain, from smoothed mel spectrograms, and at shifted rates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.errors import SynthesisError
from workbench.synth.engine import Speech
from workbench.synth.matching import change_length
from workbench.synth.neural import open_graph
from workbench.synth.vocoders import PartialBand

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


def smooth_mel(mel: Float, time_sd: float, frequency_sd: float) -> Float:
    """Blur by a Gaussian of so many frames and mels, as the outputs of acoustic models are blurred."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(mel, (frequency_sd, time_sd), mode="nearest").astype(np.float32)


def roughen(mel: Float, noise_sd: float, step: float, rng: np.random.Generator) -> Float:
    """Add noise of ``noise_sd`` nepers and round to multiples of ``step`` nepers, as codes of speech tokens do."""
    noisy = mel + noise_sd * rng.standard_normal(mel.shape)
    return np.maximum(np.rint(noisy / step) * step, np.log(_LOG_FLOOR)).astype(np.float32)


def stretch_mel(mel: Float, factor: float) -> Float:
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
    return (mel + smooth_mel(change[None], 2.0, 0.0)).astype(np.float32)


MODEL = "hifigan/hifigan.onnx"
VARIANTS = ("", "smoothed", "shifted")
_SHARES = (0.4, 0.35, 0.25)
_REACH_HZ = 7500.0
"""The highest mel peaks at 7.7 kHz and fades to nothing at 8 kHz."""


class HifiGan:
    """J. Kong et al., HiFi-GAN, NeurIPS 2020: its generator V1, trained for French readers, as an ONNX graph."""

    def __init__(self, engines: Path, variant: str | None = None) -> None:
        """``variant`` fixes what is else drawn for each clip."""
        self._session = open_graph(engines / MODEL)
        self._variant = variant

    def copy(self, samples: Float, sample_rate: int, rng: np.random.Generator) -> Speech:
        """See `CopyEngine`; ``smoothed`` blurs, roughens or levels the spectrogram, ``shifted`` moves or bends it."""
        if len(samples) < N_FFT:
            raise SynthesisError(f"HiFi-GAN needs {N_FFT} samples; the clip has {len(samples)}")
        variant = VARIANTS[rng.choice(len(VARIANTS), p=_SHARES)] if self._variant is None else self._variant
        shift = stretch = 1.0
        if variant == "shifted":
            shift, stretch = _draw_shift(rng)
        # At another rate the vocoder's own traces lie at other frequencies; the voice comes back unchanged.
        inside = change_length(samples, round(len(samples) * RATE / sample_rate * shift))
        spectrogram = log_mel(inside)
        if variant == "smoothed":
            spectrogram = _like_an_acoustic_model(spectrogram, rng)
        spectrogram = stretch_mel(spectrogram, stretch) if stretch != 1.0 else spectrogram
        made = self._session.run(None, {"mel": spectrogram[None]})[0].reshape(-1)
        length = round(len(inside) * stretch)
        made = np.pad(made, (0, max(0, length - len(made))))[:length]
        copy = change_length(made, round(len(samples) * stretch))
        return Speech(copy, sample_rate, variant, stretch == 1.0, _REACH_HZ * shift)


def _draw_shift(rng: np.random.Generator) -> tuple[float, float]:
    if rng.random() < 0.3:
        return 1.0, float(rng.uniform(0.85, 1.2))
    return float(rng.uniform(0.88, 1.14)), 1.0


def _like_an_acoustic_model(mel: Float, rng: np.random.Generator) -> Float:
    choice = rng.random()
    if choice < 0.65:
        return smooth_mel(mel, *rng.uniform(0.5, 2.0, 2) * ((1, 1), (1, 0), (0, 1))[rng.integers(3)])
    if choice < 0.85:
        return roughen(mel, rng.uniform(0.05, 0.25), rng.uniform(0.1, 0.6), rng)
    return flatten_energy(smooth_mel(mel, 0.5, 0.5), rng.uniform(0.2, 0.6))


def partial_band(engines: Path) -> PartialBand:
    """Make copies of which HiFi-GAN vocoded one band."""
    return PartialBand(HifiGan(engines, variant=""))
