"""The alerts as one object: what `edge listen` and `edge watch` hold."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from edge.alerts.channels.channel import DAY_S, ChannelContext, Terminal
from edge.alerts.delivery import Dispatcher
from edge.alerts.errors import OutboxError
from edge.alerts.event import AlertEvent
from edge.alerts.outbox import Outbox, Publication
from edge.alerts.policy import AlertPolicy, cooldown_key
from edge.alerts.settings import AlertSettings


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
