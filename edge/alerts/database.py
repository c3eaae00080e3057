"""The outbox's file: opened so that it stands kill -9, a cut of the power, and several processes."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.alerts.errors import OutboxError

SCHEMA_VERSION = 1
BUSY_S = 10.0
_SCHEMA = """
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


def open_database(path: Path) -> sqlite3.Connection:
    """Open or make the file, in WAL mode.

    Raises
    ------
    OutboxError
        It cannot be opened, is no outbox, or belongs to a later version.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite gives its -wal and -shm files the mode of this one: who called is nobody else's business.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            _prepare(database, path)
        except BaseException:
            database.close()
            raise
        return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of the block or nothing of it; other writers wait."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
        database.execute("COMMIT")
    except BaseException:
        # A full disk can have rolled back by itself.
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system say into an error that says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        hint = "look for a full disk or missing permission"
        if "not a database" in str(error) or "malformed" in str(error):
            hint = "move the file away; a new one is made, and what was in it is not sent"
        elif "locked" in str(error):
            hint = f"another process held it for more than {BUSY_S:g} s; end that one"
        raise OutboxError(f"{path}: the outbox cannot be used ({error}); {hint}") from error
    except OSError as error:
        raise OutboxError(
            f"{path}: the outbox cannot be opened ({error.strerror or error}); "
            "give a path in a folder that can be written"
        ) from error


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    _enter_wal(database)
    # In WAL mode NORMAL may lose the last commits when the power goes; alerts are rare enough to wait for the disk.
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA foreign_keys = ON")
    # A database is made in one transaction, so that a kill leaves all of its tables or none.
    with transaction(database):
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise OutboxError(
                f"{path}: an outbox of version {version}, expected at most {SCHEMA_VERSION}; "
                "a later bonafone made it: install that one again, or give another path"
            )
        if version == 0:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _enter_wal(database: sqlite3.Connection) -> None:
    """Switch to WAL; two processes that do so at once collide without SQLite's own waiting."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            mode = database.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
            continue
        if mode != "wal":
            raise sqlite3.OperationalError(f"the file system does not take SQLite's WAL mode, but {mode}")
        return
