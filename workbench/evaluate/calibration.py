"""From raw scores to log-likelihood ratios, their cost, and thresholds at a stated error rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import QuantizeError

Array = NDArray[np.float64]

_STEPS = 100
_RIDGE = 1e-6


@dataclass(frozen=True)
class Calibration:
    """``cm_score = scale * raw_score + offset``, in nats."""

    scale: float
    offset: float

    def apply(self, raw_score: ArrayLike) -> Array:
        return self.scale * np.asarray(raw_score, dtype=np.float64) + self.offset


def fit_calibration(bonafide: ArrayLike, spoof: ArrayLike, *, observations: int | None = None) -> Calibration:
    """Logistic calibration with both classes at equal weight, so that the output is a log-likelihood ratio
    (Brümmer and du Preez 2006, section 5).

    Parameters
    ----------
    bonafide, spoof : raw scores [shape=(n,) and (m,)], higher = more bona fide.
    observations : independent observations behind each class. The classes are then fitted to the probabilities
        (k + 1) / (k + 2) and 1 / (k + 2) instead of 1 and 0 (Platt 1999, section 2.2), so that separable scores get a
        finite scale: scores of about ±ln(k + 1) nats. None: 1 and 0.

    Raises
    ------
    QuantizeError
        A class is empty, a value is not finite, or the scores do not separate bona fide from spoof, or do so the
        wrong way round.
    """
    target, other = (np.asarray(values, dtype=np.float64).ravel() for values in (bonafide, spoof))
    raw_score = np.concatenate([target, other])
    if not (target.size and other.size):
        raise QuantizeError(
            f"calibration needs dev clips of both classes; got {target.size} bona fide and {other.size} spoof"
        )
    if not np.isfinite(raw_score).all():
        raise QuantizeError(
            f"{int((~np.isfinite(raw_score)).sum())} of {raw_score.size} dev clips have no finite raw score; "
            "the weights may have diverged: train again with a lower learning rate"
        )
    least = 0.0 if observations is None else 1.0 / (observations + 2.0)
    labels = np.concatenate([np.full(target.size, 1.0 - least), np.full(other.size, least)])
    weights = np.concatenate([np.full(target.size, 0.5 / target.size), np.full(other.size, 0.5 / other.size)])
    centre, spread = raw_score.mean(), raw_score.std() or 1.0
    design = np.stack([(raw_score - centre) / spread, np.ones_like(raw_score)], axis=1)
    solution = np.zeros(2)
    for _ in range(_STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(design @ solution, -30.0, 30.0)))
        gradient = design.T @ (weights * (probability - labels)) + _RIDGE * solution
        curvature = (design.T * (weights * probability * (1.0 - probability))) @ design + _RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        solution = solution - step
        if np.abs(step).max() < 1e-10:
            break
    scale = float(solution[0] / spread)
    if not scale > 0.0:
        raise QuantizeError(
            f"calibration on dev gives a scale of {scale:.3g}; expected a positive one: the model does not tell "
            "bona fide from spoof there, train it further or look at the labels"
        )
    return Calibration(scale, float(solution[1] - scale * centre))


def cllr(bonafide_llr: ArrayLike, spoof_llr: ArrayLike) -> float:
    """Cost of log-likelihood ratios in bits (Brümmer and du Preez 2006, eq. 11): 0 perfect, 1 says nothing."""
    target, other = np.asarray(bonafide_llr, dtype=np.float64), np.asarray(spoof_llr, dtype=np.float64)
    return float(0.5 * (np.logaddexp(0.0, -target).mean() + np.logaddexp(0.0, other).mean()) / np.log(2.0))


def threshold_at_bpcer(bonafide: ArrayLike, bpcer: float) -> float:
    """The highest threshold below which at most the share ``bpcer`` of bona fide scores lies.

    Parameters
    ----------
    bonafide : [shape=(n,)], in any unit; the threshold is one of them.
    bpcer : a fraction in [0, 1): bona fide presentation classification error rate (ISO/IEC 30107-3).

    Raises
    ------
    ValueError
        No scores.

    Examples
    --------
    >>> threshold_at_bpcer(range(100), 0.02)
    2.0
    """
    ordered = np.sort(np.asarray(bonafide, dtype=np.float64).ravel())
    if not ordered.size:
        raise ValueError("no scores to set a threshold by")
    # 0.29 * 100 is 28.999…96 in binary: without the allowance one clip fewer would be let through than asked.
    below = int(np.floor(bpcer * ordered.size + 1e-9))
    return float(ordered[min(below, ordered.size - 1)])


def threshold_at_apcer(spoof: ArrayLike, apcer: float) -> float:
    """The lowest threshold above which at most the share ``apcer`` of spoof scores lies; see `threshold_at_bpcer`.

    Examples
    --------
    >>> threshold_at_apcer(range(100), 0.05)
    94.0
    """
    return -threshold_at_bpcer(-np.asarray(spoof, dtype=np.float64), apcer)
