"""Folders that vanish, come back, or are several, and the first look at one; turned clocks as in test_watcher."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.watch.ledger import Ledger, LedgerError
from edge.watch.watcher import FULL_LOOK_S


def test_a_folder_that_vanishes_alerts_once_also_over_restarts_and_so_does_its_return(bench):
    bench.restart(lost_after_s=30.0)
    bench.put("a.wav")
    bench.settle()
    bench.folder.rename(bench.state / "away")
    bench.settle(5)
    assert bench.kinds() == ["spoof"]
    assert bench.watcher.away() == [str(bench.folder)]
    bench.settle(15)
    bench.restart(lost_after_s=30.0)
    bench.settle(30)
    assert bench.kinds() == ["spoof", "source_lost"]
    (bench.state / "away").rename(bench.folder)
    bench.put("b.wav")
    bench.settle()
    bench.restart()
    bench.settle()
    assert bench.kinds() == ["spoof", "source_lost", "source_back", "spoof"]
    assert bench.scored == ["a.wav", "b.wav"]
    assert bench.watcher.away() == []


def test_a_short_absence_alerts_nobody(bench):
    bench.restart(lost_after_s=30.0)
    bench.settle()
    bench.folder.rename(bench.state / "away")
    bench.settle(3)
    (bench.state / "away").rename(bench.folder)
    bench.settle()
    assert bench.published == {}
    assert sum("is away" in note for note in bench.notes) == sum("is back" in note for note in bench.notes) == 1


def test_a_folder_that_is_made_later_has_its_new_recordings_scored_and_its_old_ones_passed_over(bench):
    bench.folder.rmdir()
    bench.restart()
    bench.settle()
    bench.clock.now += 60.0
    os.utime(bench.put("archive.wav"), (1, 1))
    bench.put("call.wav")
    bench.settle()
    assert bench.scored == ["call.wav"]


def test_what_is_gone_is_forgotten_after_its_time_unless_its_folder_is_away(bench):
    bench.restart(keep_days=1.0)
    bench.settle()
    for name in ("a.wav", "b.wav"):
        bench.put(name)
    bench.settle()
    (bench.folder / "a.wav").unlink()
    bench.folder.rename(bench.state / "away")
    bench.clock.now += 3 * 86400.0
    bench.settle()
    count = "SELECT COUNT(*) FROM files"
    assert bench.ledger.connection.execute(count).fetchone() == (2,)
    (bench.state / "away").rename(bench.folder)
    bench.clock.now += 3 * 86400.0
    bench.settle()
    assert bench.ledger.connection.execute(count).fetchone() == (1,)
    assert bench.scored == ["a.wav", "b.wav"]


def test_several_folders_are_watched_and_one_that_is_away_holds_up_none(bench):
    other = bench.state / "other"
    other.mkdir()
    bench.restart(folders=(str(bench.state / "none"), str(bench.folder), str(other)))
    bench.settle()
    bench.put("a.wav")
    bench.put(other / "b.wav")
    bench.settle()
    assert sorted(bench.scored) == ["a.wav", "b.wav"]
    assert {event.source for event in bench.published.values()} == {f"watch:{bench.folder}", f"watch:{other}"}
    assert [Path(name).name for name in bench.watcher.away()] == ["none"]


def test_a_first_look_that_could_not_be_written_is_repeated_whole(bench, monkeypatch):
    """A quick look after the one that failed would see nothing old, and all of it would be new afterwards."""
    bench.put("old.wav")
    bench.clock.now += 60.0
    bench.restart()

    def fail(*_):
        raise LedgerError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "set_seen", fail)
        bench.settle()
    assert bench.notes == ["the disk is full"]
    bench.settle()
    bench.put("new.wav")
    bench.settle()
    bench.clock.now += FULL_LOOK_S
    bench.settle()
    assert bench.scored == ["new.wav"]
    assert any("passed over 1 recordings" in note for note in bench.notes)


@pytest.mark.parametrize(
    ("before", "after"),
    [(".", ["."]), ("calls", ["."]), (".", ["calls"]), (".", ["calls", "."]), ("calls", [".", "calls"])],
)
def test_a_folder_that_is_watched_more_widely_or_narrowly_still_gives_what_came_meanwhile(bench, before, after):
    bench.put("calls/old.wav")
    bench.clock.now += 60.0
    bench.restart(folders=(str(bench.folder / before),))
    bench.settle()
    bench.put("calls/new.wav")
    bench.clock.now += 60.0
    bench.restart(folders=tuple(str(bench.folder / name) for name in after))
    bench.settle()
    assert bench.scored == ["new.wav"]


def test_a_folder_that_is_named_twice_is_watched_once(bench):
    bench.restart(folders=(str(bench.folder), f"{bench.folder}/", f"{bench.folder}/../rec"), lost_after_s=0.0)
    bench.settle()
    bench.put("a.wav")
    bench.settle()
    bench.folder.rename(bench.state / "away")
    bench.settle()
    assert bench.kinds() == ["spoof", "source_lost"]
    assert len(bench.watcher.away()) == 1
