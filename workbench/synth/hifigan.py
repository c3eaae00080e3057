"""Copies through HiFi-GAN, a neural vocoder: plain, from smoothed spectrograms, and at shifted rates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.errors import SynthesisError
from workbench.synth import mel as mels
from workbench.synth.engine import Speech
from workbench.synth.onnx import open_graph
from workbench.synth.resample import change_length

Float = NDArray[np.float32]

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
        if len(samples) < mels.N_FFT:
            raise SynthesisError(f"HiFi-GAN needs {mels.N_FFT} samples; the clip has {len(samples)}")
        variant = VARIANTS[rng.choice(len(VARIANTS), p=_SHARES)] if self._variant is None else self._variant
        shift = stretch = 1.0
        if variant == "shifted":
            shift, stretch = _draw_shift(rng)
        # Heard at another rate, the vocoder's own traces lie at other frequencies; the voice comes back unchanged.
        inside = change_length(samples, round(len(samples) * mels.RATE / sample_rate * shift))
        mel = mels.log_mel(inside)
        if variant == "smoothed":
            mel = _like_an_acoustic_model(mel, rng)
        mel = mels.stretch(mel, stretch) if stretch != 1.0 else mel
        made = self._session.run(None, {"mel": mel[None]})[0].reshape(-1)
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
        return mels.smooth(mel, *rng.uniform(0.5, 2.0, 2) * ((1, 1), (1, 0), (0, 1))[rng.integers(3)])
    if choice < 0.85:
        return mels.roughen(mel, rng.uniform(0.05, 0.25), rng.uniform(0.1, 0.6), rng)
    return mels.flatten_energy(mels.smooth(mel, 0.5, 0.5), rng.uniform(0.2, 0.6))
