"""Detection metrics of many resamples at once: scores sorted a single time, each resample a row of counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.evaluate.intervals import Counts, Statistic

Array = NDArray[np.float64]


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
