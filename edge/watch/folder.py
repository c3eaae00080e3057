"""A watched folder: what of it is settled, and whether it is there at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from edge.watch.ledger import FolderRecord, Ledger
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
        """Look for recordings, see `Scanner.look`.

        Raises
        ------
        FolderAwayError
            It is not there, cannot be read, or what was mounted on it is not.
        """
        try:
            self._note_mount()
            return self._scanner.look(lambda path: path in self.known or is_waiting(path), full=full)
        except OSError as error:
            raise FolderAwayError(error.strerror or str(error)) from error

    def begin(self, skipped: list[Found]) -> None:
        """Keep in the ledger that it has been seen, and what of it is passed over."""
        self._ledger.begin_folder(self.path, skipped)
        self.record = replace(self.record, begun=True)

    def set_lost(self, lost_since: float | None) -> None:
        """Keep in the ledger since when it is away, in seconds since 1970."""
        self._mark(replace(self.record, lost_since=lost_since))

    def holds(self, path: str) -> bool:
        """Whether a path lies below this folder."""
        return path.startswith(self.path.rstrip(os.sep) + os.sep)

    def _note_mount(self) -> None:
        """An unmounted share leaves an empty folder behind, in which nothing will ever arrive."""
        mounted = os.path.ismount(self.path)
        if self.record.mounted and not mounted:
            with os.scandir(self.path) as entries:
                if next(entries, None) is None:
                    raise FolderAwayError("nothing is mounted there any more")
        if mounted != self.record.mounted:
            self._mark(replace(self.record, mounted=mounted))

    def _mark(self, record: FolderRecord) -> None:
        self._ledger.mark_folder(self.path, mounted=record.mounted, lost_since=record.lost_since)
        self.record = record
