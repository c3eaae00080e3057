"""Whether one model is better than another on the same clips, or only luckier."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.evaluate.bootstrap import Interval, percentile_interval, resampled_pair
from workbench.evaluate.evaluate import BOOTSTRAP_SEED, RESAMPLES, SMALLEST_GROUP, scores_of, sources_of
from workbench.evaluate.groups import Group
from workbench.evaluate.trials import Trial

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """Two models, ``first`` and ``other``, on the clips of a group that both give a score to.

    Attributes
    ----------
    eer_difference, auc_difference : first less other, as fractions, with 95 % intervals over sources and clips; below
        0 the first has the lower EER.
    eer_p, auc_p : two-sided p of the same bootstrap, whole sources drawn for both models alike.
    delong_p : two-sided p of the AUC difference by DeLong et al. (1988); takes clips for independent, so it is too
        small where clips of a source are alike.
    first_only, other_only : clips that the one model puts on the right side of even odds and the other does not.
    mcnemar_p : two-sided exact p of those two counts (McNemar 1947); clips independent, as above.
    """

    name: str
    bonafide: int
    spoof: int
    first_eer: float
    other_eer: float
    first_auc: float
    other_auc: float
    eer_difference: Interval
    auc_difference: Interval
    eer_p: float
    auc_p: float
    delong_p: float
    first_only: int
    other_only: int
    mcnemar_p: float


def compare(first: Sequence[Trial], other: Sequence[Trial], groups: Sequence[Group]) -> list[Comparison]:
    """Compare two models on each group with at least five clips of both classes that both models score."""
    theirs = {(trial.row.path, trial.transmission): trial for trial in other if trial.cm_score is not None}
    pairs = [
        (trial, theirs[trial.row.path, trial.transmission])
        for trial in first
        if trial.cm_score is not None and (trial.row.path, trial.transmission) in theirs
    ]
    found = []
    for group in groups:
        chosen = [pair for pair in pairs if pair[0].transmission == group.transmission and group.holds(pair[0])]
        bonafide = [pair for pair in chosen if pair[0].is_bonafide]
        spoof = [pair for pair in chosen if not pair[0].is_bonafide]
        if min(len(bonafide), len(spoof)) >= SMALLEST_GROUP:
            found.append(_compare(group.name, bonafide, spoof))
    return found


def delong_p(first: tuple[ArrayLike, ArrayLike], other: tuple[ArrayLike, ArrayLike]) -> float:
    """Two-sided p of the difference of two AUCs on the same clips (DeLong, DeLong and Clarke-Pearson 1988).

    ``first`` and ``other`` are scores of bona fide and of spoof clips, in the same order of clips for both models.
    """
    parts = [_placements(*pair) for pair in (first, other)]
    difference = float(parts[0][0].mean() - parts[1][0].mean())
    variance = sum(np.var(a - b, ddof=1) / len(a) for a, b in zip(*parts, strict=True))
    if variance <= 0.0:
        return 1.0 if difference == 0.0 else 0.0
    return 2.0 * (1.0 - NormalDist().cdf(abs(difference) / math.sqrt(variance)))


def mcnemar_p(first_only: int, other_only: int) -> float:
    """Two-sided exact binomial p of two counts of discordant clips."""
    total, least = first_only + other_only, min(first_only, other_only)
    if total == 0:
        return 1.0
    logs = [
        math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1) - total * math.log(2.0)
        for k in range(least + 1)
    ]
    return min(1.0, 2.0 * sum(math.exp(value) for value in logs))


def bootstrap_p(differences: Array) -> float:
    """Two-sided p that a difference is 0, from its bootstrap [shape=(n,)]; never below 2 / (n + 1)."""
    n = len(differences)
    below, above = int((differences <= 0.0).sum()), int((differences >= 0.0).sum())
    return min(1.0, 2.0 * (min(below, above) + 1) / (n + 1))


def _compare(name: str, bonafide: Sequence[tuple[Trial, Trial]], spoof: Sequence[tuple[Trial, Trial]]) -> Comparison:
    sides = [(scores_of([pair[i] for pair in bonafide]), scores_of([pair[i] for pair in spoof])) for i in (0, 1)]
    sources = (sources_of([pair[0] for pair in bonafide]), sources_of([pair[0] for pair in spoof]))
    value, figures = resampled_pair(sides, sources, np.random.default_rng(BOOTSTRAP_SEED), n=RESAMPLES)
    differences = {what: figures[f"{what} 0"] - figures[f"{what} 1"] for what in ("eer", "auc")}
    right = [np.concatenate([target > 0.0, spoofed < 0.0]) for target, spoofed in sides]
    counts = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    return Comparison(
        name=name,
        bonafide=len(bonafide),
        spoof=len(spoof),
        first_eer=value["eer 0"],
        other_eer=value["eer 1"],
        first_auc=value["auc 0"],
        other_auc=value["auc 1"],
        eer_difference=percentile_interval(value["eer 0"] - value["eer 1"], differences["eer"]),
        auc_difference=percentile_interval(value["auc 0"] - value["auc 1"], differences["auc"]),
        eer_p=bootstrap_p(differences["eer"]),
        auc_p=bootstrap_p(differences["auc"]),
        delong_p=delong_p(sides[0], sides[1]),
        first_only=counts[0],
        other_only=counts[1],
        mcnemar_p=mcnemar_p(*counts),
    )


def _placements(bonafide: ArrayLike, spoof: ArrayLike) -> tuple[Array, Array]:
    """For each clip, the share of the other class that it is on the right side of; ties count half."""
    target, other = np.asarray(bonafide, np.float64), np.asarray(spoof, np.float64)
    ranked_other, ranked_target = np.sort(other), np.sort(target)
    below = sum(np.searchsorted(ranked_other, target, side) for side in ("left", "right")) / (2.0 * other.size)
    above = 1.0 - sum(np.searchsorted(ranked_target, other, side) for side in ("left", "right")) / (2.0 * target.size)
    return np.asarray(below, np.float64), np.asarray(above, np.float64)
