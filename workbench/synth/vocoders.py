"""Copy engines of signal processing: WORLD, Griffin-Lim, PSOLA, and copies of one band alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.errors import SynthesisError
from workbench.synth.engine import CopyEngine, Speech
from workbench.synth.matching import cross_over

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


_PITCH_HZ = (60.0, 500.0)


class Psola:
    """E. Moulines, F. Charpentier, Pitch-synchronous waveform processing techniques, 1990; by Praat."""

    def copy(self, samples: Float, sample_rate: int, rng: np.random.Generator) -> Speech:
        """See `CopyEngine`: pitch 1 to 4 semitones off, or its range a third less; sometimes 0.8 to 1.25 the pace."""
        import parselmouth
        from parselmouth.praat import call

        sound = parselmouth.Sound(samples.astype(np.float64), sampling_frequency=sample_rate)
        manipulation = call(sound, "To Manipulation", 0.01, *_PITCH_HZ)
        tier = call(manipulation, "Extract pitch tier")
        if rng.random() < 0.3:
            # Narrows the range about 150 Hz by a third; the mean is set back by what follows.
            call(tier, "Formula", "exp(ln(150) + 0.67 * (ln(self) - ln(150)))")
        else:
            semitones = rng.uniform(1.0, 4.0) * rng.choice([-1, 1])
            call(tier, "Multiply frequencies", 0.0, sound.duration, 2.0 ** (semitones / 12.0))
        call([tier, manipulation], "Replace pitch tier")
        stretch = float(rng.uniform(0.8, 1.25)) if rng.random() < 0.25 else 1.0
        if stretch != 1.0:
            durations = call("Create DurationTier", "pace", 0.0, sound.duration)
            call(durations, "Add point", 0.0, stretch)
            call([durations, manipulation], "Replace duration tier")
        made = call(manipulation, "Get resynthesis (overlap-add)")
        return Speech(made.values[0].astype(np.float32), sample_rate, aligned=stretch == 1.0)


class PartialBand:
    """Puts a copy and its original together at a frequency drawn between 1 and 4 kHz."""

    def __init__(self, whole: CopyEngine) -> None:
        """``whole`` makes copies of the whole spectrum that keep the original's time."""
        self._whole = whole

    def copy(self, samples: Float, sample_rate: int, rng: np.random.Generator) -> Speech:
        """See `CopyEngine`: ``high band`` is vocoded above the frequency, ``low band`` below it."""
        made = self._whole.copy(samples, sample_rate, rng)
        copy = np.pad(made.samples, (0, max(0, len(samples) - len(made.samples))))[: len(samples)]
        cutoff_hz = float(np.exp(rng.uniform(np.log(1000.0), np.log(4000.0))))
        if rng.random() < 0.5:
            return Speech(
                cross_over(samples, copy, cutoff_hz, sample_rate), sample_rate, "high band", True, made.reach_hz
            )
        return Speech(cross_over(copy, samples, cutoff_hz, sample_rate), sample_rate, "low band")
