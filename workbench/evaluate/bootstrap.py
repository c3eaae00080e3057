"""Confidence intervals by the bootstrap, over sources and the clips in them, and metrics of many resamples at once.

Scores are sorted a single time; a resample is a row of counts, how often each clip was drawn.
"""

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
    draw = _by_source(groups, need_both=bool(groups[0]) and bool(groups[1]))
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


class RankedScores:
    """The scores of both classes in order; a resample says how often each was drawn.

    `eer` and `auc` give for counts of one each what `workbench.evaluate.metrics` gives, to the last digit.
    """

    def __init__(self, bonafide: ArrayLike, spoof: ArrayLike) -> None:
        target, other = np.asarray(bonafide, np.float64).ravel(), np.asarray(spoof, np.float64).ravel()
        self._order = np.argsort(target, kind="stable"), np.argsort(other, kind="stable")
        ranked = target[self._order[0]], other[self._order[1]]
        thresholds = np.unique(np.concatenate(ranked))
        self._below = tuple(np.searchsorted(side, thresholds, side="left") for side in ranked)
        self._around = tuple(np.searchsorted(ranked[1], ranked[0], side=side) for side in ("left", "right"))

    def rates(self, of_target: Counts, of_other: Counts) -> tuple[Array, Array]:
        """Miss and false accept rates at every threshold, -inf and +inf included [shape=(n_resamples, n)]."""
        miss = self._share_below(0, of_target)
        return miss, 1.0 - self._share_below(1, of_other)

    def eer(self, of_target: Counts, of_other: Counts) -> Array:
        """Equal error rate of each resample [shape=(n_resamples,)], as a fraction."""
        miss, accept = self.rates(of_target, of_other)
        gap = miss - accept
        after = np.argmax(gap >= 0.0, axis=1)
        before = np.maximum(after - 1, 0)
        rows = np.arange(len(gap))
        span = gap[rows, after] - gap[rows, before]
        share = np.divide(-gap[rows, before], span, out=np.zeros_like(span), where=span != 0.0)
        return miss[rows, before] + share * (miss[rows, after] - miss[rows, before])

    def auc(self, of_target: Counts, of_other: Counts) -> Array:
        """Area under the curve of each resample [shape=(n_resamples,)], as a fraction; ties count half."""
        below = self._cumulated(1, of_other)
        wins = below[:, self._around[0]] + below[:, self._around[1]]
        drawn = of_target[:, self._order[0]].astype(np.float64)
        return (drawn * wins).sum(axis=1) / (2.0 * drawn.sum(axis=1) * below[:, -1])

    def accept_at(self, miss_rates: Array) -> Statistic:
        """A statistic: the false accept rate at each of ``miss_rates`` [shape=(m,)], as [shape=(n_resamples, m)]."""

        def statistic(of_target: Counts, of_other: Counts) -> Array:
            curves = zip(*self.rates(of_target, of_other), strict=True)
            # The highest threshold that still keeps the miss rate: no interpolation, which would promise more.
            return np.stack([accept[np.searchsorted(miss, miss_rates, side="right") - 1] for miss, accept in curves])

        return statistic

    def _cumulated(self, side: int, counts: Counts) -> Array:
        total = np.cumsum(counts[:, self._order[side]], axis=1, dtype=np.float64)
        return np.concatenate([np.zeros((len(total), 1)), total], axis=1)

    def _share_below(self, side: int, counts: Counts) -> Array:
        total = self._cumulated(side, counts)
        share = total[:, self._below[side]] / total[:, -1:]
        edge = np.zeros((len(share), 1))
        return np.concatenate([edge, share, edge + 1.0], axis=1)


def mean_of_bonafide(values: ArrayLike) -> Statistic:
    """A statistic: the mean of ``values`` [shape=(n_bonafide,)] over the bona fide clips drawn; NaN where none is."""
    return lambda of_target, of_other: _mean(values, of_target)


def mean_of_spoof(values: ArrayLike) -> Statistic:
    """A statistic: the mean of ``values`` [shape=(n_spoof,)] over the spoof clips drawn; NaN where none is."""
    return lambda of_target, of_other: _mean(values, of_other)


def mean_of_all(bonafide: ArrayLike, spoof: ArrayLike) -> Statistic:
    """A statistic: the mean of both classes' values over all clips drawn."""
    values = np.concatenate([np.asarray(bonafide, np.float64), np.asarray(spoof, np.float64)])
    return lambda of_target, of_other: _mean(values, np.concatenate([of_target, of_other], axis=1))


def mean_by_class(bonafide: ArrayLike, spoof: ArrayLike) -> Statistic:
    """A statistic: the mean of the two classes' means."""
    return lambda of_target, of_other: 0.5 * (_mean(bonafide, of_target) + _mean(spoof, of_other))


def _mean(values: ArrayLike, counts: Counts) -> Array:
    total = counts.sum(axis=1, dtype=np.float64)
    weighted = counts.astype(np.float64) @ np.asarray(values, np.float64)
    return np.divide(weighted, total, out=np.full_like(total, np.nan), where=total > 0.0)


def resampled_pair(
    sides: Sequence[tuple[ArrayLike, ArrayLike]],
    groups: tuple[Sequence[str], Sequence[str]],
    rng: np.random.Generator,
    *,
    n: int,
) -> tuple[dict[str, float], dict[str, Array]]:
    """EER and AUC of two scorings of the same clips, and of ``n`` resamples that both share.

    Parameters
    ----------
    sides : for each scoring, the scores of the bona fide and of the spoof clips, in one order of clips.
    groups : the source of each bona fide and each spoof clip.

    Returns
    -------
    values, figures : by ``eer 0``, ``auc 0``, ``eer 1`` and ``auc 1``; fractions, figures [shape=(n,)]
    """
    ranked = [RankedScores(*pair) for pair in sides]
    statistics = {f"{what} {i}": getattr(scores, what) for i, scores in enumerate(ranked) for what in ("eer", "auc")}
    once = [np.ones((1, len(side)), np.uint16) for side in groups]
    values = {what: float(statistic(*once)[0]) for what, statistic in statistics.items()}
    return values, resampled_figures(statistics, groups, rng, n=n)
