"""What the monitor tells: small values, one a kind. Texts in them are fit to be shown; alerts are not redacted yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.alerts.event import AlertEvent
from edge.decision import LiveState
from edge.service.redaction import Redactor

StreamState = Literal["listening", "silenced", "quiet", "blind"]
"""``listening``: audio comes. ``silenced``: exact zeros, the platform withholds it. ``quiet``: a device gives next to
nothing. ``blind``: nothing comes, or too much of it is lost."""


@dataclass(frozen=True)
class StreamBegan:
    """A stream begins; ``call_id`` is the identity of its call, where it is one."""

    stream: str
    sample_rate: int
    call_id: str | None
    detail: str


@dataclass(frozen=True)
class StreamUpdate:
    """How a stream stands, told about each second and at each change.

    Attributes
    ----------
    verdict : on what was heard; while the state is not ``listening`` or ``quiet`` it is what was known before.
    cm_score, p_bonafide : None where there is no score, and always from silence and from lost audio.
    speech_s, position_s, lost_s : seconds of speech, of stream, and of it that were lost.
    level_db : RMS of the last quarter of a second in dB of full scale; minus infinity for exact silence.
    lag_s : how far the audio heard lay behind the clock, at worst since the last update; None where it cannot.
    realtime_factor : seconds of computing for one second of audio.
    changed : state or verdict differ from the update before, or an alarm was raised.
    live : the decider's own state, for metrics.
    """

    stream: str
    call_id: str | None
    state: StreamState
    verdict: str
    cm_score: float | None
    p_bonafide: float | None
    speech_s: float
    position_s: float
    lost_s: float
    level_db: float
    lag_s: float | None
    realtime_factor: float
    changed: bool
    live: LiveState

    @property
    def word(self) -> str:
        """What to call it in one word: its verdict, as long as that is about the present."""
        return self.verdict if self.state == "listening" else self.state


@dataclass(frozen=True)
class StreamEnded:
    """A stream ended.

    Attributes
    ----------
    reason : one of `edge.sources.events.EndReason`, or ``stopped`` by us.
    alarms : how often a voice in it was called a spoof.
    last : how it stood, with the score of what was heard before; None if nothing came.
    """

    stream: str
    reason: str
    detail: str
    alarms: int
    last: StreamUpdate | None


@dataclass(frozen=True)
class Notice:
    """Something to read; ``kind`` is a `TroubleKind`, or ``slow``, ``alerts``, ``raw_score`` or ``metrics``."""

    kind: str
    text: str
    stream: str | None = None
    count: int = 1


@dataclass(frozen=True)
class Alarm:
    """Something to alert about; alarms of one ``topic`` share a cooldown (`edge.alerts.policy.AlertPolicy`)."""

    event: AlertEvent
    stream: str | None
    topic: str = ""


def redacted(event: AlertEvent, redactor: Redactor) -> AlertEvent:
    """Return an event as it may be shown."""
    return event.redacted(show_numbers=redactor.show_numbers, show_names=redactor.show_names)


Report = StreamBegan | StreamUpdate | StreamEnded | Notice | Alarm
