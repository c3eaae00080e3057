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
    bpcer : [shape=(n,)], share of bona fide rejected: in use, a false alarm about a real person.
    apcer : [shape=(n,)], share of spoof accepted as bona fide.
    """

    thresholds: Array
    bpcer: Array
    apcer: Array


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
    gap = curve.bpcer - curve.apcer
    after = int(np.argmax(gap >= 0.0))
    before = max(after - 1, 0)
    span = gap[after] - gap[before]
    share = 0.0 if span == 0.0 else float(-gap[before] / span)
    rate = curve.bpcer[before] + share * (curve.bpcer[after] - curve.bpcer[before])
    threshold = curve.thresholds[after] if np.isfinite(curve.thresholds[after]) else curve.thresholds[before]
    return float(rate), float(threshold)


def auc(bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Probability that a bona fide score exceeds a spoof score, ties counting half (Mann-Whitney)."""
    target, other = _valid(bonafide, "bona fide"), np.sort(_valid(spoof, "spoof"))
    below = np.searchsorted(other, target, side="left")
    below_or_equal = np.searchsorted(other, target, side="right")
    return float((below + below_or_equal).sum() / (2.0 * target.size * other.size))


@dataclass(frozen=True)
class AsvOperatingPoint:
    """A speaker-verification system at one threshold, and the costs and priors of an attack on it.

    Defaults are those of ASVspoof 2019 (evaluation plan, table 2). All rates and priors are fractions.
    """

    p_miss: float
    """Share of target speakers that the verifier rejects."""
    p_false_alarm: float
    """Share of other people that it accepts."""
    p_miss_spoof: float
    """Share of spoofed trials that it rejects."""
    cost_miss_asv: float = 1.0
    cost_false_alarm_asv: float = 10.0
    cost_miss_cm: float = 1.0
    cost_false_alarm_cm: float = 10.0
    prior_spoof: float = 0.05
    prior_target: float = 0.9405
    prior_nontarget: float = 0.0095

    def __post_init__(self) -> None:
        for name in ("p_miss", "p_false_alarm", "p_miss_spoof"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a fraction in [0, 1]; got {getattr(self, name)}")
        total = self.prior_spoof + self.prior_target + self.prior_nontarget
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"the priors of spoof, target and nontarget sum to 1; got {total}")


def min_tdcf(bonafide: ArrayLike, spoof: ArrayLike, asv: AsvOperatingPoint, *, revised: bool = False) -> float:
    """Minimum normalised tandem detection cost: 1 is as good as accepting or rejecting every trial.

    The formulation of ASVspoof 2019 (Kinnunen et al. 2018, eq. 10 to 12): 0 is perfect. With ``revised`` that of
    ASVspoof 2021 (Kinnunen et al. 2020), which counts the verifier's own errors too: a perfect countermeasure then
    still costs what the verifier errs. Its one cost of a miss and of a false alarm are the defaults here, 1 and 10.

    Raises
    ------
    ValueError
        The verifier is so bad that no countermeasure can help: a weight of the cost is negative.
    """
    weight_miss = (
        asv.prior_target * (asv.cost_miss_cm - asv.cost_miss_asv * asv.p_miss)
        - asv.prior_nontarget * asv.cost_false_alarm_asv * asv.p_false_alarm
    )
    weight_false_alarm = asv.cost_false_alarm_cm * asv.prior_spoof * (1.0 - asv.p_miss_spoof)
    if min(weight_miss, weight_false_alarm) <= 0.0:
        raise ValueError(
            f"the t-DCF weights must be positive; got {weight_miss:.4f} for misses and {weight_false_alarm:.4f} for "
            "false alarms: check the verifier's error rates"
        )
    curve = det_curve(bonafide, spoof)
    cost = weight_miss * curve.bpcer + weight_false_alarm * curve.apcer
    of_verifier = (
        asv.prior_target * asv.cost_miss_asv * asv.p_miss
        + asv.prior_nontarget * asv.cost_false_alarm_asv * asv.p_false_alarm
        if revised
        else 0.0
    )
    return float((of_verifier + cost.min()) / (of_verifier + min(weight_miss, weight_false_alarm)))


def min_dcf(
    bonafide: ArrayLike,
    spoof: ArrayLike,
    *,
    prior_spoof: float = 0.05,
    cost_miss: float = 1.0,
    cost_false_alarm: float = 10.0,
) -> float:
    """Minimum normalised detection cost of ASVspoof 5, track 1 (Wang et al. 2024, eq. 1 and 2): 1 says nothing."""
    curve = det_curve(bonafide, spoof)
    weight_miss, weight_false_alarm = cost_miss * (1.0 - prior_spoof), cost_false_alarm * prior_spoof
    cost = weight_miss * curve.bpcer + weight_false_alarm * curve.apcer
    return float(cost.min() / min(weight_miss, weight_false_alarm))
