"""A linear head by weighted ridge regression, with what differs between recording conditions taken out.

Clips are weighed so that a source or a class counts for little more because it has more clips, and an attack of a
source for nothing more. The statistics of a source that holds both classes are read from the middle between its two
class means: only what tells bona fide from spoof *inside* a source is left to fit (fixed effects of the source, as
regressions on panel data have them).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Array = NDArray[np.float64]

_LARGEST_COUNT = 100
"""From this many clips on, a class of a source weighs no more."""
_COUNT_POWER = 0.75
"""Below that, n clips weigh as n to this power: between counting sources alike (0) and clips alike (1)."""


@dataclass(frozen=True)
class LinearHead:
    """``evidence = statistics @ weights + bias``."""

    weights: Float
    bias: float

    def __call__(self, statistics: Float) -> Float:
        return (statistics @ self.weights + np.float32(self.bias)).astype(np.float32)


@dataclass(frozen=True)
class WeightedRows:
    """What a regression is fitted to, a row a clip: ``values`` [shape=(n, S)] and ``target`` [shape=(n,)].

    Both carry the root of the clip's weight; ``values`` are the statistics less ``mean``, over ``deviation``, less the
    middle of their source, which over all sources is ``centre`` [shape=(S,)].
    """

    values: Float
    target: Array
    mean: Array
    deviation: Array
    centre: Array


@dataclass(frozen=True)
class Problem:
    """The normal equations of one training set, ready to be solved for any penalty."""

    gram: Array
    moment: Array
    mean: Array
    deviation: Array
    centre: Array
    """Of the standardised statistics, the middle between the classes: where the evidence is 0."""

    def against(self, differences: Float, weight: float) -> Problem:
        """The same problem with a penalty on answering to ``differences`` [shape=(n, S)], in mean eigenvalues.

        They are what something of no interest, such as a telephone, did to the statistics of single clips: the head is
        to be deaf to it (within-class covariance normalisation with channels for classes: Hatch et al. 2006).
        """
        scaled = (differences / self.deviation).astype(np.float32)
        moved = (scaled.T @ scaled).astype(np.float64)
        return replace(self, gram=self.gram + weight * np.trace(self.gram) / np.trace(moved) * moved)

    def solve(self, penalty: float) -> LinearHead:
        """Head for ``penalty`` > 0, in units of the mean eigenvalue."""
        size = len(self.moment)
        solution = np.linalg.solve(self.gram + penalty * np.trace(self.gram) / size * np.eye(size), self.moment)
        weights = solution / self.deviation
        bias = -float(self.mean @ weights) - float(self.centre @ solution)
        return LinearHead(weights.astype(np.float32), bias)


def pose(
    statistics: Float,
    bonafide: NDArray[np.bool_],
    sources: Sequence[str],
    attacks: Sequence[str] | None = None,
) -> Problem:
    """Set up the regression of the class (1 bona fide, -1 spoof) on ``statistics`` [shape=(n, S)].

    ``bonafide`` [shape=(n,)]; ``sources`` names each clip's recording conditions; ``attacks`` [shape=(n,)] says which
    spoof clips of a source share a weight.

    Raises
    ------
    ValueError
        A class is missing.
    """
    rows = weigh_rows(statistics, bonafide, sources, attacks)
    return Problem(
        gram=(rows.values.T @ rows.values).astype(np.float64),
        moment=rows.values.T.astype(np.float64) @ rows.target,
        mean=rows.mean,
        deviation=rows.deviation,
        centre=rows.centre,
    )


def weigh_rows(
    statistics: Float,
    bonafide: NDArray[np.bool_],
    sources: Sequence[str],
    attacks: Sequence[str] | None = None,
) -> WeightedRows:
    """The rows behind `pose`, whose arguments these are.

    Raises
    ------
    ValueError
        A class is missing.
    """
    if bonafide.all() or not bonafide.any():
        raise ValueError("the head needs clips of both classes")
    mean = statistics.mean(axis=0, dtype=np.float64)
    deviation = statistics.std(axis=0, dtype=np.float64) + 1e-3
    rows = ((statistics - mean) / deviation).astype(np.float32)
    weights = np.ones(len(rows))
    middles = []
    for members in _groups(sources):
        classes = [members[bonafide[members]], members[~bonafide[members]]]
        for clips in classes:
            weights[clips] = _shares(clips, attacks) * min(len(clips), _LARGEST_COUNT) ** _COUNT_POWER
        if len(classes[0]) and len(classes[1]):
            middle = 0.5 * (rows[classes[0]].mean(axis=0) + rows[classes[1]].mean(axis=0))
            rows[members] -= middle
            middles.append(middle)
    for chosen in (bonafide, ~bonafide):
        weights[chosen] *= 0.5 / weights[chosen].sum()
    target = np.where(bonafide, 1.0, -1.0) * np.sqrt(weights)
    return WeightedRows(
        values=rows * np.sqrt(weights)[:, None].astype(np.float32),
        target=np.asarray(target, dtype=np.float64),
        mean=mean,
        deviation=deviation,
        centre=np.mean(middles, axis=0, dtype=np.float64) if middles else np.zeros(rows.shape[1]),
    )


def _shares(clips: NDArray[np.int_], attacks: Sequence[str] | None) -> Array:
    """Of one class of a source: every attack the same in all, and every clip of an attack. Bona fide names none."""
    names = np.array(["" if attacks is None else attacks[clip] for clip in clips])
    _, place, counts = np.unique(names, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / (len(counts) * counts[place])) if len(clips) else np.zeros(0)


def _groups(sources: Sequence[str]) -> Iterator[NDArray[np.int_]]:
    names = np.array(sources)
    for name in np.unique(names):
        yield np.flatnonzero(names == name)
