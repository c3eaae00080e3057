"""Folders that are away: said at once, alerted once an outage, also over restarts."""

from __future__ import annotations

from edge.watch.alerting import outage_event
from edge.watch.folder import WatchedFolder
from edge.watch.surroundings import Surroundings


class Outages:
    """Tells of folders that go away and come back.

    Parameters
    ----------
    lost_after_s : seconds for which a folder must be away before that is an alert.
    around : where events and notes go, and the clocks.
    """

    def __init__(self, lost_after_s: float, around: Surroundings) -> None:
        self._lost_after_s, self._around = lost_after_s, around

    def away(self, folder: WatchedFolder, reason: str, *, patient: bool = True) -> None:
        """A look found the folder away. With ``patient`` false it is alerted at once: there is no later look.

        Raises
        ------
        OutboxError, LedgerError
            It could not be written; call it again.
        """
        now = self._around.monotonic()
        if folder.away_since is None:
            folder.away_since = now
            self._around.report.note(f"{folder.name}: the folder is away ({reason}); it is looked for again and again")
        if folder.told or (patient and now - folder.away_since < self._lost_after_s):
            return
        lost_since = folder.record.lost_since
        if lost_since is None:
            lost_since = self._around.clock()
            # First, so that a kill after the alert makes no second one of the same outage.
            folder.set_lost(lost_since)
        self._around.publish(outage_event(folder.name, folder.path, lost_since, self._around.clock(), reason))
        folder.told = True

    def back(self, folder: WatchedFolder) -> None:
        """A look found the folder there. Raises as `away` does."""
        lost_since = folder.record.lost_since
        if lost_since is not None:
            self._around.publish(outage_event(folder.name, folder.path, lost_since, self._around.clock()))
            folder.set_lost(None)
        if lost_since is not None or folder.away_since is not None:
            self._around.report.note(f"{folder.name}: the folder is back")
        folder.away_since, folder.told = None, False
