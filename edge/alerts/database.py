"""The outbox's file: opened so that it stands kill -9, a cut of the power, and several processes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from edge.alerts.errors import OutboxError
from edge.service import database_file
from edge.service.database_file import transaction

__all__ = ["explained", "open_database", "transaction"]

BUSY_S = 10.0
_T = TypeVar("_T")
_TABLES = """
CREATE TABLE events (
    id TEXT PRIMARY KEY,
    created_at REAL NOT NULL,
    suppressed INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX events_by_time ON events (created_at);
CREATE TABLE deliveries (
    event_id TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'dead', 'expired')),
    attempts INTEGER NOT NULL,
    next_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    lease TEXT,
    last_error TEXT,
    PRIMARY KEY (event_id, channel)
) WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (channel, state, next_at);
CREATE TABLE cooldowns (
    key TEXT PRIMARY KEY,
    started_at REAL NOT NULL,
    suppressed INTEGER NOT NULL
) WITHOUT ROWID;
"""
_KIND = database_file.Kind(
    noun="outbox",
    article="an",
    failure=OutboxError,
    version=1,
    tables=_TABLES,
    moved_away="a new one is made, and what was in it is not sent",
)


def open_database(path: Path) -> sqlite3.Connection:
    """Open or make the file, in WAL mode.

    Raises
    ------
    OutboxError
        It cannot be opened, is no outbox, or belongs to a later version.
    """
    with explained(path):
        return database_file.open_private(path, BUSY_S, partial(_prepare, path=path))


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system say into an error that says what to do."""
    hint = f"another process held it for more than {BUSY_S:g} s; end that one"
    with database_file.explained(path, _KIND, hint):
        yield


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    _patiently(lambda: database_file.refuse_foreign(database, path, _KIND))
    mode = _patiently(lambda: database.execute("PRAGMA journal_mode = WAL").fetchone()[0])
    if mode != "wal":
        raise sqlite3.OperationalError(f"the file system does not take SQLite's WAL mode, but {mode}")
    # In WAL mode NORMAL may lose the last commits when the power goes; alerts are rare enough to wait for the disk.
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA foreign_keys = ON")
    with transaction(database):
        database_file.refuse_later(database, path, _KIND)
        if database.execute("PRAGMA user_version").fetchone()[0] == 0:
            database_file.make_tables(database, _KIND)


def _patiently(ask: Callable[[], _T]) -> _T:
    """Ask again while it is locked: two processes that switch to WAL at once collide without SQLite's own waiting."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            return ask()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
