"""SQLite files of a kind: private, durable, and refused with what to do where they are not what they should be."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing

import pytest

from edge.errors import EdgeError
from edge.service.database_file import DatabaseFile, Kind


class DiaryError(EdgeError):
    pass


KIND = Kind(
    noun="a diary",
    failure=DiaryError,
    version=2,
    tables="CREATE TABLE days (text TEXT, mood TEXT);",
    moved_away="a new one is made",
    held="end that one",
    upgrades={1: "ALTER TABLE days ADD COLUMN mood TEXT"},
)


@pytest.fixture
def open_file(tmp_path):
    opened = []

    def open_file(path=tmp_path / "state" / "diary.sqlite"):
        opened.append(DatabaseFile(path, KIND, busy_s=0.1))
        return opened[-1]

    yield open_file
    for file in opened:
        file.close()


def put(path, *statements):
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
    return path


def test_a_commit_is_on_the_disk_and_only_the_user_can_read_it(open_file, tmp_path):
    """What SQLite documents as safe against a kill and a cut of the power: WAL, and FULL (2) synchronisation."""
    file = open_file()
    with file.write() as database:
        database.execute("INSERT INTO days (text) VALUES ('sunny')")
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    for path in (tmp_path / "state").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    with open_file().read() as database:
        assert database.execute("SELECT text FROM days").fetchall() == [("sunny",)]


def test_a_failure_within_a_transaction_leaves_nothing_of_it(open_file):
    file = open_file()

    def write_half():
        with file.write() as database:
            database.execute("INSERT INTO days (text) VALUES ('rain')")
            database.execute("INSERT INTO nights VALUES ('rain')")

    with pytest.raises(DiaryError, match="look for a full disk"):
        write_half()
    with file.read() as database:
        assert database.execute("SELECT * FROM days").fetchall() == []


def test_an_older_version_is_upgraded(open_file, tmp_path):
    path = put(tmp_path / "old.sqlite", "CREATE TABLE days (text TEXT)", "PRAGMA user_version = 1")
    with open_file(path).read() as database:
        assert database.execute("SELECT mood FROM days").fetchall() == []
        assert database.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_later_version_is_refused(open_file, tmp_path):
    path = put(tmp_path / "new.sqlite", "CREATE TABLE days (text TEXT)", "PRAGMA user_version = 9")
    with pytest.raises(DiaryError, match="a diary of version 9, expected at most 2; a later bonafone made it"):
        open_file(path)


@pytest.mark.parametrize("version", [0, 1])
def test_another_programs_database_is_refused_and_left_as_it_was(open_file, tmp_path, version):
    path = put(tmp_path / "notes.sqlite", "CREATE TABLE notes (text)", f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(DiaryError, match="another program's database; give the diary a path of its own"):
        open_file(path)
    assert path.read_bytes() == before


def test_what_is_no_database_is_refused_with_what_to_do_and_kept(open_file, tmp_path):
    text, folder = tmp_path / "notes.txt", tmp_path / "folder"
    text.write_text("not a database, and long enough to look at " * 10)
    folder.mkdir()
    with pytest.raises(DiaryError, match=r"notes.txt: the diary cannot be used \(file is not a database\); move the"):
        open_file(text)
    assert text.read_text().startswith("not a database")
    for path in (folder, text / "diary.sqlite"):
        with pytest.raises(DiaryError, match=r"cannot be opened .*; give a path in a folder that can be written"):
            open_file(path)


def test_one_that_another_process_holds_is_an_error_after_a_while(open_file):
    holder, file = open_file(), open_file()
    with (
        holder.write(),
        pytest.raises(DiaryError, match=r"database is locked\); another process held it for more than 0.1 s; end that"),
        file.write(),
    ):
        pass
