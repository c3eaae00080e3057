"""Reports as lines: a sentence for people and logs, one JSON object for programs. Pure."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, get_args

from edge.alerts.event import AlertEvent
from edge.live.reports import Alarm, Notice, Report, StreamBegan, StreamEnded, StreamUpdate
from edge.service.redaction import printable
from edge.sources.events import TroubleKind

_KEPT_QUIET = {
    "suppressed": " (kept quiet: it follows another too soon)",
    "known": " (told before)",
    "waiting": " (NOT SENT yet)",
}
_OF_THE_SOURCE = get_args(TroubleKind)
_TYPES = {StreamBegan: "start", StreamUpdate: "update", StreamEnded: "end", Notice: "trouble", Alarm: "alert"}


def text_line(
    report: Report, time_s: float, *, shown: AlertEvent | None = None, published: str | None = None
) -> str | None:
    """A line for people, or None for an update without news.

    Parameters
    ----------
    time_s : seconds since 1970, shown in local time.
    shown : the event of an `Alarm` as it may be shown.
    published : what became of it, see `json_line`.
    """
    words = _words(report, shown, published)
    if words is None:
        return None
    clock = datetime.fromtimestamp(time_s).astimezone().strftime("%H:%M:%S")
    return printable(f"{clock} {words}")


def json_line(report: Report, time_s: float, *, shown: AlertEvent | None = None, published: str | None = None) -> str:
    """One JSON object: ``type``, ``time``, and what the report holds; None where there is no number.

    ``published`` of an alert: ``published``, ``suppressed`` by its cooldown, ``known``, or ``waiting`` for the disk.
    """
    stamp = datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data: dict[str, Any] = {"type": _TYPES[type(report)], "time": stamp}
    if isinstance(report, Alarm):
        event = shown or report.event
        data |= {"stream": report.stream, "publication": published}
        data |= {name: value for name, value in asdict(event).items() if value not in (None, "")}
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
    """What is said while there is no stream; ``source`` is its name, redacted."""
    return f"listening to {source}; nothing comes now"


def counted(count: int, what: str) -> str:
    """A number with its noun."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _words(report: Report, shown: AlertEvent | None, published: str | None) -> str | None:
    if isinstance(report, StreamUpdate):
        return f"{report.stream} {report.word:<9}  {_standing(report)}" if report.changed else None
    if isinstance(report, StreamBegan):
        detail = f": {report.detail}" if report.detail else ""
        return f"{report.stream} begins, {report.sample_rate} Hz{detail}"
    if isinstance(report, StreamEnded):
        why = f"{report.reason}{f': {report.detail}' if report.detail else ''}"
        alarms = f", {counted(report.alarms, 'alarm')}" if report.alarms else ""
        last = report.last
        stood = "; nothing was heard" if last is None else f"; {last.verdict}  {_standing(last).lstrip()}"
        return f"{report.stream} ends ({why}){stood}{alarms}"
    if isinstance(report, Notice):
        times = f" ({report.count} times)" if report.count > 1 else ""
        about = report.stream or ("source" if report.kind in _OF_THE_SOURCE else "")
        return f"{about} {report.kind}: {report.text}{times}".lstrip()
    event = shown or report.event
    fate = _KEPT_QUIET.get(published or "", "")
    return f"{report.stream or 'source'} ALERT {event.title}: {event.summary()}{fate}"


def _standing(update: StreamUpdate) -> str:
    """Where a stream stands, in fixed columns for the eye and for grep."""
    share = "" if update.p_bonafide is None else f"{100 * update.p_bonafide:.0f} % real"
    lost = f", {100 * update.lost_s / update.position_s:.1f} % lost" if update.lost_s else ""
    return f"{share:>10}  {update.speech_s:.1f} s of speech in {update.position_s:.1f} s{lost}"


def _numbers(update: StreamUpdate) -> dict[str, Any]:
    data = {name: value for name, value in asdict(update).items() if name not in ("live",)}
    return {name: _number(value) if isinstance(value, float) else value for name, value in data.items()}


def _number(value: float) -> float | None:
    """Six digits after the point; JSON has no infinity, which is the level of exact silence."""
    return round(value, 6) if math.isfinite(value) else None
