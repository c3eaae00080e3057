"""The ledger's file: one process at a time, and nothing half written after kill -9 or a cut of the power."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.watch.errors import LedgerBusyError, LedgerError

SCHEMA_VERSION = 1
_APPLICATION_ID = int.from_bytes(b"bfwl", "big")
_BUSY_S = 2.0
# Paths are bytes: not every name is text.
_SCHEMA = """
CREATE TABLE folders (
    path BLOB PRIMARY KEY,
    since REAL NOT NULL,
    begun INTEGER NOT NULL,
    mounted INTEGER NOT NULL,
    lost_since REAL
) WITHOUT ROWID;
CREATE TABLE files (
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('skipped', 'trying', 'waiting', 'done', 'failed')),
    attempts INTEGER NOT NULL,
    interruptions INTEGER NOT NULL,
    next_at REAL NOT NULL,
    at REAL NOT NULL,
    digest BLOB,
    error TEXT
) WITHOUT ROWID;
CREATE INDEX files_by_time ON files (mtime_ns);
CREATE INDEX files_by_age ON files (at);
CREATE TABLE contents (
    digest BLOB PRIMARY KEY,
    at REAL NOT NULL,
    results TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX contents_by_age ON contents (at);
"""


def open_ledger(path: Path) -> sqlite3.Connection:
    """Open or make the file, for this process alone until it is closed or the process ends.

    Raises
    ------
    LedgerBusyError
        Another process has it.
    LedgerError
        It cannot be opened, is no ledger, or belongs to a later version.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite gives its -wal file the mode of this one: the names of recordings are nobody else's business.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        database = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        try:
            _prepare(database, path)
        except BaseException:
            database.close()
            raise
        return database


@contextmanager
def transaction(database: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """All of the block or nothing of it.

    Raises
    ------
    LedgerError
        It could not be written; nothing of it was.
    """
    with explained(path):
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
        if "locked" in str(error):
            raise LedgerBusyError(
                f"{path}: another `edge watch` is at work with this ledger; end that one, or give this one a ledger "
                "of its own with --ledger"
            ) from error
        hint = "look for a full disk or missing permission"
        if "not a database" in str(error) or "malformed" in str(error):
            hint = "move the file away; a new one is made, and recordings that are there count as existing ones"
        raise LedgerError(f"{path}: the ledger cannot be used ({error}); {hint}") from error
    except OSError as error:
        raise LedgerError(
            f"{path}: the ledger cannot be opened ({error.strerror or error}); "
            "give a path in a folder that can be written"
        ) from error


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    # Two processes would score every recording twice. This lock goes with the process, however it ends, and makes WAL
    # need no shared memory, which network file systems lack.
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("PRAGMA journal_mode = WAL")
    # NORMAL may lose the last commits when the power goes.
    database.execute("PRAGMA synchronous = FULL")
    with transaction(database, path):
        if not database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            for statement in filter(str.strip, _SCHEMA.split(";")):
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        # An outbox that was given by mistake must not be taken for one.
        if database.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
            raise LedgerError(f"{path}: another program's database; give the ledger a path of its own")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise LedgerError(
                f"{path}: a ledger of version {version}, expected at most {SCHEMA_VERSION}; "
                "a later bonafone made it: install that one again, or give another path"
            )
