"""Whether the scores mean what they say: calibration curves, their error, and what calibration could still gain.

Scores are log-likelihood ratios in nats, higher = more bona fide; both classes count half, as at even prior odds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PavCurve:
    """The non-decreasing map from score to probability of bona fide that fits best.

    Attributes
    ----------
    scores : [shape=(n,)], ascending, the first score of each step.
    probability : [shape=(n,)], in [0, 1], ascending.
    """

    scores: Array
    probability: Array


@dataclass(frozen=True)
class ReliabilityBin:
    """Clips of like score: what they were said to be, and what they were.

    ``predicted`` and ``observed`` are the mean probability and the share of bona fide, in [0, 1], both classes
    weighing alike over all clips.
    """

    low: float
    high: float
    clips: int
    predicted: float
    observed: float
    weight: float


def cllr(bonafide_llr: ArrayLike, spoof_llr: ArrayLike) -> float:
    """Cost of log-likelihood ratios in bits (Brümmer and du Preez 2006, eq. 11): 0 perfect, 1 says nothing."""
    target, other = np.asarray(bonafide_llr, dtype=np.float64), np.asarray(spoof_llr, dtype=np.float64)
    return float(0.5 * (np.logaddexp(0.0, -target).mean() + np.logaddexp(0.0, other).mean()) / np.log(2.0))


def pav_curve(bonafide: ArrayLike, spoof: ArrayLike) -> PavCurve:
    """Pool adjacent violators (Ayer et al. 1955) on the labels in the order of the scores.

    Raises
    ------
    ValueError
        A class is empty.
    """
    scores, bona, weight = _pooled(bonafide, spoof)
    starts, level = _pool(bona, weight)
    return PavCurve(scores[starts], level)


def min_cllr(bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Cllr in bits after the best monotone calibration on these very scores (Brümmer and du Preez 2006, section 6).

    What is above it in Cllr is lost by calibration alone; it is what is left to a better ordering.

    Raises
    ------
    ValueError
        A class is empty.
    """
    scores, bona, weight = _pooled(bonafide, spoof)
    starts, level = _pool(bona, weight)
    share = np.repeat(level, np.diff([*starts, len(scores)]))
    mass = bona, weight - bona
    bits = np.zeros(2)
    for side, probability in enumerate((share, 1.0 - share)):
        used = mass[side] > 0.0
        bits[side] = -(mass[side][used] * np.log2(probability[used])).sum()
    return float(bits.sum())


def reliability_bins(bonafide: ArrayLike, spoof: ArrayLike, bins: int = 10) -> list[ReliabilityBin]:
    """Clips in ``bins`` parts of like weight by their score; ties stay together, so there may be fewer.

    Raises
    ------
    ValueError
        A class is empty.
    """
    scores, bona, weight = _pooled(bonafide, spoof)
    counts = np.unique(np.concatenate([_finite(bonafide), _finite(spoof)]), return_counts=True)[1]
    middle = np.cumsum(weight) - weight / 2.0
    part = np.minimum((middle * bins).astype(int), bins - 1)
    said = 1.0 / (1.0 + np.exp(-np.clip(scores, -700.0, 700.0)))
    found = []
    for index in np.unique(part):
        inside = part == index
        total = weight[inside].sum()
        found.append(
            ReliabilityBin(
                low=float(scores[inside][0]),
                high=float(scores[inside][-1]),
                clips=int(counts[inside].sum()),
                predicted=float((said[inside] * weight[inside]).sum() / total),
                observed=float(bona[inside].sum() / total),
                weight=float(total),
            )
        )
    return found


def expected_calibration_error(bins: list[ReliabilityBin]) -> float:
    """Mean distance of predicted and observed shares over the bins (Naeini et al. 2015), as a fraction."""
    return float(sum(part.weight * abs(part.predicted - part.observed) for part in bins))


def _pooled(bonafide: ArrayLike, spoof: ArrayLike) -> tuple[Array, Array, Array]:
    """Distinct scores ascending, the weight of bona fide at each and of both; each class weighs half."""
    target, other = _finite(bonafide), _finite(spoof)
    if not (target.size and other.size):
        raise ValueError(f"need scores of both classes; got {target.size} bona fide and {other.size} spoof")
    scores, place = np.unique(np.concatenate([target, other]), return_inverse=True)
    bona = np.bincount(place[: target.size], minlength=len(scores)) * (0.5 / target.size)
    weight = bona + np.bincount(place[target.size :], minlength=len(scores)) * (0.5 / other.size)
    return scores, np.asarray(bona, np.float64), np.asarray(weight, np.float64)


def _pool(bona: Array, weight: Array) -> tuple[list[int], Array]:
    """Where each step of the isotonic fit starts, and its height."""
    starts: list[int] = []
    tops: list[float] = []
    masses: list[float] = []
    for index, (top, mass) in enumerate(zip(bona.tolist(), weight.tolist(), strict=True)):
        start = index
        while starts and tops[-1] * mass >= top * masses[-1]:
            start = starts.pop()
            top, mass = top + tops.pop(), mass + masses.pop()  # noqa: PLW2901 - the pooled step goes on growing
        starts.append(start)
        tops.append(top)
        masses.append(mass)
    return starts, np.clip(np.array(tops) / np.array(masses), 0.0, 1.0)


def _finite(scores: ArrayLike) -> Array:
    values = np.asarray(scores, np.float64).ravel()
    if not np.isfinite(values).all():
        raise ValueError(f"{int((~np.isfinite(values)).sum())} of {values.size} scores are not finite")
    return values
