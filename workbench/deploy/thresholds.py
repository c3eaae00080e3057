"""Calibration and verdict thresholds from the dev split: where `spoof_below` and `bonafide_above` come from.

Begin with `calibrated`. `Support` counts what stands behind a split's figures, and `Support.doubt` is the one rule of
when that is too little.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.contract import Contract, Thresholds
from workbench.data.manifest import Row
from workbench.evaluate.calibration import fit_calibration, threshold_at_apcer, threshold_at_bpcer

Float = NDArray[np.float32]

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
        As `workbench.evaluate.calibration.fit_calibration`.
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
