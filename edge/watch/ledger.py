"""What was done with which recording, kept across restarts.

    start    ── before a recording is touched: one that kills the process is not tried again at once, for ever
    finish   ── its content is done, under whatever name it comes back
    fail     ── it cannot be read: again later; a bounded number of times where its content is to blame
    release  ── nothing came of it: as if it had not been started

A recording is its path, size and modification time; its content is the SHA-256 of the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.errors import EdgeError
from edge.service.database_file import DatabaseFile, Kind
from edge.watch.scanner import Found, is_below


class LedgerError(EdgeError):
    """The ledger on disk cannot be opened, read or written."""


Standing = Literal["new", "settled"]
_BUSY_S = 2.0
_KIND = Kind(
    noun="a ledger",
    failure=LedgerError,
    version=2,
    # Paths are bytes: not every name is text.
    tables="""
CREATE TABLE folders (
    path BLOB PRIMARY KEY,
    since REAL NOT NULL,
    seen INTEGER NOT NULL,
    lost_since REAL
) WITHOUT ROWID;
CREATE TABLE files (
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('skipped', 'trying', 'waiting', 'done', 'failed')),
    attempts INTEGER NOT NULL,
    next_at REAL NOT NULL,
    at REAL NOT NULL,
    digest BLOB,
    error TEXT
) WITHOUT ROWID;
CREATE INDEX files_by_time ON files (mtime_ns);
CREATE INDEX files_by_age ON files (at);
CREATE TABLE contents (
    digest BLOB PRIMARY KEY,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX contents_by_age ON contents (at);
""",
    upgrades={
        1: """
ALTER TABLE folders RENAME COLUMN begun TO seen;
ALTER TABLE folders DROP COLUMN mounted;
ALTER TABLE files DROP COLUMN inode;
ALTER TABLE files DROP COLUMN interruptions;
ALTER TABLE contents DROP COLUMN results
"""
    },
    moved_away="a new one is made, and recordings that are there count as existing ones",
    # Two processes would score every recording twice.
    held="end the other `edge watch`, or give this one a ledger of its own with --ledger",
    exclusive=True,
)
_FIRST_WAIT_S, _LONGEST_WAIT_S = 10.0, 3600.0
_FREE_INTERRUPTIONS = 3
_SECOND_NS = 1_000_000_000
_INSERT = (
    "INSERT INTO files (path, size, mtime_ns, state, attempts, next_at, at)"
    " VALUES (?, ?, ?, ?, 0, ?, ?) ON CONFLICT (path) DO "
)
_REPLACE = (
    _INSERT + "UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns, state = excluded.state, attempts = 0,"
    " next_at = excluded.next_at, at = excluded.at, digest = NULL, error = NULL"
)


def readable(text: str) -> str:
    """Escape what is no text in a name, so that it can be written everywhere: names are bytes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def wait_s(attempts: int) -> float:
    """Return the seconds until a recording is tried again after so many attempts: 10, 40, 160, 640, then an hour."""
    return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 4.0 ** min(attempts - 1, 10))


@dataclass(frozen=True)
class FolderRecord:
    """What the ledger has of a watched folder; times in seconds since 1970.

    Attributes
    ----------
    since : when it was first asked for.
    seen : whether it has been looked into yet.
    lost_since : since when it is away, as alerted; None while it is there.
    """

    since: float
    seen: bool
    lost_since: float | None


class Ledger(DatabaseFile):
    """The ledger of what was done; for one thread of one process.

    Parameters
    ----------
    path : the SQLite file; made when it is missing.
    clock : seconds since 1970. Wall time, since it must mean the same after a restart.
    attempts : how often a recording that cannot be decoded is tried.

    Raises
    ------
    LedgerError
        The file cannot be used. Every method raises it too, for one when the disk is full.
    """

    def __init__(self, path: str | Path, *, clock: Callable[[], float], attempts: int = 5) -> None:
        self._clock, self.attempts = clock, attempts
        super().__init__(Path(path).expanduser(), _KIND, busy_s=_BUSY_S)

    def folder(self, folder: str) -> FolderRecord:
        """Return the record of a watched folder; one that is asked for the first time is noted as not yet seen."""
        path = os.fsencode(folder)
        with self.write() as database:
            database.execute("INSERT OR IGNORE INTO folders VALUES (?, ?, 0, NULL)", (path, self._clock()))
            row = database.execute("SELECT since, seen, lost_since FROM folders WHERE path = ?", (path,)).fetchone()
        return FolderRecord(row[0], bool(row[1]), row[2])

    def set_seen(self, folder: str, old: Iterable[Found]) -> int:
        """Note the first look at a folder and pass over what is old, all of it or nothing; return how many.

        What another watched folder holds is left to that one: it may have come while nothing watched.
        """
        now = self._clock()
        with self.write() as database:
            rows = database.execute("SELECT path FROM folders WHERE seen AND path != ?", (os.fsencode(folder),))
            others = [os.fsdecode(path) for (path,) in rows]
            skipped = [found for found in old if not any(is_below(found.path, other) for other in others)]
            before = database.total_changes
            database.executemany(_INSERT + "NOTHING", [(*_row(found), "skipped", 0.0, now) for found in skipped])
            count = database.total_changes - before
            database.execute("UPDATE folders SET seen = 1 WHERE path = ?", (os.fsencode(folder),))
        return count

    def set_lost(self, folder: str, lost_since: float | None) -> None:
        """Note since when a watched folder is away, or that it is there."""
        with self.write() as database:
            database.execute("UPDATE folders SET lost_since = ? WHERE path = ?", (lost_since, os.fsencode(folder)))

    def standing(self, found: Found, *, skip: bool = True) -> tuple[Standing, float]:
        """Return whether a recording is ``new`` or ``settled``, and for how many seconds it must wait if it is new.

        With ``skip`` false, what was passed over is new.
        """
        with self.read() as database:
            row = database.execute(
                "SELECT state, next_at FROM files WHERE path = ? AND size = ? AND mtime_ns = ?", _row(found)
            ).fetchone()
        if row is None:
            return ("settled" if skip and self._was_skipped(found) else "new"), 0.0
        state, next_at = row
        if state in ("done", "failed") or (state == "skipped" and skip):
            return "settled", 0.0
        wait = next_at - self._clock()
        # Longer than any wait that we set: the clock was set back.
        return "new", max(0.0, wait) if wait <= _LONGEST_WAIT_S else 0.0

    def _was_skipped(self, found: Found) -> bool:
        """Whether it is a passed-over recording, which was never read, under another name or in another folder."""
        with self.read() as database:
            rows = database.execute(
                "SELECT path FROM files WHERE mtime_ns = ? AND size = ? AND state = 'skipped'",
                (found.mtime_ns, found.size),
            ).fetchall()
        # A time in nanoseconds is as good as an identity; in whole seconds, both sides of a call can have the same.
        name = os.path.basename(os.fsencode(found.path))
        precise = bool(found.mtime_ns % _SECOND_NS)
        return any(precise or os.path.basename(path) == name for (path,) in rows)

    def start(self, found: Found) -> None:
        """Note that a recording is being worked on."""
        now = self._clock()
        with self.write() as database:
            row = database.execute(
                "SELECT state, attempts FROM files WHERE path = ? AND size = ? AND mtime_ns = ?"
                " AND state IN ('trying', 'waiting')",
                _row(found),
            ).fetchone()
            if row is None:
                database.execute(_REPLACE, (*_row(found), "trying", now, now))
                return
            # The process ended within: killed, or by this very recording. Never given up, since an alert may hang on
            # it; but others get their turn first, and a service that it ends is not ended every few seconds.
            attempts = row[1] + (row[0] == "trying")
            late = attempts - _FREE_INTERRUPTIONS
            database.execute(
                "UPDATE files SET state = 'trying', attempts = ?, next_at = ?, at = ? WHERE path = ?",
                (attempts, now + (wait_s(late) if late > 0 else 0.0), now, os.fsencode(found.path)),
            )

    def is_done(self, digest: bytes) -> bool:
        """Return whether a recording of this content was done."""
        with self.read() as database:
            return bool(database.execute("SELECT 1 FROM contents WHERE digest = ?", (digest,)).fetchone())

    def finish(self, found: Found, digest: bytes) -> None:
        """Note that a recording is done, and so is its content."""
        now = self._clock()
        with self.write() as database:
            database.execute("INSERT OR IGNORE INTO contents VALUES (?, ?)", (digest, now))
            database.execute(
                "UPDATE files SET state = 'done', at = ?, digest = ?, error = NULL WHERE path = ?",
                (now, digest, os.fsencode(found.path)),
            )

    def attempt(self, found: Found, *, for_good: bool = True) -> tuple[int, float | None]:
        """Return the attempt that was started, from 1, and the seconds to the next when it fails; None for no more.

        With ``for_good`` false it is never given up.
        """
        with self.read() as database:
            row = database.execute("SELECT attempts FROM files WHERE path = ?", (os.fsencode(found.path),)).fetchone()
        attempts = int(row[0]) + 1
        return attempts, None if for_good and attempts >= self.attempts else wait_s(attempts)

    def fail(self, found: Found, error: str, attempts: int, wait: float | None) -> None:
        """Note that a recording cannot be read, with what `attempt` returned."""
        now = self._clock()
        state, next_at = ("failed", now) if wait is None else ("waiting", now + wait)
        with self.write() as database:
            database.execute(
                "UPDATE files SET state = ?, attempts = ?, next_at = ?, at = ?, error = ? WHERE path = ?",
                (state, attempts, next_at, now, readable(error), os.fsencode(found.path)),
            )

    def release(self, found: Found) -> None:
        """Note that nothing came of a recording, which was not to blame: it is as new as before."""
        with self.write() as database:
            database.execute(
                "UPDATE files SET state = 'waiting', next_at = ? WHERE path = ? AND state = 'trying'",
                (self._clock(), os.fsencode(found.path)),
            )

    def prune(self, *, older_than_s: float, gone: Callable[[str], bool]) -> int:
        """Forget recordings that were done so many seconds ago and are ``gone``; return how many.

        Their contents are forgotten with them, unless a recording that is still there has the same.
        """
        before = self._clock() - older_than_s
        with self.write() as database:
            rows = database.execute("SELECT path FROM files WHERE at < ?", (before,)).fetchall()
            old = [(path,) for (path,) in rows if gone(os.fsdecode(path))]
            database.executemany("DELETE FROM files WHERE path = ?", old)
            if old:
                database.execute(
                    "DELETE FROM contents WHERE at < ? AND digest NOT IN"
                    " (SELECT digest FROM files WHERE digest IS NOT NULL)",
                    (before,),
                )
        return len(old)


def _row(found: Found) -> tuple[bytes, int, int]:
    return os.fsencode(found.path), found.size, found.mtime_ns
