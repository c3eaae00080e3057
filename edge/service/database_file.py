"""SQLite files of what must not be lost: for their user's eyes alone, and written in whole transactions."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.errors import EdgeError


@dataclass(frozen=True)
class Kind:
    """What a file is called in errors, and what it must be to be read.

    Attributes
    ----------
    noun : as its user calls it, such as "outbox".
    article : that goes before a version of it.
    failure : the error of this kind.
    version : of the tables, in the database's ``user_version``; later ones are refused.
    tables : statements that make them, each ended by a semicolon.
    moved_away : what happens when a broken file is moved away.
    """

    noun: str
    article: str
    failure: type[EdgeError]
    version: int
    tables: str
    moved_away: str


def open_private(path: Path, busy_s: float, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """Open or make a file in autocommit mode; ``busy_s`` is how long it waits for another process.

    ``prepare`` sets it up; when that raises, the file is closed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # SQLite gives its -wal and -shm files the mode of this one.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    database = sqlite3.connect(path, timeout=busy_s, isolation_level=None)
    try:
        prepare(database)
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


def make_tables(database: sqlite3.Connection, kind: Kind) -> None:
    """Fill an empty database; inside a transaction, so that a kill leaves all of the tables or none."""
    for statement in filter(str.strip, kind.tables.split(";")):
        database.execute(statement)
    database.execute(f"PRAGMA user_version = {kind.version}")


def refuse_foreign(database: sqlite3.Connection, path: Path, kind: Kind) -> None:
    """Raise the kind's error where the file holds tables, but not these; nothing is changed in it."""
    found = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if found and not found.issuperset(re.findall(r"CREATE TABLE (\w+)", kind.tables)):
        raise kind.failure(f"{path}: another program's database; give the {kind.noun} a path of its own")


def refuse_later(database: sqlite3.Connection, path: Path, kind: Kind) -> None:
    """Raise the kind's error where a later version made the file."""
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version > kind.version:
        raise kind.failure(
            f"{path}: {kind.article} {kind.noun} of version {version}, expected at most {kind.version}; "
            "a later bonafone made it: install that one again, or give another path"
        )


@contextmanager
def explained(path: Path, kind: Kind, held: EdgeError | str) -> Iterator[None]:
    """Turn what SQLite and the file system say into an error that says what to do.

    ``held`` is the whole error, or the hint, where another process holds the file.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        hint: EdgeError | str = "look for a full disk or missing permission"
        if "not a database" in str(error) or "malformed" in str(error):
            hint = f"move the file away; {kind.moved_away}"
        elif "locked" in str(error):
            hint = held
        if isinstance(hint, EdgeError):
            raise hint from error
        raise kind.failure(f"{path}: the {kind.noun} cannot be used ({error}); {hint}") from error
    except OSError as error:
        raise kind.failure(
            f"{path}: the {kind.noun} cannot be opened ({error.strerror or error}); "
            "give a path in a folder that can be written"
        ) from error
