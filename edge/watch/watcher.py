"""The watching itself: look at every folder, and hand over each recording that is complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from edge.watch.errors import UNWRITTEN
from edge.watch.folder import FolderAwayError, WatchedFolder
from edge.watch.ledger import Ledger
from edge.watch.outages import Outages
from edge.watch.recordings import Counts, RecordingDesk
from edge.watch.scanner import Found, Look
from edge.watch.settings import WatchSettings
from edge.watch.settling import Settling
from edge.watch.surroundings import Surroundings
from edge.watch.writers import held_open

FULL_LOOK_S = 30.0
"""How often, in seconds, every file is asked for its size and time; rarer where that takes long."""
_FULL_LOOK_SHARE = 0.02
# A program that never closes its recordings must not keep them from being scored for ever.
_HELD_S = 600.0
_TROUBLE_WAIT_S = 30.0
_SAY_AGAIN_S = 3600.0
_DAY_S = 86400.0
# File systems stamp with the time of the last tick, a little behind the clock.
_TICK_NS = 20_000_000


class Watcher:
    """Watches folders; knows neither threads nor signals.

    Parameters
    ----------
    settings : what to watch and how patiently.
    ledger : the memory.
    around : the outside.
    """

    def __init__(self, settings: WatchSettings, ledger: Ledger, around: Surroundings) -> None:
        self._settings, self._ledger, self._around = settings, ledger, around
        self._check, self._monotonic = around.check, around.monotonic
        self._skip = settings.existing == "skip"
        folders = [WatchedFolder(name, ledger, around.clock) for name in settings.folders]
        # One that is named twice is one.
        self._folders = list({folder.path: folder for folder in folders}.values())
        self._settling = Settling(settings.settle_s)
        self._desk = RecordingDesk(ledger, around)
        self._outages = Outages(settings.lost_after_s, around)
        self._full_at = self._prune_at = float("-inf")
        self._said: dict[str, float] = {}

    @property
    def counts(self) -> Counts:
        """What was done since the start."""
        return self._desk.counts

    @property
    def waiting(self) -> int:
        """Recordings that are not complete yet, or wait for another attempt."""
        return len(self._settling)

    def away(self) -> list[str]:
        """Folders that are not there, as the user named them."""
        return [folder.name for folder in self._folders if folder.away_since is not None]

    def poll(self, *, patient: bool = True) -> None:
        """Look at every folder once, and do what is complete.

        With ``patient`` false, a folder that is away is alerted at once: there is no later look.

        Raises
        ------
        StopAskedError
            From ``check``.
        """
        begun = self._monotonic()
        full = begun >= self._full_at
        for folder in self._folders:
            self._check()
            with self._postponing():
                self._visit(folder, full=full, patient=patient)
        if full:
            ended = self._monotonic()
            self._full_at = ended + max(FULL_LOOK_S, (ended - begun) / _FULL_LOOK_SHARE)
        self._settling.recheck(self._monotonic())
        for found in self._complete():
            self._check()
            with self._postponing(found):
                self._handle(found)
        if begun >= self._prune_at:
            self._prune_at = begun + _DAY_S
            with self._postponing():
                self._ledger.prune(older_than_s=self._settings.keep_days * _DAY_S, gone=self._is_gone)

    def _visit(self, folder: WatchedFolder, *, full: bool, patient: bool) -> None:
        try:
            look = folder.look(self._settling.__contains__, full=full)
        except FolderAwayError as error:
            self._outages.away(folder, str(error), patient=patient)
            return
        self._outages.back(folder)
        for path, reason in look.unreadable.items():
            self._trouble(f"{path}: cannot be read ({reason}); check its permissions", path)
        if not folder.record.begun:
            self._begin(folder, look)
        self._sort(folder, look)
        if look.full:
            known = folder.known
            folder.known = {item.path: item.version for item in look.files if known.get(item.path) == item.version}

    def _begin(self, folder: WatchedFolder, look: Look) -> None:
        """The first look ever: what is older than the wish to watch is passed over, unless it is to be scored."""
        since_ns = folder.record.since * 1e9 - _TICK_NS
        old = [found for found in look.files if found.mtime_ns < since_ns] if self._skip else []
        skipped = folder.begin(old)
        if skipped:
            self._around.report.note(
                f"{folder.name}: passed over {skipped} recordings that were there before; "
                "--existing score takes them too"
            )

    def _sort(self, folder: WatchedFolder, look: Look) -> None:
        """Recordings that need something wait from now on."""
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

    def _complete(self) -> list[Found]:
        now = self._monotonic()
        settled = self._settling.settled(now)
        held = held_open(found.path for found in settled)
        patience = max(_HELD_S, self._settings.settle_s)
        return [
            found
            for found in settled
            if found.path not in held or self._settling.unchanged_s(found.path, now) >= patience
        ]

    def _handle(self, found: Found) -> None:
        folder = next(folder for folder in self._folders if folder.holds(found.path))
        outcome = self._desk.handle(found, folder.name)
        if outcome.settled:
            self._settling.drop(found.path)
            folder.known[found.path] = found.version
        elif outcome.wait_s:
            self._settling.postpone(found.path, self._monotonic() + outcome.wait_s)

    def _is_gone(self, path: str) -> bool:
        """Whether a recording will not come back: one on a share that is away just now may."""
        watched = next((folder for folder in self._folders if folder.holds(path)), None)
        return (watched is None or watched.away_since is None) and not os.path.lexists(path)

    @contextmanager
    def _postponing(self, found: Found | None = None) -> Iterator[None]:
        """A full disk, or a lock on the outbox, can pass: say it, and try again later."""
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
            self._around.report.note(text, path)
