"""Look into every watched folder, once or as a service, and process each recording that is complete."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from edge.alerts.event import AlertEvent, new_event_id
from edge.alerts.service import Alerts
from edge.service.process import Notifier, StopSignal
from edge.watch.ledger import Ledger, readable
from edge.watch.recordings import (
    UNWRITTEN,
    Counts,
    Publish,
    RecordingProcessor,
    Report,
    ScoreFile,
    StopAskedError,
    source_name,
)
from edge.watch.scanner import Found, Look, Settling, is_below, scan
from edge.watch.settings import WatchSettings

FULL_LOOK_S = 30.0
"""How often, in seconds, every file is asked for its size and time; rarer where that takes long."""
_FULL_LOOK_SHARE = 0.02
_TROUBLE_WAIT_S = 30.0
_SAY_AGAIN_S = 3600.0
_DAY_S = 86400.0
# File systems stamp with the time of the last tick, a little behind the clock.
_TICK_NS = 20_000_000
# A watchdog expects a sign of life between two looks, however far apart they are.
_SLICE_S = 5.0
_MARGIN_S = 0.02


class WatchedFolder:
    """A watched folder and what is known of it.

    Attributes
    ----------
    name, path : as the user named it, and absolute.
    record : what the ledger has of it.
    known : recordings that need nothing more, with their version.
    away_since : monotonic seconds of the first look that failed, None while it is there.
    alerted : whether this outage has been alerted by this process.
    """

    def __init__(self, name: str, ledger: Ledger) -> None:
        self.name, self.path = name, os.path.abspath(os.path.expanduser(name))
        self.record = ledger.folder(self.path)
        self.known: dict[str, tuple[int, int]] = {}
        self.away_since: float | None = None
        self.alerted = False


class Watcher:
    """Watch folders; `poll` is one look.

    Parameters
    ----------
    settings : what to watch and how patiently.
    ledger : the memory.
    score, publish, report, check : as of `RecordingProcessor`.
    clock : seconds since 1970.
    monotonic : seconds that never run backwards.
    """

    def __init__(
        self,
        settings: WatchSettings,
        ledger: Ledger,
        *,
        score: ScoreFile,
        publish: Publish,
        report: Report,
        check: Callable[[], None],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._ledger, self._publish, self._report = settings, ledger, publish, report
        self._check, self._clock, self._monotonic = check, clock, monotonic
        self._skip = settings.existing == "skip"
        folders = [WatchedFolder(name, ledger) for name in settings.folders]
        # One that is named twice is one.
        self._folders = list({folder.path: folder for folder in folders}.values())
        self._settling = Settling(settings.settle_s)
        self._processor = RecordingProcessor(
            ledger, score=score, publish=publish, report=report, check=check, clock=clock
        )
        self._full_at = self._prune_at = float("-inf")
        self._said: dict[str, float] = {}

    @property
    def counts(self) -> Counts:
        """What was done since the start."""
        return self._processor.counts

    @property
    def waiting(self) -> int:
        """Recordings that are not complete yet, or wait for another attempt."""
        return len(self._settling)

    def away(self) -> list[str]:
        """Folders that are not there, as the user named them."""
        return [folder.name for folder in self._folders if folder.away_since is not None]

    def poll(self, *, patient: bool = True) -> None:
        """Look at every folder once, and process what is complete.

        With ``patient`` false, a folder that is away is alerted at once: there is no later look.

        Raises
        ------
        StopAskedError
            From ``check``.
        """
        start = self._monotonic()
        full = start >= self._full_at
        for folder in self._folders:
            self._check()
            with self._postponing():
                self._visit(folder, full=full, patient=patient)
        if full:
            end = self._monotonic()
            self._full_at = end + max(FULL_LOOK_S, (end - start) / _FULL_LOOK_SHARE)
        now = self._monotonic()
        self._settling.recheck(now)
        for found in self._settling.settled(now):
            self._check()
            with self._postponing(found):
                self._process(found)
        if start >= self._prune_at:
            self._prune_at = start + _DAY_S
            with self._postponing():
                self._ledger.prune(older_than_s=self._settings.keep_days * _DAY_S, gone=self._is_gone)

    def _visit(self, folder: WatchedFolder, *, full: bool, patient: bool) -> None:
        # The first look, and one after an outage, is full.
        full = full or folder.away_since is not None or not folder.record.seen
        try:
            look = scan(folder.path, lambda path: not full and (path in folder.known or path in self._settling))
        except OSError as error:
            self._note_away(folder, error.strerror or str(error), patient=patient)
            return
        self._note_back(folder)
        for path, reason in look.unreadable.items():
            self._trouble(f"{path}: cannot be read ({reason}); check its permissions", path)
        if not folder.record.seen:
            self._pass_over(folder, look)
        self._sort(folder, look)
        if full:
            known = folder.known
            folder.known = {item.path: item.version for item in look.files if known.get(item.path) == item.version}

    def _note_away(self, folder: WatchedFolder, reason: str, *, patient: bool) -> None:
        """Say at once that a folder is away, and alert it once an outage, also over restarts."""
        now = self._monotonic()
        if folder.away_since is None:
            folder.away_since = now
            self._report.note(f"{folder.name}: the folder is away ({reason}); it is looked for again and again")
        if folder.alerted or (patient and now - folder.away_since < self._settings.lost_after_s):
            return
        lost_since = folder.record.lost_since
        if lost_since is None:
            lost_since = self._clock()
            # First, so that a kill after the alert makes no second one of the same outage.
            self._set_lost(folder, lost_since)
        self._publish(outage_event(folder.name, folder.path, lost_since, self._clock(), reason))
        folder.alerted = True

    def _note_back(self, folder: WatchedFolder) -> None:
        lost_since = folder.record.lost_since
        if lost_since is not None:
            self._publish(outage_event(folder.name, folder.path, lost_since, self._clock()))
            self._set_lost(folder, None)
        if lost_since is not None or folder.away_since is not None:
            self._report.note(f"{folder.name}: the folder is back")
        folder.away_since, folder.alerted = None, False

    def _set_lost(self, folder: WatchedFolder, lost_since: float | None) -> None:
        self._ledger.set_lost(folder.path, lost_since)
        folder.record = replace(folder.record, lost_since=lost_since)

    def _pass_over(self, folder: WatchedFolder, look: Look) -> None:
        """Pass over at the first look what is older than the wish to watch, unless it is to be scored."""
        since_ns = folder.record.since * 1e9 - _TICK_NS
        old = [found for found in look.files if found.mtime_ns < since_ns] if self._skip else []
        skipped = self._ledger.set_seen(folder.path, old)
        folder.record = replace(folder.record, seen=True)
        if skipped:
            self._report.note(
                f"{folder.name}: passed over {skipped} recordings that were there before; "
                "--existing score includes them"
            )

    def _sort(self, folder: WatchedFolder, look: Look) -> None:
        """Let recordings that need something wait from now on."""
        now = self._monotonic()
        for found in look.files:
            if found.path in self._settling:
                self._settling.note(found, now)
            elif folder.known.get(found.path) != found.version:
                standing, wait = self._ledger.standing(found, skip=self._skip)
                if standing == "settled":
                    folder.known[found.path] = found.version
                else:
                    folder.known.pop(found.path, None)
                    self._settling.note(found, now)
                    self._settling.postpone(found.path, now + wait)

    def _process(self, found: Found) -> None:
        folder = next(folder for folder in self._folders if is_below(found.path, folder.path))
        wait_s = self._processor.process(found, folder.name)
        if wait_s is None:
            self._settling.drop(found.path)
            folder.known[found.path] = found.version
        elif wait_s:
            self._settling.postpone(found.path, self._monotonic() + wait_s)

    def _is_gone(self, path: str) -> bool:
        """Whether a recording will not come back; one in a folder that is away just now may."""
        watched = next((folder for folder in self._folders if is_below(path, folder.path)), None)
        return (watched is None or watched.away_since is None) and not os.path.lexists(path)

    @contextmanager
    def _postponing(self, found: Found | None = None) -> Iterator[None]:
        """Note a full disk, or a lock on the outbox, and try again later: it can pass."""
        try:
            yield
        except UNWRITTEN as error:
            self._trouble(str(error))
            if found is not None:
                self._settling.postpone(found.path, self._monotonic() + _TROUBLE_WAIT_S)

    def _trouble(self, text: str, path: str = "") -> None:
        """Note and count it, but not at every look."""
        now = self._monotonic()
        self._said = {said: at for said, at in self._said.items() if now - at < _SAY_AGAIN_S}
        if text not in self._said:
            self._said[text] = now
            self.counts.failed += 1
            self._report.note(text, path)


def outage_event(folder: str, path: str, lost_since: float, now_s: float, reason: str = "") -> AlertEvent:
    """Make the event that a folder is away (with a ``reason``) or back (without one), from the outage since then."""
    kind = "source_lost" if reason else "source_back"
    identity = new_event_id(f"{kind} {readable(path)} {lost_since!r}")
    return AlertEvent(id=identity, kind=kind, time_s=now_s, source=source_name(folder), note=reason)


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
