"""What was done is remembered, under whatever name it comes back."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from edge.watch.ledger import FolderRecord, Ledger, LedgerError, wait_s
from edge.watch.scanner import Found

A = Found("/rec/a.wav", 100, 5_000)


@pytest.fixture
def open_ledger(tmp_path, clock):
    opened = []

    def make(**more):
        for ledger in opened:
            ledger.close()
        opened.append(Ledger(tmp_path / "state" / "watch.sqlite", clock=clock, **more))
        return opened[-1]

    yield make
    for ledger in opened:
        ledger.close()


def test_what_is_done_stays_done_after_a_restart(open_ledger):
    ledger = open_ledger()
    assert ledger.standing(A) == ("new", 0.0)
    ledger.start(A)
    ledger.finish(A, b"digest")
    ledger = open_ledger()
    assert ledger.standing(A) == ("settled", 0.0)
    assert (ledger.is_done(b"digest"), ledger.is_done(b"other")) == (True, False)
    for change in ({"size": 101}, {"mtime_ns": 5_001}, {"path": "/rec/b.wav"}):
        assert ledger.standing(dataclasses.replace(A, **change))[0] == "new", change


def test_a_failure_is_tried_again_later_and_a_bounded_number_of_times(open_ledger, clock):
    ledger = open_ledger(attempts=3)
    waits = []
    for _ in range(3):
        standing, wait = ledger.standing(A)
        assert standing == "new"
        clock.now += wait
        ledger.start(A)
        waits.append(ledger.attempt(A))
        ledger.fail(A, "cannot be read", *waits[-1])
        ledger = open_ledger(attempts=3)
    assert waits == [(1, 10.0), (2, 40.0), (3, None)]
    clock.now += 1e9
    assert ledger.standing(A)[0] == "settled"
    assert ledger.standing(Found(A.path, 101, 5_000))[0] == "new"
    assert wait_s(50) == 3600.0


def test_a_recording_that_ends_the_process_backs_off_and_is_never_given_up(open_ledger, clock):
    waits = []
    for _ in range(40):
        ledger = open_ledger()
        standing, wait = ledger.standing(A)
        assert standing == "new"
        waits.append(wait)
        clock.now += wait
        ledger.start(A)
    assert waits[:4] == [0.0] * 4
    assert waits[5:8] == [10.0, 40.0, 160.0]
    assert waits[-1] == 3600.0


def test_a_wait_does_not_last_for_years_when_the_clock_was_set_back(open_ledger, clock):
    ledger = open_ledger()
    ledger.start(A)
    ledger.fail(A, "cannot be read", *ledger.attempt(A))
    clock.now -= 1e8
    assert ledger.standing(A) == ("new", 0.0)


def test_what_is_released_is_as_new_as_before(open_ledger):
    ledger = open_ledger()
    for _ in range(10):
        ledger.start(A)
        ledger.release(A)
    assert ledger.standing(A) == ("new", 0.0)
    ledger.start(A)
    ledger.finish(A, b"d")
    ledger.release(A)
    assert ledger.standing(A) == ("settled", 0.0)


def test_what_is_passed_over_stays_so_under_another_name_or_in_another_folder(open_ledger):
    ledger = open_ledger()
    ledger.folder("/rec")
    coarse = Found("/rec/c.wav", 100, 3_000_000_000)
    assert ledger.set_seen("/rec", [A, coarse]) == 2
    for found in (A, Found("/rec/renamed.wav", 100, 5_000), Found("/rec/2025/c.wav", 100, 3_000_000_000)):
        assert ledger.standing(found)[0] == "settled"
    # Another recording of the same length and second, as coarse clocks give them.
    assert ledger.standing(Found("/rec/other.wav", 100, 3_000_000_000))[0] == "new"
    assert ledger.standing(A, skip=False)[0] == "new"


def test_a_folder_is_kept_as_it_was(open_ledger, clock):
    ledger = open_ledger()
    first = ledger.folder("/rec")
    assert first == FolderRecord(clock.now, seen=False, lost_since=None)
    clock.now += 100
    ledger.set_seen("/rec", [])
    ledger.set_lost("/rec", 12.5)
    assert open_ledger().folder("/rec") == FolderRecord(first.since, seen=True, lost_since=12.5)


def test_a_ledger_of_the_first_version_is_read_on(open_ledger, clock):
    ledger = open_ledger()
    ledger.start(A)
    ledger.finish(A, b"digest")
    ledger.folder("/rec")
    ledger.set_seen("/rec", [])
    path = ledger.path
    ledger.close()
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "ALTER TABLE folders RENAME COLUMN seen TO begun;"
            "ALTER TABLE folders ADD COLUMN mounted INTEGER NOT NULL DEFAULT 0;"
            "ALTER TABLE files ADD COLUMN inode INTEGER NOT NULL DEFAULT 0;"
            "ALTER TABLE files ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0;"
            "ALTER TABLE contents ADD COLUMN results TEXT NOT NULL DEFAULT '';"
            "PRAGMA user_version = 1"
        )
    ledger = open_ledger()
    assert ledger.standing(A) == ("settled", 0.0)
    assert ledger.is_done(b"digest")
    assert ledger.folder("/rec").seen


def test_old_recordings_that_are_gone_are_forgotten_with_their_contents(open_ledger, clock):
    ledger = open_ledger()
    there, gone, fresh, twin = (Found(f"/rec/{name}.wav", 1, 1) for name in ("there", "gone", "fresh", "twin"))
    for found, digest in ((there, b"1"), (gone, b"2"), (twin, b"1")):
        ledger.start(found)
        ledger.finish(found, digest)
    clock.now += 100.0
    ledger.start(fresh)
    ledger.finish(fresh, b"3")
    clock.now += 50.0
    assert ledger.prune(older_than_s=100.0, gone=lambda path: "there" not in path) == 2
    assert [ledger.standing(found)[0] for found in (there, gone, fresh)] == ["settled", "new", "settled"]
    assert [ledger.is_done(digest) for digest in (b"1", b"2", b"3")] == [True, False, True]


@pytest.mark.slow
def test_two_processes_do_not_share_a_ledger(open_ledger):
    ledger = open_ledger()
    code = "import sys, time; from edge.watch.ledger import Ledger; Ledger(sys.argv[1], clock=time.time)"
    done = subprocess.run([sys.executable, "-c", code, str(ledger.path)], capture_output=True, text=True, check=False)
    assert "LedgerError" in done.stderr
    assert "end the other `edge watch`" in done.stderr
    with pytest.raises(LedgerError):
        Ledger(ledger.path, clock=lambda: 0.0)
    ledger.close()
    done = subprocess.run([sys.executable, "-c", code, str(ledger.path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
