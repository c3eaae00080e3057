"""What the monitor reports: small values, one a kind, and each as a line: a sentence for people, JSON for programs.

Texts in them are fit to be shown; only the event of an `Alarm` is not redacted yet.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from edge.alerts.event import AlertEvent
from edge.service.redaction import printable
from edge.sources.events import TroubleKind

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
    """The state of a stream, about each second and at each change.

    Attributes
    ----------
    verdict : on the audio so far; while the state is not ``listening`` or ``quiet`` it is the last one before.
    cm_score, p_bonafide : None where there is no score, and always from silence and from lost audio.
    speech_s, position_s, lost_s : seconds of speech, of stream, and of it that were lost.
    level_db : RMS of the last quarter of a second in dB of full scale; minus infinity for exact silence.
    lag_s : how far the scored audio lay behind the clock, at worst since the last update; None where it cannot.
    realtime_factor : seconds of computing for one second of audio.
    changed : state or verdict differ from the update before, or an alarm was raised.
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

    @property
    def word(self) -> str:
        """The state in one word: the verdict, as long as that is about the present."""
        return self.verdict if self.state == "listening" else self.state


@dataclass(frozen=True)
class StreamEnded:
    """A stream ended.

    Attributes
    ----------
    reason : one of `edge.sources.events.EndReason`, or ``stopped`` by us.
    alarms : how often a voice in it was called a spoof.
    last : its last state, with the score of the whole stream; None if nothing came.
    """

    stream: str
    reason: str
    detail: str
    alarms: int
    last: StreamUpdate | None


@dataclass(frozen=True)
class Notice:
    """Something to read; ``kind`` is a `TroubleKind`, or ``slow``, ``alerts``, ``clips`` or ``metrics``."""

    kind: str
    text: str
    stream: str | None = None
    count: int = 1


@dataclass(frozen=True)
class Alarm:
    """Something to alert about; alarms of one ``topic`` share a cooldown (`edge.alerts.service.AlertPolicy`)."""

    event: AlertEvent
    stream: str | None
    topic: str = ""


Report = StreamBegan | StreamUpdate | StreamEnded | Notice | Alarm

_PUBLICATION = {
    "suppressed": " (kept quiet: it follows another too soon)",
    "known": " (sent before)",
    "waiting": " (NOT SENT yet)",
}
_TYPES = {StreamBegan: "start", StreamUpdate: "update", StreamEnded: "end", Notice: "trouble", Alarm: "alert"}


def text_line(
    report: Report, time_s: float, *, shown: AlertEvent | None = None, publication: str | None = None
) -> str | None:
    """Return a line for people, or None for an update without news.

    Parameters
    ----------
    time_s : seconds since 1970, shown in local time.
    shown : the event of an `Alarm` as it may be shown.
    publication : as in `json_line`.
    """
    words = _words(report, shown, publication)
    if words is None:
        return None
    clock = datetime.fromtimestamp(time_s).astimezone().strftime("%H:%M:%S")
    return printable(f"{clock} {words}")


def json_line(report: Report, time_s: float, *, shown: AlertEvent | None = None, publication: str | None = None) -> str:
    """Return one JSON object: ``type``, ``time``, and what the report holds; null where there is no number.

    ``publication`` of an alert: ``published``, ``suppressed`` by its cooldown, ``known``, or ``waiting`` for the disk.
    """
    stamp = datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data: dict[str, Any] = {"type": _TYPES[type(report)], "time": stamp}
    if isinstance(report, Alarm):
        data |= {"stream": report.stream, "publication": publication}
        data |= {name: value for name, value in asdict(shown or report.event).items() if value not in (None, "")}
    elif isinstance(report, StreamEnded):
        last = None if report.last is None else _numbers(report.last)
        data |= {"stream": report.stream, "reason": report.reason, "detail": report.detail}
        data |= {"alarms": report.alarms, "last": last}
    elif isinstance(report, StreamUpdate):
        data |= _numbers(report)
    else:
        data |= asdict(report)
    return json.dumps(data, allow_nan=False)


def waiting_text(source: str) -> str:
    """Return what is shown while there is no stream; ``source`` is its name, redacted."""
    return f"listening to {source}; nothing comes now"


def counted(count: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _words(report: Report, shown: AlertEvent | None, publication: str | None) -> str | None:
    if isinstance(report, StreamUpdate):
        return f"{report.stream} {report.word:<9}  {_columns(report)}" if report.changed else None
    if isinstance(report, StreamBegan):
        detail = f": {report.detail}" if report.detail else ""
        return f"{report.stream} begins, {report.sample_rate} Hz{detail}"
    if isinstance(report, StreamEnded):
        why = f"{report.reason}{f': {report.detail}' if report.detail else ''}"
        last = report.last
        stood = "nothing came" if last is None else f"{last.verdict}  {_columns(last).lstrip()}"
        # A call that alarmed may end on a harmless score, which alone would read as an all-clear.
        alarms = f"{counted(report.alarms, 'ALARM')} in it, at its end " if report.alarms else ""
        return f"{report.stream} ends ({why}); {alarms}{stood}"
    if isinstance(report, Notice):
        times = f" ({report.count} times)" if report.count > 1 else ""
        about = report.stream or ("source" if report.kind in get_args(TroubleKind) else "")
        return f"{about} {report.kind}: {report.text}{times}".lstrip()
    event = shown or report.event
    return (
        f"{report.stream or 'source'} ALERT {event.title}: {event.summary()}{_PUBLICATION.get(publication or '', '')}"
    )


def _columns(update: StreamUpdate) -> str:
    """Score, speech and loss in fixed columns, for the eye and for grep."""
    share = "" if update.p_bonafide is None else f"{100 * update.p_bonafide:.0f} % real"
    lost = f", {100 * update.lost_s / update.position_s:.1f} % lost" if update.lost_s else ""
    return f"{share:>10}  {update.speech_s:.1f} s of speech in {update.position_s:.1f} s{lost}"


def _numbers(update: StreamUpdate) -> dict[str, Any]:
    """Return its fields with six digits after the point; JSON has no infinity, which is the level of exact silence."""
    return {
        name: (round(value, 6) if math.isfinite(value) else None) if isinstance(value, float) else value
        for name, value in asdict(update).items()
    }
