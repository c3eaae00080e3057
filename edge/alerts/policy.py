"""Decide which alerts are sent: a cooldown for repeated ones, and afterwards the truth about a source."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace

from edge.alerts.event import AlertEvent, new_event_id

_OUTAGE = ("source_back", "source_lost")
_DAY_S = 86400.0


class AlertPolicy:
    """Pure: times are passed in, in seconds since 1970. Each event is asked about before it goes to the outbox.

    A device that comes and goes makes alerts that their cooldown holds back. The last one that was sent may then say
    the opposite of what is true, so `due` returns the held one as soon as its cooldown is over.

    Parameters
    ----------
    cooldown_s : seconds after a sent alert in which further ones of its key are held back.
    sent_at : when the last alert of each key was sent, of `edge.alerts.outbox.Outbox.sent_at`.

    Examples
    --------
    >>> policy = AlertPolicy(60.0)
    >>> first, second = (AlertEvent(new_event_id(), "spoof", 0.0, source="mic") for _ in range(2))
    >>> policy.sends(first, now=0.0), policy.sends(second, now=59.0), policy.sends(second, now=60.0)
    (True, False, True)
    """

    def __init__(self, cooldown_s: float, sent_at: Mapping[str, float] | None = None) -> None:
        self._cooldown_s = cooldown_s
        self._sent = {key: (at, "") for key, at in (sent_at or {}).items()}
        self._held: dict[str, AlertEvent] = {}

    def sends(self, event: AlertEvent, now: float, *, topic: str = "", cooldown_s: float | None = None) -> bool:
        """Decide whether an event is sent now or only recorded.

        Parameters
        ----------
        event : unredacted, since two people's recordings look the same once their names are hidden.
        topic : as in `cooldown_key`.
        cooldown_s : in place of the policy's own.
        """
        key = cooldown_key(event, topic)
        at, event_id = self._sent.get(key, (-math.inf, ""))
        limit_s = self._cooldown_s if cooldown_s is None else cooldown_s
        # An event that could not be written is asked about again, and must not be held back by itself.
        sends = event.id == event_id or self._is_over(at, now, limit_s)
        if sends:
            self._sent = {key: sent for key, sent in self._sent.items() if not self._is_over(sent[0], now, _DAY_S)}
            self._sent[key] = (now, event.id)
        if event.kind in _OUTAGE:
            self._held.pop(event.source, None)
            if not sends and event.kind != self._last_sent(event.source):
                self._held[event.source] = event
        return sends

    def due(self, now: float) -> AlertEvent | None:
        """Return an event that says what a source's reader was not sent, once; the caller publishes it."""
        for event in self._held.values():
            if self._is_over(self._sent[cooldown_key(event)][0], now, self._cooldown_s):
                del self._held[event.source]
                note = f"for {now - event.time_s:.0f} s now, after it came and went"
                note = note if event.kind == "source_lost" else "it came and went"
                return replace(event, id=new_event_id(), time_s=now, position_s=None, note=note)
        return None

    def _last_sent(self, source: str) -> str:
        """Return the kind of the outage alert that was sent last; a source that had none is taken to be there."""
        return max(_OUTAGE, key=lambda kind: self._sent.get(_hashed(f"{kind}|{source}"), (-math.inf, ""))[0])

    @staticmethod
    def _is_over(at: float, now: float, limit_s: float) -> bool:
        # A moment in the future means that the clock was set back; silence until then could last for years.
        return abs(now - at) >= limit_s


def cooldown_key(event: AlertEvent, topic: str = "") -> str:
    """Return what events of one cooldown share: the topic, or kind and source; hashed, since it goes to disk."""
    return _hashed(topic or f"{event.kind}|{event.source}")


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
