"""What the outbox hands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.alerts.event import AlertEvent

Publication = Literal["published", "suppressed", "known"]


@dataclass(frozen=True)
class Claim:
    """A delivery that this worker alone may attempt; ``attempt`` counts from 1, this one included."""

    event: AlertEvent
    channel: str
    attempt: int
    lease: str


@dataclass(frozen=True)
class EventRecord:
    """A past event: when it was written (seconds since 1970), and whether the cooldown kept it quiet."""

    event: AlertEvent
    created_at: float
    suppressed: bool


@dataclass(frozen=True)
class DeliveryRecord:
    """Where the delivery of one event over one channel stands; times in seconds since 1970."""

    event_id: str
    channel: str
    state: str
    attempts: int
    next_at: float
    expires_at: float
    last_error: str | None
