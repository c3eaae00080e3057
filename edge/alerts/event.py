"""What happened, as one frozen value that is written to disk before anything is sent.

Its JSON has the envelope that Standard Webhooks recommends (``type``, ``timestamp``, ``data``), and every channel that
hands JSON on hands on the same text. The errors of the alerts stand here too.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from edge.errors import ConfigError, EdgeError
from edge.service.redaction import hide_name, hide_number, hide_numbers, hide_source, printable

KINDS = {
    "spoof": "Synthetic voice suspected",
    "silenced": "The platform withholds the audio",
    "source_lost": "The audio source is gone",
    "source_back": "The audio source is back",
    "test": "Test of the alerts",
}
"""Kind of event → its title."""
MAX_SUMMARY = 500
_TYPE_PREFIX = "alert."
_ID = re.compile(r"evt_[0-9a-f]{32}")


class EventError(EdgeError):
    """An event that cannot be built or read."""


class AlertConfigError(ConfigError):
    """The configuration of the alerts does not fit, or a package or program that a channel needs is not there."""


class OutboxError(EdgeError):
    """The outbox on disk cannot be opened, read or written."""


class DeliveryError(EdgeError):
    """One attempt to deliver failed.

    Parameters
    ----------
    message : what failed, without any secret: it is kept in the outbox and shown.
    retry : whether a later attempt can succeed.
    retry_after_s : seconds that the receiver asked to wait, at least; None when it did not say.
    closes_channel : the receiver refuses every further event.
    """

    def __init__(
        self, message: str, *, retry: bool = True, retry_after_s: float | None = None, closes_channel: bool = False
    ) -> None:
        super().__init__(message)
        self.retry = retry and not closes_channel
        self.retry_after_s = retry_after_s
        self.closes_channel = closes_channel


def new_event_id(key: str | None = None) -> str:
    """Make the identity of an event, the same on every attempt to deliver it.

    Parameters
    ----------
    key : what makes the event the same event again, for one ``"digest of the recording"`` or ``"call id/position"``.
        A caller that is killed and starts over gives the same key, and no second alert is made. None: a random one.
    """
    return "evt_" + (uuid.uuid4().hex if key is None else hashlib.sha256(key.encode()).hexdigest()[:32])


@dataclass(frozen=True)
class AlertEvent:
    """One event to alert about, as it is stored and sent.

    Attributes
    ----------
    id : ``evt_`` and 32 hexadecimal digits, see `new_event_id`.
    kind : one of `KINDS`.
    time_s : when it happened, seconds since 1970-01-01 UTC.
    source : what was listened to, as the user named it.
    verdict : of `edge.decision.VERDICTS`, or None for events that are none.
    p_bonafide : probability that the voice is a real person, in [0, 1], or None.
    cm_score : its log-likelihood ratio in nats, higher = more bona fide, or None.
    speech_s : seconds of speech that was scored, or None.
    position_s : seconds from the start of the stream to the moment of the alarm, or None.
    model : name of the model, or None.
    call_id : identity of the call that the source gave, or None.
    caller : number or address of the other party, or None. Personal: hidden unless asked.
    caller_name : name of the other party, or None. Personal: hidden unless asked.
    recording : path of the recording, or None. Personal: dialers put names and numbers into it.
    note : one more sentence for the reader.

    Raises
    ------
    EventError
        A value is out of its range.
    """

    id: str
    kind: str
    time_s: float
    source: str
    verdict: str | None = None
    p_bonafide: float | None = None
    cm_score: float | None = None
    speech_s: float | None = None
    position_s: float | None = None
    model: str | None = None
    call_id: str | None = None
    caller: str | None = None
    caller_name: str | None = None
    recording: str | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise EventError(
                f"expected an id of evt_ and 32 hexadecimal digits, got {self.id!r}; make it by new_event_id()"
            )
        if self.kind not in KINDS:
            raise EventError(f"unknown kind of event {self.kind!r}; expected one of {', '.join(KINDS)}")
        for name in ("time_s", "p_bonafide", "cm_score", "speech_s", "position_s"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise EventError(f"{name} must be a finite number, got {value}; leave it out where it is not known")
        if self.p_bonafide is not None and not 0.0 <= self.p_bonafide <= 1.0:
            raise EventError(f"p_bonafide is a probability: expected 0 to 1, got {self.p_bonafide}")

    @property
    def title(self) -> str:
        """The event's kind in a few words, for the top of a notification."""
        return KINDS[self.kind]

    def summary(self) -> str:
        """Describe the event in one line of at most `MAX_SUMMARY` characters; nothing personal if it is redacted."""
        parts = [self.source]
        who = " ".join(filter(None, (self.caller_name, self.caller)))
        if who:
            parts.append(f"caller {who}")
        if self.p_bonafide is not None:
            parts.append(f"{100 * self.p_bonafide:.0f} % real")
        if self.speech_s is not None:
            parts.append(f"after {self.speech_s:.1f} s of speech")
        if self.recording is not None:
            parts.append(self.recording)
        if self.note:
            parts.append(self.note)
        text = printable(", ".join(parts))
        # Programs refuse arguments that are too long, and with them the alert.
        return text if len(text) <= MAX_SUMMARY else text[: MAX_SUMMARY - 1] + "…"

    def redacted(self, *, show_numbers: bool = False, show_names: bool = False) -> AlertEvent:
        """Return the event as it may be stored and sent: numbers keep two digits, names nothing, unless asked for."""
        number: Callable[[str], str] = str if show_numbers else hide_numbers
        values: dict[str, str | None] = {
            name: number(value) if (value := getattr(self, name)) else value
            for name in ("source", "call_id", "recording", "note")
        }
        # A number that is too short for the pattern, or the name part of an address, is personal all the same.
        values["caller"] = self.caller if show_numbers or not self.caller else hide_number(self.caller)
        if not show_names:
            values["caller_name"] = hide_name("") if self.caller_name else self.caller_name
            values["recording"] = hide_name(self.recording) if self.recording else self.recording
            values["source"] = hide_source(values["source"] or "")
        return replace(self, **values)  # type: ignore[arg-type] # source and note stay strings

    def to_json(self) -> str:
        """Write the event as JSON of one line; `event_from_json` reads it back."""
        data = {name: value for name, value in asdict(self).items() if value not in (None, "")}
        stamp = datetime.fromtimestamp(self.time_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = {"type": _TYPE_PREFIX + self.kind, "timestamp": stamp, "data": data}
        return json.dumps(body, separators=(",", ":"), allow_nan=False)


def event_from_json(text: str) -> AlertEvent:
    """Read an event that `AlertEvent.to_json` wrote; fields of later versions are passed over.

    Raises
    ------
    EventError
        It is not an event.
    """
    try:
        data: dict[str, Any] = json.loads(text)["data"]
        known = {item.name for item in fields(AlertEvent)}
        return AlertEvent(**{name: value for name, value in data.items() if name in known})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EventError(f"expected the JSON of an alert, got {text[:60]!r} ({error!r})") from error
