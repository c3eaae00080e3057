"""Detection metrics. Scores: higher = more bona fide (the target class). All rates are fractions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DetCurve:
    """Error rates at every threshold, ascending; a trial is accepted as bona fide when its score is >= threshold.

    Attributes
    ----------
    thresholds : [shape=(n,)], first -inf, last +inf.
    miss_rate : [shape=(n,)], share of bona fide rejected; in use, a false alarm about a real person.
    false_accept_rate : [shape=(n,)], share of spoof accepted as bona fide.
    """

    thresholds: Array
    miss_rate: Array
    false_accept_rate: Array


def _valid(scores: ArrayLike, name: str) -> Array:
    scores = np.asarray(scores, dtype=np.float64).ravel()
    if scores.size == 0:
        raise ValueError(f"no {name} scores; a detection metric needs both classes")
    if np.isnan(scores).any():
        raise ValueError(f"{int(np.isnan(scores).sum())} of {scores.size} {name} scores are NaN")
    return scores


def det_curve(bonafide: ArrayLike, spoof: ArrayLike) -> DetCurve:
    """Detection error trade-off (Martin et al. 1997)."""
    target, other = np.sort(_valid(bonafide, "bona fide")), np.sort(_valid(spoof, "spoof"))
    thresholds = np.concatenate([[-np.inf], np.unique(np.concatenate([target, other])), [np.inf]])
    miss = np.searchsorted(target, thresholds, side="left") / target.size
    accept = 1.0 - np.searchsorted(other, thresholds, side="left") / other.size
    return DetCurve(thresholds, miss, accept)


def eer(bonafide: ArrayLike, spoof: ArrayLike) -> tuple[float, float]:
    """Equal error rate and its threshold.

    Between the two operating points around the crossing, both rates are interpolated linearly.
    """
    curve = det_curve(bonafide, spoof)
    gap = curve.miss_rate - curve.false_accept_rate
    after = int(np.argmax(gap >= 0.0))
    before = max(after - 1, 0)
    span = gap[after] - gap[before]
    share = 0.0 if span == 0.0 else float(-gap[before] / span)
    rate = curve.miss_rate[before] + share * (curve.miss_rate[after] - curve.miss_rate[before])
    threshold = curve.thresholds[after] if np.isfinite(curve.thresholds[after]) else curve.thresholds[before]
    return float(rate), float(threshold)


def auc(bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Probability that a bona fide score exceeds a spoof score, ties counting half (Mann-Whitney)."""
    target, other = _valid(bonafide, "bona fide"), np.sort(_valid(spoof, "spoof"))
    below = np.searchsorted(other, target, side="left")
    below_or_equal = np.searchsorted(other, target, side="right")
    return float((below + below_or_equal).sum() / (2.0 * target.size * other.size))
