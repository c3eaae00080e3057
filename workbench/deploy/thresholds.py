"""Calibration and verdict thresholds from the dev split: where `spoof_below` and `bonafide_above` come from.

`calibrated` sets them. `Support` counts what a split's figures rest on, and `Support.doubt` is the one rule of when
that is too little.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.contract import Contract, Thresholds
from workbench.data.manifest import Row
from workbench.errors import QuantizeError

Float = NDArray[np.float32]
Array = NDArray[np.float64]

_STEPS = 100
_RIDGE = 1e-6

LEAST_CLIPS = 30
"""Of each class."""
LEAST_SOURCES = 3
"""Of the bona fide clips."""
LEAST_ATTACKS = 3
"""Of the spoof clips."""
BOUND_NATS = (0.5, 3.0)
"""Where dev cannot set them, the thresholds lie this far from 0, at least and at most."""


@dataclass(frozen=True)
class Support:
    """What the figures of a split rest on: scored clips of each class, and how many independent groups they are.

    Attributes
    ----------
    sources : of the bona fide clips; speakers count where no source is known.
    attacks : synthesis systems of the spoof clips.
    separable : every bona fide clip scores above every spoof one.
    """

    bonafide: int
    spoof: int
    sources: int
    attacks: int
    separable: bool

    @property
    def doubt(self) -> str:
        """Why a split like this is too small to set a threshold or to grade a model by; empty where it is not.

        Examples
        --------
        >>> Support(bonafide=300, spoof=20, sources=5, attacks=1, separable=False).doubt
        'it has 20 spoof clips (at least 30 needed) and 1 attack (at least 3)'
        >>> Support(bonafide=300, spoof=200, sources=5, attacks=4, separable=False).doubt
        ''
        """
        counts = (
            (self.bonafide, "bona fide clip", LEAST_CLIPS),
            (self.spoof, "spoof clip", LEAST_CLIPS),
            (self.sources, "source", LEAST_SOURCES),
            (self.attacks, "attack", LEAST_ATTACKS),
        )
        few = [
            f"{count} {name}{'s' * (count != 1)} (at least {least}{' needed' * (index == 0)})"
            for index, (count, name, least) in enumerate(item for item in counts if item[0] < item[2])
        ]
        if few:
            return "it has " + " and ".join([", ".join(few[:-1]), few[-1]] if few[1:] else few)
        return "none of its clips is on the wrong side" if self.separable else ""

    @property
    def observations(self) -> int:
        """Independent observations of the scarcer class: clips of one source, or of one attack, are alike."""
        return min(self.sources, self.attacks)


def support_of(rows: Iterable[Row], *, separable: bool) -> Support:
    """Count the scored clips of a split."""
    rows = list(rows)
    bonafide = [row for row in rows if row.label == "bonafide"]
    return Support(
        bonafide=len(bonafide),
        spoof=len(rows) - len(bonafide),
        sources=len({row.speaker_id if row.source_repo == "-" else row.source_repo for row in bonafide}),
        attacks=len({row.attack_id for row in rows if row.label == "spoof"}),
        separable=separable,
    )


def dev_support(thresholds: Thresholds) -> Support | None:
    """What the thresholds of a model rest on; None in models from before this was kept."""
    counts = (thresholds.dev_bonafide, thresholds.dev_spoof, thresholds.dev_sources, thresholds.dev_attacks)
    if None in counts or thresholds.dev_separable is None:
        return None
    bonafide, spoof, sources, attacks = (int(count or 0) for count in counts)
    return Support(bonafide, spoof, sources, attacks, thresholds.dev_separable)


def calibrated(
    contract: Contract,
    raw_scores: Sequence[Float],
    further_bonafide: Sequence[Float],
    rows: Sequence[Row],
    *,
    bpcer: float,
    apcer: float,
) -> Contract:
    """Set calibration and thresholds from dev, with the error rates measured there and what they rest on.

    Where dev is separable or too small (`Support.doubt`), its quantiles say nothing of other voices: the calibration
    is smoothed by the count of independent observations, and the thresholds are kept within `BOUND_NATS` on either
    side of even odds.

    Parameters
    ----------
    raw_scores : of every dev clip [shape=(n,), NaN where there is none], once for each transmission. All of them
        count alike in the calibration.
    further_bonafide : raw scores [shape=(m,)] of the bona fide dev clips alone, through further transmissions.
    rows : the dev clips [n].
    bpcer : share (a fraction) of bona fide clips that may be called ``spoof``. The spoof threshold keeps it in each
        transmission, not only on their average: whoever owns a bad microphone makes all calls through it.
    apcer : share (a fraction) of spoof clips that may be called ``bonafide``, over all transmissions.

    Raises
    ------
    QuantizeError
        As `fit_calibration`.
    """
    real = np.array([row.label == "bonafide" for row in rows])
    raw_score = np.concatenate(raw_scores)
    known = ~np.isnan(raw_score)
    bonafide, spoof = (raw_score[np.tile(side, len(raw_scores)) & known] for side in (real, ~real))
    scored = np.flatnonzero(~np.isnan(np.stack(raw_scores)).all(axis=0))
    support = support_of(
        (rows[int(index)] for index in scored),
        separable=bool(bonafide.size and spoof.size and bonafide.min() > spoof.max()),
    )
    doubtful = bool(support.doubt)
    calibration = fit_calibration(bonafide, spoof, observations=support.observations if doubtful else None)
    people = [
        calibration.apply(part[~np.isnan(part)]) for part in [*(part[real] for part in raw_scores), *further_bonafide]
    ]
    spoof_below = min(threshold_at_bpcer(part, bpcer) for part in people)
    bonafide_above = max(threshold_at_apcer(calibration.apply(spoof), apcer), spoof_below)
    if doubtful:
        least, most = BOUND_NATS
        spoof_below = min(max(spoof_below, -most), -least)
        bonafide_above = min(max(bonafide_above, least), most)
    thresholds = Thresholds(
        spoof_below=spoof_below,
        bonafide_above=bonafide_above,
        bpcer=float(max((part < spoof_below).mean() for part in people)),
        apcer=float((calibration.apply(spoof) > bonafide_above).mean()),
        dev_bonafide=support.bonafide,
        dev_spoof=support.spoof,
        dev_sources=support.sources,
        dev_attacks=support.attacks,
        dev_separable=support.separable,
    )
    return replace(
        contract,
        calibration_scale=calibration.scale,
        calibration_offset=calibration.offset,
        thresholds=thresholds,
    )


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
            f"calibration on dev gives a scale of {scale:.3g}; expected a positive one: the model does not separate "
            "bona fide from spoof there, train it further or look at the labels"
        )
    return Calibration(scale, float(solution[1] - scale * centre))


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
