"""The ledger's file: one process at a time, and nothing half written after kill -9 or a cut of the power."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from edge.service import database_file
from edge.watch.errors import LedgerBusyError, LedgerError

_APPLICATION_ID = int.from_bytes(b"bfwl", "big")
_BUSY_S = 2.0
# Paths are bytes: not every name is text.
_TABLES = """
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
_KIND = database_file.Kind(
    noun="ledger",
    article="a",
    failure=LedgerError,
    version=1,
    tables=_TABLES,
    moved_away="a new one is made, and recordings that are there count as existing ones",
)


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
        return database_file.open_private(path, _BUSY_S, partial(_prepare, path=path))


@contextmanager
def transaction(database: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """All of the block or nothing of it.

    Raises
    ------
    LedgerError
        It could not be written; nothing of it was.
    """
    with explained(path), database_file.transaction(database):
        yield database


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system say into an error that says what to do."""
    busy = LedgerBusyError(
        f"{path}: another `edge watch` is at work with this ledger; end that one, or give this one a ledger "
        "of its own with --ledger"
    )
    with database_file.explained(path, _KIND, busy):
        yield


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    # Two processes would score every recording twice. This lock goes with the process, however it ends, and makes WAL
    # need no shared memory, which network file systems lack.
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    # An outbox that was given by mistake must not be taken for one.
    database_file.refuse_foreign(database, path, _KIND)
    database.execute("PRAGMA journal_mode = WAL")
    # NORMAL may lose the last commits when the power goes.
    database.execute("PRAGMA synchronous = FULL")
    with database_file.transaction(database):
        if not database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            database_file.make_tables(database, _KIND)
            database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        if database.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
            raise LedgerError(f"{path}: another program's database; give the ledger a path of its own")
        database_file.refuse_later(database, path, _KIND)
