"""Telling narrow-band recordings from wide-band ones by the statistics themselves, without labels.

In a telephone call the filters that look at the upper bands hardly answer. What of a voice can be told there, and how
much a given answer means, differs so much from wide-band speech that one linear head for both is worse at either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.config import ExperimentConfig

Float = NDArray[np.float32]

_BINS = 200
_SOFTNESS = 0.5
"""Width of the passage between the heads, in distances between the two groups' means."""


@dataclass(frozen=True)
class Gate:
    """``clip(statistics @ weights + bias, 0, 1)``: 0 for wide bands, 1 for narrow ones."""

    weights: Float
    bias: float

    def __call__(self, statistics: Float) -> Float:
        return np.clip(statistics @ self.weights + np.float32(self.bias), 0.0, 1.0).astype(np.float32)


def upper_power(config: ExperimentConfig) -> NDArray[np.bool_]:
    """Which statistics are means of filters on power in the upper half of the regions [shape=(S,)]."""
    model = config.model
    power = model.power_filters(config.frontend)
    marked = np.zeros(len(model.statistics) * model.patch_filters * model.patch_regions, bool)
    marked[(model.patch_regions + 1) // 2 * power : model.patch_regions * power] = True
    return marked


def fit_gate(statistics: Float, upper: NDArray[np.bool_]) -> Gate:
    """Split ``statistics`` [shape=(n, S)] in two by the mean of those marked ``upper`` [shape=(S,)].

    The bound is Otsu's (1979): it leaves the least variance inside the two groups.
    """
    if not upper.any():
        # A single region has no upper half: everything counts as wide.
        return Gate(np.zeros(len(upper), np.float32), 0.0)
    level = statistics[:, upper].mean(axis=1, dtype=np.float64)
    bound = otsu(level)
    below, above = level[level <= bound], level[level > bound]
    distance = (above.mean() - below.mean()) if below.size and above.size else 1.0
    width = max(_SOFTNESS * distance, 1e-6)
    weights = np.where(upper, -1.0 / (width * upper.sum()), 0.0)
    return Gate(weights.astype(np.float32), float(bound / width + 0.5))


def otsu(values: NDArray[np.float64]) -> float:
    """The bound between two groups of ``values`` [shape=(n,)] with the least variance inside them."""
    counts, edges = np.histogram(values, _BINS)
    centres = 0.5 * (edges[1:] + edges[:-1])
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = below[-1] + counts[-1] - below
    sums = np.cumsum(counts * centres)[:-1]
    total = float((counts * centres).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.nan_to_num(below * above * (sums / below - (total - sums) / above) ** 2)
    # Empty bins between two far groups do as well as each other: their middle is as far from both.
    best = np.flatnonzero(between >= between.max() * (1.0 - 1e-9))
    return float(edges[1 + int(best[len(best) // 2])])
