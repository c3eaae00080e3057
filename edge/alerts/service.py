"""The alerts as one object, which `edge listen` and `edge watch` hold, and the policy that decides what is sent."""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from edge.alerts.channels.channel import DAY_S, ChannelContext, Terminal
from edge.alerts.delivery import Dispatcher
from edge.alerts.event import AlertEvent, OutboxError, new_event_id
from edge.alerts.outbox import Outbox, Publication
from edge.alerts.settings import AlertSettings

_OUTAGE = ("source_back", "source_lost")


class Alerts:
    """Write events to the outbox and deliver them; a context manager, for the thread that made it.

    Parameters
    ----------
    settings : from `edge.alerts.settings.settings_from_table`.
    environment : where secrets and programs are looked up.
    terminal : the stream of the terminal channel, and of warnings.
    clock : seconds since 1970.
    rng : for the jitter of the waiting times; None draws a new seed.
    present : False for a short command beside the running service.

    Raises
    ------
    AlertConfigError
        A channel that is on cannot be built: said at the start, not at the first alarm.
    OutboxError
        The outbox cannot be used.
    """

    def __init__(
        self,
        settings: AlertSettings,
        *,
        environment: Mapping[str, str],
        terminal: Terminal,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        present: bool = True,
    ) -> None:
        self._settings, self._clock, self._rng = settings, clock, rng
        self._expiries = {name: settings.channels()[name].expires_s for name in settings.enabled()}
        self.outbox = self._open_outbox()
        try:
            self.outbox.prune(older_than_s=settings.keep_days * DAY_S)
            self._policy = AlertPolicy(settings.cooldown_s, self.outbox.sent_at())
            channels = settings.build_enabled(ChannelContext(environment, terminal, clock, present))
            with suppress(OSError, ValueError):
                for warning in settings.warnings(environment):
                    terminal.write(f"Warning: {warning}\n")
        except BaseException:
            self.outbox.close()
            raise
        self._pruned_at = clock()
        self._dispatcher = Dispatcher(self._open_outbox, channels)
        self._dispatcher.start()

    def __enter__(self) -> Alerts:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def publish(self, event: AlertEvent, *, cooldown_s: float | None = None, topic: str = "") -> Publication:
        """Redact the event, write it to disk, and wake the workers; returns without waiting for any receiver.

        Parameters
        ----------
        event : as it happened, unredacted.
        cooldown_s : seconds; None for the configured one.
        topic : events of one topic share a cooldown; the kind and source when empty.

        Raises
        ------
        OutboxError
            It could not be written. Nothing of it was: publish it again.
        """
        settings = self._settings
        safe = event.redacted(show_numbers=settings.show_numbers, show_names=settings.show_names)
        sends = self._policy.sends(event, self._clock(), topic=topic, cooldown_s=cooldown_s)
        done = self.outbox.publish(safe, self._expiries, held=not sends, cooldown_key=cooldown_key(event, topic))
        if done == "published":
            self._dispatcher.wake()
        if self._clock() - self._pruned_at > DAY_S:
            # A service may run for months.
            self._pruned_at = self._clock()
            # The event is written; that old ones could not be forgotten must not make the caller publish it again.
            with suppress(OutboxError):
                self.outbox.prune(older_than_s=settings.keep_days * DAY_S)
        return done

    def due(self) -> AlertEvent | None:
        """Return an event of the policy's own that is to be published now."""
        return self._policy.due(self._clock())

    def wait(self, event_id: str, *, timeout_s: float, poll_s: float = 0.05) -> bool:
        """Wait until no delivery of an event is pending; return whether that came in time."""
        deadline = time.monotonic() + timeout_s
        while any(delivery.state == "pending" for delivery in self.outbox.deliveries(event_id)):
            if time.monotonic() > deadline:
                return False
            time.sleep(poll_s)
        return True

    def troubles(self) -> dict[str, str]:
        """Return by channel why its worker cannot use the outbox now; empty when all is well."""
        return self._dispatcher.troubles()

    def close(self) -> None:
        """End the workers; what is still pending is delivered by the next process."""
        self._dispatcher.close()
        self.outbox.close()

    def _open_outbox(self) -> Outbox:
        settings = self._settings
        path = Path(settings.outbox).expanduser()
        return Outbox(path, clock=self._clock, rng=self._rng, retry=settings.retry)


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
            self._sent = {key: sent for key, sent in self._sent.items() if not self._is_over(sent[0], now, DAY_S)}
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
