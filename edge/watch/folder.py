"""A watched folder: what of it is settled, and whether it is there at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from edge.watch.ledger import FolderRecord, Ledger
from edge.watch.names import is_below
from edge.watch.scanner import Found, Look, Scanner


class FolderAwayError(Exception):
    """The folder cannot be looked into now; the message says why."""


class WatchedFolder:
    """One of the folders, looked at again and again.

    Parameters
    ----------
    name : as the user named it.
    ledger : where its state is kept.
    clock : seconds since 1970.

    Attributes
    ----------
    path : absolute.
    known : recordings that need nothing more, with their version.
    away_since : monotonic seconds of the first look that failed, None while it is there.
    told : whether this outage has been alerted by this process.
    """

    def __init__(self, name: str, ledger: Ledger, clock: Callable[[], float]) -> None:
        self.name, self.path = name, os.path.abspath(os.path.expanduser(name))
        self.known: dict[str, tuple[int, int]] = {}
        self.away_since: float | None = None
        self.told = False
        self._ledger = ledger
        self._scanner = Scanner(self.path, clock)
        self.record = ledger.folder(self.path)

    def look(self, is_waiting: Callable[[str], bool], *, full: bool) -> Look:
        """Look for recordings, see `Scanner.look`; the first look, and one after an outage, is full whatever is asked.

        Raises
        ------
        FolderAwayError
            It is not there, cannot be read, or what was mounted on it is not.
        """
        try:
            self._note_mount()
            full = full or self.away_since is not None or not self.record.begun
            return self._scanner.look(lambda path: path in self.known or is_waiting(path), full=full)
        except OSError as error:
            raise FolderAwayError(error.strerror or str(error)) from error

    def begin(self, old: list[Found]) -> int:
        """Keep in the ledger that it has been seen, and what of it is passed over; returns how many those are."""
        skipped = self._ledger.begin_folder(self.path, old)
        self.record = replace(self.record, begun=True)
        return skipped

    def set_lost(self, lost_since: float | None) -> None:
        """Keep in the ledger since when it is away, in seconds since 1970."""
        self._mark(replace(self.record, lost_since=lost_since))

    def holds(self, path: str) -> bool:
        """Whether a path lies below this folder."""
        return is_below(path, self.path)

    def _note_mount(self) -> None:
        """An unmounted share leaves an empty folder behind, in which nothing will ever arrive."""
        # A link is no mount point, what it leads to can be.
        mounted = os.path.ismount(os.path.realpath(self.path))
        if self.record.mounted and not mounted:
            with os.scandir(self.path) as entries:
                if next(entries, None) is None:
                    raise FolderAwayError("nothing is mounted there any more")
        if mounted != self.record.mounted:
            # What was seen so far lay below the mount: of the share, this is the first look.
            self._mark(replace(self.record, mounted=mounted, begun=self.record.begun and not mounted))

    def _mark(self, record: FolderRecord) -> None:
        self._ledger.mark_folder(self.path, record)
        self.record = record
