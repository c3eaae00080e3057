"""Confidence intervals of detection metrics by the bootstrap, over sources and the clips in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_TRIES = 50


@dataclass(frozen=True)
class Interval:
    """A figure and its confidence interval; all three in the figure's own unit."""

    value: float
    low: float
    high: float


def bootstrap_interval(
    statistic: Callable[[Array, Array], float],
    bonafide: ArrayLike,
    spoof: ArrayLike,
    rng: np.random.Generator,
    *,
    n: int = 1000,
    level: float = 0.95,
    groups: tuple[Sequence[str], Sequence[str]] | None = None,
) -> Interval:
    """Percentile bootstrap of ``statistic(bonafide, spoof)`` (Efron and Tibshirani 1993, chapter 13).

    Parameters
    ----------
    bonafide, spoof : [shape=(n,)], values of the two classes.
    groups : the source of each bona fide and each spoof value. Clips of one source share its recording conditions
        and are not independent, so whole sources are drawn, and the clips of each drawn source once more.

    Raises
    ------
    ValueError
        A class is empty, a group is missing, or hardly any resample holds both classes.
    """
    target, other = np.asarray(bonafide, np.float64).ravel(), np.asarray(spoof, np.float64).ravel()
    if not (target.size and other.size):
        raise ValueError(f"need values of both classes; got {target.size} bona fide and {other.size} spoof")
    if groups is not None and (len(groups[0]), len(groups[1])) != (target.size, other.size):
        raise ValueError(
            f"need the source of every value: {target.size} bona fide and {other.size} spoof; "
            f"got {len(groups[0])} and {len(groups[1])}"
        )
    resample = _by_clip(target, other) if groups is None else _by_source(target, other, groups)
    figures = np.sort([statistic(*resample(rng)) for _ in range(n)])
    low, high = np.quantile(figures, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(statistic(target, other)), float(low), float(high))


def _by_clip(target: Array, other: Array) -> Callable[[np.random.Generator], tuple[Array, Array]]:
    def resample(rng: np.random.Generator) -> tuple[Array, Array]:
        return rng.choice(target, target.size), rng.choice(other, other.size)

    return resample


def _by_source(
    target: Array, other: Array, groups: tuple[Sequence[str], Sequence[str]]
) -> Callable[[np.random.Generator], tuple[Array, Array]]:
    names = sorted({*groups[0], *groups[1]})
    of_target, of_other = np.asarray(groups[0]), np.asarray(groups[1])
    parts = [(target[of_target == name], other[of_other == name]) for name in names]

    def resample(rng: np.random.Generator) -> tuple[Array, Array]:
        # A draw of few sources may miss a class altogether: it says nothing of how the two compare.
        for _ in range(_TRIES):
            drawn = [parts[index] for index in rng.integers(len(parts), size=len(parts))]
            sides = [np.concatenate([rng.choice(part[side], part[side].size) for part in drawn]) for side in (0, 1)]
            if sides[0].size and sides[1].size:
                return sides[0], sides[1]
        raise ValueError(f"{_TRIES} draws of {len(parts)} sources held one class only; give more sources")

    return resample
