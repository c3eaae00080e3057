"""The bounds that make a score of a recording a verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Decision bounds on ``cm_score`` (nats) with the error rates measured on the dev split behind them."""

    spoof_below: float = -1.0
    bonafide_above: float = 1.0
    false_alarm_rate: float | None = None
    """Share of bona fide dev clips below ``spoof_below``; of several channels, the largest."""
    miss_rate: float | None = None
    """Share of spoof dev clips above ``bonafide_above``."""
