"""Calibration and verdict thresholds from the dev split: where `spoof_below` and `bonafide_above` come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge.contract import Contract, Thresholds
from workbench.data.manifest import Row
from workbench.evaluate.calibration import fit_calibration, threshold_at_false_alarm, threshold_at_miss

Float = NDArray[np.float32]


def calibrated(
    contract: Contract,
    raw_scores: Sequence[Float],
    further_bonafide: Sequence[Float],
    rows: Sequence[Row],
    *,
    bpcer: float,
    apcer: float,
) -> Contract:
    """Set calibration and thresholds from dev, with the error rates measured there.

    Parameters
    ----------
    raw_scores : of every dev clip [shape=(n,), NaN where there is none], once for each transmission. All of them
        count alike in the calibration.
    further_bonafide : raw scores [shape=(m,)] of the bona fide dev clips alone, through further transmissions.
    rows : the dev clips [n].
    bpcer : share (a fraction) of bona fide clips that may be called ``spoof``. The spoof threshold keeps it in each
        transmission, not only on their average: whoever owns a bad microphone makes all calls through it.
    apcer : share (a fraction) of spoof clips that may be called ``bonafide``, over all transmissions.
    """
    real = np.array([row.label == "bonafide" for row in rows])
    raw_score = np.concatenate(raw_scores)
    known = ~np.isnan(raw_score)
    bonafide = np.tile(real, len(raw_scores)) & known
    spoof = np.tile(~real, len(raw_scores)) & known
    calibration = fit_calibration(raw_score[bonafide], raw_score[spoof])
    scores = calibration.apply(raw_score)
    people = [
        calibration.apply(part[~np.isnan(part)]) for part in [*(part[real] for part in raw_scores), *further_bonafide]
    ]
    spoof_below = min(threshold_at_false_alarm(part, bpcer) for part in people)
    bonafide_above = max(threshold_at_miss(scores[spoof], apcer), spoof_below)
    thresholds = Thresholds(
        spoof_below=spoof_below,
        bonafide_above=bonafide_above,
        bpcer=float(max((part < spoof_below).mean() for part in people)),
        apcer=float((scores[spoof] > bonafide_above).mean()),
    )
    return replace(
        contract,
        calibration_scale=calibration.scale,
        calibration_offset=calibration.offset,
        thresholds=thresholds,
    )
