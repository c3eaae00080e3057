"""Copies through a mel spectrogram whose phases are guessed by iteration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.errors import SynthesisError
from workbench.synth.engine import Speech

Float = NDArray[np.float32]

_WINDOWS = (512, 1024, 2048)
_MAX_MELS = {512: 64, 1024: 100, 2048: 128}
"""More would leave the lowest filters without a bin."""
_REACH = 0.95


class GriffinLim:
    """D. W. Griffin, J. S. Lim, Signal estimation from modified short-time Fourier transform, 1984; by librosa."""

    def copy(self, samples: Float, sample_rate: int, rng: np.random.Generator) -> Speech:
        """See `CopyEngine`: 40 to 128 mels, windows of 512 to 2,048 samples, 8 to 60 iterations."""
        import librosa
        from librosa.filters import mel

        n_fft = int(rng.choice(_WINDOWS))
        if len(samples) < n_fft:
            raise SynthesisError(f"Griffin-Lim needs {n_fft} samples; the clip has {len(samples)}")
        hop = n_fft // int(rng.choice([4, 8]))
        n_mels = int(rng.integers(40, _MAX_MELS[n_fft] + 1))
        filters = mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels)
        magnitude = np.abs(librosa.stft(samples, n_fft=n_fft, hop_length=hop))
        inverse = np.maximum(np.linalg.pinv(filters) @ (filters @ magnitude), 0.0)
        made = librosa.griffinlim(
            inverse,
            n_iter=int(rng.integers(8, 61)),
            hop_length=hop,
            n_fft=n_fft,
            length=len(samples),
            momentum=float(rng.choice([0.0, 0.99])),
            random_state=int(rng.integers(2**31)),
        )
        return Speech(made.astype(np.float32), sample_rate, reach_hz=_REACH * sample_rate / 2)
