"""Confidence intervals of detection metrics by the bootstrap, over sources and the clips in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Counts = NDArray[np.uint16]
Statistic = Callable[[Counts, Counts], Array]
"""From how often each bona fide and each spoof clip was drawn [shape=(n_resamples, n)] to a figure a resample."""

_TRIES = 50
_BATCH_VALUES = 2_000_000
"""Clips times resamples that are held at once: some 100 MB with what a statistic makes of them."""


@dataclass(frozen=True)
class Interval:
    """A figure and its confidence interval; all three in the figure's own unit."""

    value: float
    low: float
    high: float


def percentile_interval(value: float, figures: ArrayLike, level: float = 0.95) -> Interval:
    """The percentile interval of resampled ``figures`` [shape=(n,)] (Efron and Tibshirani 1993, chapter 13)."""
    low, high = np.quantile(np.asarray(figures, np.float64), [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(value), float(low), float(high))


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
    """Percentile bootstrap of ``statistic(bonafide, spoof)``, one resample at a time; see `resampled_figures`.

    Parameters
    ----------
    bonafide, spoof : [shape=(n,)], values of the two classes.
    groups : the source of each bona fide and each spoof value; None draws clips alone.

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

    def each(of_target: Counts, of_other: Counts) -> Array:
        pairs = zip(of_target, of_other, strict=True)
        return np.array([statistic(np.repeat(target, left), np.repeat(other, right)) for left, right in pairs])

    drawn = _by_clip(target.size, other.size) if groups is None else _by_source(groups, need_both=True)
    figures = _figures({"it": each}, drawn, rng, n, target.size + other.size)["it"]
    return percentile_interval(statistic(target, other), figures, level)


def resampled_figures(
    statistics: Mapping[str, Statistic],
    groups: tuple[Sequence[str], Sequence[str]],
    rng: np.random.Generator,
    *,
    n: int = 1000,
) -> dict[str, Array]:
    """Figures of each statistic [shape=(n,)], all of them on the same resamples.

    Clips of one source share its recording conditions and are not independent, so whole sources are drawn, and the
    clips of each drawn source once more.

    Parameters
    ----------
    groups : the source of each bona fide and each spoof clip; one side may be empty.

    Raises
    ------
    ValueError
        No clips, or hardly any resample holds both classes where both are given.
    """
    size = len(groups[0]) + len(groups[1])
    if not size:
        raise ValueError("no clips to resample")
    drawn = _by_source(groups, need_both=bool(groups[0]) and bool(groups[1]))
    return _figures(statistics, drawn, rng, n, size)


def _figures(
    statistics: Mapping[str, Statistic],
    draw: Callable[[np.random.Generator], tuple[Counts, Counts]],
    rng: np.random.Generator,
    n: int,
    size: int,
) -> dict[str, Array]:
    parts: dict[str, list[Array]] = {name: [] for name in statistics}
    for count in _batches(n, max(1, _BATCH_VALUES // size)):
        draws = [draw(rng) for _ in range(count)]
        sides = np.stack([left for left, _ in draws]), np.stack([right for _, right in draws])
        for name, statistic in statistics.items():
            parts[name].append(np.asarray(statistic(*sides), np.float64))
    return {name: np.concatenate(found) for name, found in parts.items()}


def _batches(n: int, most: int) -> Iterator[int]:
    for start in range(0, n, most):
        yield min(most, n - start)


def _by_clip(targets: int, others: int) -> Callable[[np.random.Generator], tuple[Counts, Counts]]:
    def draw(rng: np.random.Generator) -> tuple[Counts, Counts]:
        left, right = (rng.integers(0, size, size=size) for size in (targets, others))
        return _count(left, targets), _count(right, others)

    return draw


def _by_source(
    groups: tuple[Sequence[str], Sequence[str]], *, need_both: bool
) -> Callable[[np.random.Generator], tuple[Counts, Counts]]:
    names = sorted({*groups[0], *groups[1]})
    position = {name: index for index, name in enumerate(names)}
    members: tuple[list[list[int]], list[list[int]]] = ([[] for _ in names], [[] for _ in names])
    for side in (0, 1):
        for index, name in enumerate(groups[side]):
            members[side][position[name]].append(index)
    parts = [tuple(np.array(members[side][index], np.intp) for side in (0, 1)) for index in range(len(names))]

    def draw(rng: np.random.Generator) -> tuple[Counts, Counts]:
        # A draw of few sources may miss a class altogether: it says nothing of how the two compare.
        for _ in range(_TRIES):
            drawn = [parts[index] for index in rng.integers(len(parts), size=len(parts))]
            sides = [
                [
                    part[side][rng.integers(0, part[side].size, size=part[side].size)]
                    for part in drawn
                    if part[side].size
                ]
                for side in (0, 1)
            ]
            if (sides[0] and sides[1]) or (not need_both and (sides[0] or sides[1])):
                left, right = (np.concatenate(side) if side else np.zeros(0, np.intp) for side in sides)
                return _count(left, len(groups[0])), _count(right, len(groups[1]))
        raise ValueError(f"{_TRIES} draws of {len(parts)} sources held one class only; give more sources")

    return draw


def _count(drawn: NDArray[np.intp], size: int) -> Counts:
    return np.bincount(drawn, minlength=size).astype(np.uint16)
