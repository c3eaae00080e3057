"""Alarms on their way into the outbox: none is forgotten because the disk was full for a minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from edge.alerts.event import OutboxError
from edge.alerts.service import Alerts
from edge.live.monitor import LiveClock
from edge.live.reports import Alarm

MAX_WAITING = 1000
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0


class Publisher:
    """Publishes alarms in order, and keeps those that cannot be written until they can.

    An event keeps its id, so that none becomes two. What waits is lost only with the process, or beyond `MAX_WAITING`.

    Parameters
    ----------
    complain : called with what is wrong, and when it is over.
    """

    def __init__(self, alerts: Alerts, complain: Callable[[str], None], *, clock: LiveClock) -> None:
        self._alerts, self._complain, self._clock = alerts, complain, clock
        self._waiting: deque[Alarm] = deque()
        self._written: deque[str] = deque(maxlen=100)
        self._retry_at = 0.0
        self._pause_s = FIRST_PAUSE_S

    def publish(self, alarm: Alarm) -> str:
        """Write one; return what became of it, as `edge.live.reports.json_line` shows it."""
        is_stuck = bool(self._waiting)
        self._waiting.append(alarm)
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self._complain(f"more than {MAX_WAITING} alerts wait for the outbox; the oldest one is LOST")
        # A locked outbox makes each attempt wait for seconds, in which no audio is scored.
        return "waiting" if is_stuck and self._clock.monotonic() < self._retry_at else self._drain()

    def retry(self) -> None:
        """Try again with what waits, if it is time; call it as often as you like."""
        if self._waiting and self._clock.monotonic() >= self._retry_at:
            self._drain()

    def due(self) -> Alarm | None:
        """Return an alarm that the policy held back and that is to be published now."""
        event = self._alerts.due()
        return None if event is None else Alarm(event, None)

    def settle(self, timeout_s: float) -> bool:
        """At the end write what waits, and give the receivers a little time; return whether no alert was lost.

        What is in the outbox and not delivered yet is delivered by the next process.
        """
        if self._waiting:
            self._drain()
        deadline = self._clock.monotonic() + timeout_s
        undelivered = 0
        try:
            for event_id in self._written:
                left_s = max(0.0, deadline - self._clock.monotonic())
                undelivered += not self._alerts.wait(event_id, timeout_s=left_s)
        except OutboxError as error:
            self._complain(str(error))
        if undelivered:
            self._complain(f"{undelivered} alert(s) could not be delivered yet; the next run of edge goes on with them")
        if self._waiting:
            self._complain(
                f"{len(self._waiting)} alert(s) could not be written and are LOST with the end of this process"
            )
        return not self._waiting

    def _drain(self) -> str:
        publication = "waiting"
        had_failed = self._pause_s > FIRST_PAUSE_S
        while self._waiting:
            alarm = self._waiting[0]
            try:
                publication = self._alerts.publish(alarm.event, topic=alarm.topic)
            except OutboxError as error:
                self._retry_at = self._clock.monotonic() + self._pause_s
                self._complain(
                    f"{len(self._waiting)} alert(s) could NOT be written and are not sent: {error}; "
                    f"trying again in {self._pause_s:g} s"
                )
                self._pause_s = min(2.0 * self._pause_s, LONGEST_PAUSE_S)
                return "waiting"
            self._waiting.popleft()
            if publication == "published":
                self._written.append(alarm.event.id)
        self._pause_s = FIRST_PAUSE_S
        if had_failed:
            self._complain("the outbox can be written again; the alerts that waited are on their way")
        return publication
