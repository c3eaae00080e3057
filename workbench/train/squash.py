"""Taming outliers among the statistics, in NumPy: what `workbench.models.heads.CompressionLayer` computes in the graph.

A recording that is odd in a few statistics, by a click or a hum, would otherwise pull a linear head far along them;
and as squares count in what it is fitted to, a few odd clips would bend it for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

_SMALLEST_DEVIATION = 1e-3


@dataclass(frozen=True)
class Compression:
    """``tanh(statistics * scale + shift)``, both [shape=(S,)]."""

    scale: Float
    shift: Float

    def __call__(self, statistics: Float) -> Float:
        """Squashed ``statistics`` [shape=(n, S), range -1 to 1]."""
        return np.tanh(statistics * self.scale + self.shift).astype(np.float32)


def fit_compression(statistics: Float, strength: float) -> Compression:
    """The squash that bends ``statistics`` [shape=(n, S)] at about 1 / ``strength`` deviations from their mean."""
    mean = statistics.mean(axis=0, dtype=np.float64)
    scale = strength / (statistics.std(axis=0, dtype=np.float64) + _SMALLEST_DEVIATION)
    return Compression(scale.astype(np.float32), (-mean * scale).astype(np.float32))
