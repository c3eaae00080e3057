"""The tandem detection cost (t-DCF): a countermeasure in front of a speaker verifier, whose scores a file holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from workbench.errors import EvaluationError
from workbench.evaluate.metrics import det_curve, eer

KEYS = ("target", "nontarget", "spoof")


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


def min_tdcf(bonafide: ArrayLike, spoof: ArrayLike, asv: AsvOperatingPoint) -> float:
    """Minimum normalised tandem detection cost: 1 is as good as accepting or rejecting every trial.

    The formulation of ASVspoof 2019 (Kinnunen et al. 2018, eq. 10 to 12; Kinnunen et al. 2020, section III-B): 0 is
    perfect. The verifier stays at one threshold, the countermeasure's is the cheapest.

    Parameters
    ----------
    bonafide, spoof : countermeasure scores [shape=(n,) and (m,)], higher = more bona fide.
    asv : the verifier behind it.

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
    return float(cost.min() / min(weight_miss, weight_false_alarm))


def read_asv_operating_point(path: Path) -> AsvOperatingPoint:
    """Read verification scores and set the verifier to its equal error rate, as ASVspoof 2019 does.

    A line is ``ATTACK KEY SCORE``, or of any columns of which the last two are a key, `target`, `nontarget` or
    `spoof`, and a score: the files `ASVspoof2019.LA.asv.*.scores.txt` of the challenge.

    Raises
    ------
    EvaluationError
        Unreadable, a line that does not fit, or no scores of a key.
    """
    scores: dict[str, list[float]] = {key: [] for key in KEYS}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: cannot read the verifier's scores ({error})") from error
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            scores[fields[-2]].append(_finite(fields[-1]))
        except (LookupError, ValueError) as error:
            raise EvaluationError(
                f"{path}, line {number}: expected ATTACK KEY SCORE with a key of {', '.join(KEYS)}; got {line!r}"
            ) from error
    missing = [key for key in KEYS if not scores[key]]
    if missing:
        raise EvaluationError(f"{path}: no scores of {' and '.join(missing)}; min t-DCF needs all of {', '.join(KEYS)}")
    target, nontarget, spoof = (np.array(scores[key]) for key in KEYS)
    _, threshold = eer(target, nontarget)
    return AsvOperatingPoint(
        p_miss=float((target < threshold).mean()),
        p_false_alarm=float((nontarget >= threshold).mean()),
        p_miss_spoof=float((spoof < threshold).mean()),
    )


def _finite(text: str) -> float:
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(text)
    return value
