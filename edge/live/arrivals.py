"""What really arrived of a stream: which samples were lost, which are exactly zero, how loud the rest is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge.sources.events import Float, Mask


@dataclass(frozen=True)
class Arrived:
    """One chunk of the model, seen in the samples that the source gave.

    Attributes
    ----------
    lost_share : share of the samples that did not arrive, in [0, 1].
    all_zero : every sample arrived and is exactly zero.
    broken : an unknown amount of audio is missing somewhere inside.
    level_db : RMS of what arrived in dB of full scale (amplitude 1); minus infinity for zeros or nothing.
    """

    lost_share: float
    all_zero: bool
    broken: bool
    level_db: float


class Arrivals:
    """Keeps the source's samples until the model's chunk that they went into is known.

    A chunk's bounds at the model's rate are taken back to the source's rate in proportion; the resampler keeps time.
    """

    def __init__(self, source_rate: int, model_rate: int) -> None:
        self._source_rate, self._model_rate = source_rate, model_rate
        self._samples: list[Float] = []
        self._lost: list[Mask] = []
        self._breaks: list[int] = []
        self._begin = self._end = 0

    def add(self, samples: Float, lost: Mask | None, *, broken: bool = False) -> None:
        """Take the next samples [shape=(n,)], their lost mask, and whether audio is missing before the first."""
        if broken:
            self._breaks.append(self._end)
        self._samples.append(samples)
        self._lost.append(np.zeros(len(samples), np.bool_) if lost is None else lost)
        self._end += len(samples)

    def take(self, end: int) -> Arrived:
        """Return what arrived from the last call's end to ``end``, in samples of the model, and forget it."""
        bound = min(self._end, self._in_source(end))
        samples, lost = np.concatenate(self._samples), np.concatenate(self._lost)
        count = bound - self._begin
        found = self._describe(samples[:count], lost[:count], bound)
        self._samples, self._lost = [samples[count:]], [lost[count:]]
        self._breaks = [position for position in self._breaks if position >= bound]
        self._begin = bound
        return found

    def _describe(self, samples: Float, lost: Mask, bound: int) -> Arrived:
        missing = int(np.count_nonzero(lost))
        # Lost samples are zeros, so they add nothing to the energy.
        energy = float(np.dot(samples, samples))
        arrived = len(samples) - missing
        return Arrived(
            lost_share=missing / len(samples) if len(samples) else 0.0,
            all_zero=missing == 0 and len(samples) > 0 and not samples.any(),
            broken=any(position < bound for position in self._breaks),
            level_db=10.0 * math.log10(energy / arrived) if arrived and energy else -math.inf,
        )

    def _in_source(self, position: int) -> int:
        return (position * self._source_rate + self._model_rate // 2) // self._model_rate
