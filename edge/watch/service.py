"""Watching as a service until the end is asked for, or once for cron."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge.alerts.event import AlertEvent
from edge.alerts.service import Alerts
from edge.service.stopping import StopSignal
from edge.service.systemd import Notifier
from edge.watch.recordings import Report, StopAskedError
from edge.watch.watcher import Watcher

# A watchdog expects a sign of life between two looks, however far apart they are.
_SLICE_S = 5.0
_MARGIN_S = 0.02
_DAY_S = 86400.0


def publish(alerts: Alerts, event: AlertEvent, report: Report) -> None:
    """Publish an event of the watcher with the cooldown of its kind; say where it was published before.

    Two recordings within a minute are two calls, and neither may be held back; but one that is scored again and again
    while a recorder makes it longer is one. Recordings without any sound come from one cause: once a day is enough.
    """
    if event.kind == "spoof":
        done = alerts.publish(event, topic=f"{event.source}|{event.recording}")
    else:
        done = alerts.publish(event, cooldown_s=_DAY_S if event.kind == "silenced" else 0.0)
    if done == "known" and event.recording:
        text = f"{event.recording}: its alert is in the outbox already and is not sent again; see `edge events`"
        report.note(text, event.recording)


def check_stop(stop: StopSignal, manager: Notifier) -> Callable[[], None]:
    """Make the function that the watcher calls between two pieces of work."""

    def check() -> None:
        manager.alive()
        if stop.asked:
            raise StopAskedError

    return check


def serve(
    watcher: Watcher, stop: StopSignal, manager: Notifier, alerts: Alerts, report: Report, *, poll_s: float
) -> None:
    """Watch as a service until the end is asked for; what is being read then is left for the next start."""
    # Before the first look: what came meanwhile can take longer than a service may take to start.
    manager.ready()
    troubles: dict[str, str] = {}
    try:
        while True:
            watcher.poll()
            manager.status(describe(watcher))
            now = alerts.troubles()
            for channel, why in now.items():
                if troubles.get(channel) != why:
                    report.note(f"alerts.{channel}: {why}")
            troubles = now
            if _pause(stop, manager, poll_s):
                break
    except StopAskedError:
        pass
    finally:
        manager.stopping()


def run_once(watcher: Watcher, stop: StopSignal, *, settle_s: float) -> None:
    """Process what is complete now: two looks, as far apart as a recording must stay unchanged."""
    try:
        watcher.poll(patient=False)
        if watcher.waiting and not stop.wait(settle_s + _MARGIN_S):
            watcher.poll(patient=False)
    except StopAskedError:
        pass


def wait_for_deliveries(alerts: Alerts, channels: list[str], stop: StopSignal, *, timeout_s: float) -> int:
    """Wait for the deliveries over these channels; return how many are left for the next process."""
    deadline = time.monotonic() + timeout_s
    while True:
        counts = alerts.outbox.counts()
        pending = sum(counts.get((channel, "pending"), 0) for channel in channels)
        if not pending or time.monotonic() > deadline or stop.wait(0.05):
            return pending


def describe(watcher: Watcher) -> str:
    """Describe in one line what was done and what is wrong, without the name of a recording."""
    counts = watcher.counts
    parts = [f"{counts.scored} recordings scored, {counts.spoof} of them spoof"]
    if counts.failed:
        parts.append(f"{counts.failed} failures")
    if watcher.waiting:
        parts.append(f"{watcher.waiting} waiting")
    if away := watcher.away():
        parts.append(f"away: {', '.join(away)}")
    return "; ".join(parts)


def _pause(stop: StopSignal, manager: Notifier, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        manager.alive()
        if stop.wait(min(left, _SLICE_S)):
            return True
    return stop.asked
