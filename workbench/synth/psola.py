"""Copies of changed pitch or pace by overlap-add of pitch periods."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.synth.engine import Speech

Float = NDArray[np.float32]

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
