"""Detection metrics. Scores: higher = more bona fide (the target class). All rates are fractions.

The two errors bear the names of ISO/IEC 30107-3: BPCER, the share of bona fide taken for spoof, and APCER, the share of
spoof taken for bona fide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DetCurve:
    """Error rates at every threshold, ascending; a clip is taken for bona fide when its score is >= threshold.

    Attributes
    ----------
    thresholds : [shape=(n,)], first -inf, last +inf.
    bpcer : [shape=(n,), in 0 to 1, rising], share of bona fide taken for spoof.
    apcer : [shape=(n,), in 0 to 1, falling], share of spoof taken for bona fide.
    """

    thresholds: Array
    bpcer: Array
    apcer: Array


def det_curve(bonafide: ArrayLike, spoof: ArrayLike) -> DetCurve:
    """Compute both error rates at every threshold: the detection error trade-off (Martin et al. 1997).

    Parameters
    ----------
    bonafide, spoof : scores [shape=(n,) and (m,)] in any unit, each at least one; infinities are scores.

    Returns
    -------
    DetCurve
        One point a distinct score, and one at either end.

    Raises
    ------
    ValueError
        A class is empty, or a score is NaN.

    Examples
    --------
    >>> det_curve(bonafide=[2, 4], spoof=[1, 3]).bpcer
    array([0. , 0. , 0. , 0.5, 0.5, 1. ])
    """
    target, other = np.sort(_valid(bonafide, "bona fide")), np.sort(_valid(spoof, "spoof"))
    thresholds = np.concatenate([[-np.inf], np.unique(np.concatenate([target, other])), [np.inf]])
    bpcer = np.searchsorted(target, thresholds, side="left") / target.size
    apcer = 1.0 - np.searchsorted(other, thresholds, side="left") / other.size
    return DetCurve(thresholds, bpcer, apcer)


def eer(bonafide: ArrayLike, spoof: ArrayLike) -> tuple[float, float]:
    """Compute the equal error rate, where BPCER and APCER are the same, and its threshold.

    Between the two operating points around the crossing both rates are interpolated linearly, as ASVspoof's tools do.

    Parameters
    ----------
    bonafide, spoof : scores [shape=(n,) and (m,)] in any unit, each at least one.

    Returns
    -------
    rate : a fraction in [0, 1]; 0.5 is chance, above it the classes are the wrong way round.
    threshold : a score; the first at which BPCER is not below APCER.

    Raises
    ------
    ValueError
        A class is empty, or a score is NaN.

    Examples
    --------
    >>> eer(bonafide=[3, 5, 6, 7], spoof=[0, 1, 2, 4])
    (0.25, 4.0)
    """
    curve = det_curve(bonafide, spoof)
    gap = curve.bpcer - curve.apcer
    after = int(np.argmax(gap >= 0.0))
    before = max(after - 1, 0)
    span = gap[after] - gap[before]
    share = 0.0 if span == 0.0 else float(-gap[before] / span)
    rate = curve.bpcer[before] + share * (curve.bpcer[after] - curve.bpcer[before])
    threshold = curve.thresholds[after] if np.isfinite(curve.thresholds[after]) else curve.thresholds[before]
    return float(rate), float(threshold)


def auc(bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Compute how often a bona fide score exceeds a spoof score, ties counting half (Mann-Whitney), as a fraction.

    Raises
    ------
    ValueError
        A class is empty, or a score is NaN.

    Examples
    --------
    >>> auc(bonafide=[2, 4], spoof=[1, 3])
    0.75
    """
    target, other = _valid(bonafide, "bona fide"), np.sort(_valid(spoof, "spoof"))
    below = np.searchsorted(other, target, side="left")
    below_or_equal = np.searchsorted(other, target, side="right")
    return float((below + below_or_equal).sum() / (2.0 * target.size * other.size))


def min_dcf(
    bonafide: ArrayLike,
    spoof: ArrayLike,
    *,
    prior_spoof: float = 0.05,
    cost_miss: float = 1.0,
    cost_false_alarm: float = 10.0,
) -> float:
    """Compute the minimum normalised detection cost of ASVspoof 5, track 1 (Wang et al. 2024, eq. 1 and 2).

    Parameters
    ----------
    bonafide, spoof : scores [shape=(n,) and (m,)].
    prior_spoof : how often spoof is expected, a fraction.
    cost_miss, cost_false_alarm : of bona fide taken for spoof, and of spoof taken for bona fide.

    Returns
    -------
    cost : in [0, 1]; 0 is perfect, 1 as good as taking every clip for the same.

    Examples
    --------
    >>> min_dcf(bonafide=[2, 4], spoof=[1, 3])
    0.5
    """
    curve = det_curve(bonafide, spoof)
    weight_miss, weight_false_alarm = cost_miss * (1.0 - prior_spoof), cost_false_alarm * prior_spoof
    cost = weight_miss * curve.bpcer + weight_false_alarm * curve.apcer
    return float(cost.min() / min(weight_miss, weight_false_alarm))


def _valid(scores: ArrayLike, name: str) -> Array:
    scores = np.asarray(scores, dtype=np.float64).ravel()
    if scores.size == 0:
        raise ValueError(f"no {name} scores; a detection metric needs both classes")
    if np.isnan(scores).any():
        raise ValueError(f"{int(np.isnan(scores).sum())} of {scores.size} {name} scores are NaN")
    return scores
