"""The bounds that make a score of a recording a verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Decision bounds on ``cm_score`` (nats) with the error rates measured on the dev split behind them.

    The rates bear the names of ISO/IEC 30107-3: attack and bona fide presentation classification error rate.
    """

    spoof_below: float = -1.0
    bonafide_above: float = 1.0
    bpcer: float | None = None
    """Share of bona fide dev clips called spoof, below ``spoof_below``; of several transmissions, the largest."""
    apcer: float | None = None
    """Share of spoof dev clips called bona fide, above ``bonafide_above``."""
