"""Copies through WORLD, a signal vocoder of pitch, spectral envelope and aperiodicity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.errors import SynthesisError
from workbench.synth.engine import Speech

Float = NDArray[np.float32]
Array = NDArray[np.float64]

_PERIOD_MS = 5.0


class World:
    """M. Morise et al., WORLD, IEICE Transactions E99-D, 2016; by pyworld."""

    def copy(self, samples: Float, sample_rate: int, rng: np.random.Generator) -> Speech:
        """See `CopyEngine`: half of the envelopes pass through 24 to 60 coefficients, as acoustic models give them."""
        import pyworld

        wave = samples.astype(np.float64)
        f0, time = (pyworld.harvest if rng.random() < 0.3 else pyworld.dio)(wave, sample_rate, frame_period=_PERIOD_MS)
        f0 = pyworld.stonemask(wave, f0, time, sample_rate)
        if not np.any(f0 > 0):
            raise SynthesisError("WORLD finds no voiced speech in the clip")
        envelope = pyworld.cheaptrick(wave, f0, time, sample_rate)
        aperiodicity = pyworld.d4c(wave, f0, time, sample_rate)
        size = pyworld.get_cheaptrick_fft_size(sample_rate)
        if rng.random() < 0.5:
            coded = pyworld.code_spectral_envelope(envelope, sample_rate, int(rng.integers(24, 61)))
            envelope = pyworld.decode_spectral_envelope(coded, sample_rate, size)
        if rng.random() < 0.5:
            aperiodicity = np.clip(aperiodicity ** rng.uniform(0.6, 1.6), 0.0, 1.0)
        if rng.random() < 0.5:
            f0 = smooth_pitch(f0, rng.uniform(0.0, 4.0), rng.uniform(0.6, 1.0))
        made = pyworld.synthesize(f0, envelope, np.ascontiguousarray(aperiodicity), sample_rate, _PERIOD_MS)
        return Speech(made.astype(np.float32), sample_rate)


def smooth_pitch(f0: Array, sd: float, range_factor: float) -> Array:
    """Blur a pitch track over ``sd`` frames, voiced frames alone, and narrow its range about the mean logarithm.

    ``f0`` in Hz, 0 where unvoiced [shape=(n_frames,)].
    """
    from scipy.ndimage import gaussian_filter1d

    voiced = f0 > 0
    if not voiced.any():
        return f0
    log_f0 = np.log(np.where(voiced, f0, 1.0))
    mean = log_f0[voiced].mean()
    weight = gaussian_filter1d(voiced.astype(np.float64), sd) if sd > 0 else voiced.astype(np.float64)
    total = gaussian_filter1d(np.where(voiced, log_f0 - mean, 0.0), sd) if sd > 0 else log_f0 - mean
    narrowed = np.exp(mean + range_factor * total / np.maximum(weight, 1e-6))
    return np.where(voiced, narrowed, 0.0)
