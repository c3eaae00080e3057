"""SQLite files of what must not be lost: for their user's eyes alone, and written in whole transactions."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

from edge.errors import EdgeError

_T = TypeVar("_T")


@dataclass(frozen=True)
class Kind:
    """What a file is called in errors, and what it must be to be read.

    Attributes
    ----------
    noun : as its user calls it, with its article, such as "an outbox".
    failure : the error of this kind.
    version : of the tables, in the database's ``user_version``; later ones are refused.
    tables : statements that make them, each ended by a semicolon.
    moved_away : what happens when a broken file is moved away.
    held : what to do where another process holds the file.
    exclusive : whether one process alone may have it open.
    upgrades : version → statements that make the next one of it.
    """

    noun: str
    failure: type[EdgeError]
    version: int
    tables: str
    moved_away: str
    held: str
    exclusive: bool = False
    upgrades: Mapping[int, str] = field(default_factory=dict)


class DatabaseFile:
    """One connection to a file of a kind, in WAL mode; the file is made when it is missing.

    Parameters
    ----------
    path : of the file; its folders are made too.
    kind : what it must be.
    busy_s : seconds to wait for another process.

    Raises
    ------
    EdgeError
        Of the kind's ``failure``: it cannot be opened, is another program's, or belongs to a later version. `read` and
        `write` raise it too, for one when the disk is full.
    """

    def __init__(self, path: Path, kind: Kind, *, busy_s: float) -> None:
        self.path, self._kind, self._busy_s = path, kind, busy_s
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            # SQLite gives its -wal and -shm files the mode of this one.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self.connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self.connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the file for others."""
        self.connection.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give the connection, for statements that change nothing."""
        with self._explained():
            yield self.connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give the connection in a transaction: all of the block or nothing of it; other writers wait."""
        database = self.connection
        with self._explained():
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                # A full disk can have rolled back by itself.
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    def _prepare(self) -> None:
        database, kind = self.connection, self._kind
        if kind.exclusive:
            # Goes with the process, however it ends, and WAL then needs no shared memory, which network file systems
            # lack.
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._patiently(self._refuse_foreign)
        mode = self._patiently(lambda: database.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        if mode != "wal":
            raise sqlite3.OperationalError(f"the file system does not support SQLite's WAL mode, but {mode}")
        # In WAL mode NORMAL may lose the last commits when the power goes; these are rare enough to wait for the disk.
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
        with self.write():
            # All of it or none, also where it is killed here.
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version > kind.version:
                raise kind.failure(
                    f"{self.path}: {kind.noun} of version {version}, expected at most {kind.version}; "
                    "a later bonafone made it: install that one again, or give another path"
                )
            steps = [kind.upgrades[old] for old in range(version, kind.version)] if version else [kind.tables]
            for statement in filter(str.strip, ";".join(steps).split(";")):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {kind.version}")

    def _refuse_foreign(self) -> None:
        """Raise where the file holds tables, but not those of its kind; nothing is changed in it."""
        found = {name for (name,) in self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if found and not found.issuperset(re.findall(r"CREATE TABLE (\w+)", self._kind.tables)):
            raise self._kind.failure(f"{self.path}: another program's database; give {self._the} a path of its own")

    def _patiently(self, ask: Callable[[], _T]) -> _T:
        """Ask again while it is locked: two processes that switch to WAL at once collide without SQLite's waiting."""
        deadline = time.monotonic() + self._busy_s
        while True:
            try:
                return ask()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    @property
    def _the(self) -> str:
        return f"the {self._kind.noun.partition(' ')[2]}"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what SQLite and the file system say into an error that says what to do."""
        kind = self._kind
        try:
            yield
        except sqlite3.DatabaseError as error:
            hint = "look for a full disk or missing permission"
            if "not a database" in str(error) or "malformed" in str(error):
                hint = f"move the file away; {kind.moved_away}"
            elif "locked" in str(error):
                hint = f"another process held it for more than {self._busy_s:g} s; {kind.held}"
            raise kind.failure(f"{self.path}: {self._the} cannot be used ({error}); {hint}") from error
        except OSError as error:
            raise kind.failure(
                f"{self.path}: {self._the} cannot be opened ({error.strerror or error}); "
                "give a path in a folder that can be written"
            ) from error
