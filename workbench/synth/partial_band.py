"""Copies of which only a part of the spectrum went through a vocoder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.synth.engine import CopyEngine, Speech
from workbench.synth.matching import cross_over

Float = NDArray[np.float32]


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
