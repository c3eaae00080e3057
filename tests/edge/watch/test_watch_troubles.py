"""Full disks, folders within folders, shares that come late, and what cannot be read: nothing is lost, nothing nags."""

from __future__ import annotations

import os

import pytest

from edge.scoring import Failure
from edge.watch.errors import LedgerError, ReportError
from edge.watch.ledger import Ledger
from edge.watch.watcher import FULL_LOOK_S


def test_a_ledger_that_could_not_take_the_first_look_takes_the_whole_of_a_later_one(bench, monkeypatch):
    """A quick look after the one that failed would see nothing old, and all of it would be new afterwards."""
    bench.put("old.wav")
    bench.clock.now += 60.0
    bench.restart()

    def fail(*_):
        raise LedgerError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "begin_folder", fail)
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


@pytest.fixture
def share(bench, monkeypatch):
    """Play a share at the watched folder: the function mounts and unmounts it."""
    there = bench.state / "share"
    there.mkdir()
    mounted = False
    folder = str(bench.folder)
    monkeypatch.setattr(os.path, "ismount", lambda path: mounted and path == folder)

    def switch():
        nonlocal mounted
        mounted = not mounted
        bench.folder.rename(bench.state / "other")
        there.rename(bench.folder)
        (bench.state / "other").rename(there)

    return switch


def test_a_share_that_is_mounted_after_the_first_start_has_its_archive_passed_over(bench, share):
    share()
    bench.put("archive.wav")
    share()
    bench.clock.now += 60.0
    bench.restart()
    bench.settle()
    share()
    bench.settle()
    bench.put("call.wav")
    bench.settle()
    bench.clock.now += FULL_LOOK_S
    bench.settle()
    assert bench.scored == ["call.wav"]
    assert any("passed over 1 recordings" in note for note in bench.notes)


def test_one_that_waits_for_another_attempt_is_not_passed_over_when_its_share_comes_back(bench, share, age):
    share()
    bench.restart()
    bench.settle()
    bench.verdicts["a.wav"] = PermissionError(13, "Permission denied")
    age(bench.put("a.wav"))
    bench.settle()
    share()
    bench.put("below-the-mount.txt")
    bench.settle()
    share()
    bench.verdicts.clear()
    bench.clock.now += 60.0
    bench.settle()
    assert bench.kinds() == ["spoof"]


def test_a_share_behind_a_link_is_away_when_it_is_unmounted(bench, share):
    link = bench.state / "link"
    link.symlink_to(bench.folder)
    share()
    bench.restart(folders=(str(link),), lost_after_s=0.0)
    bench.settle()
    share()
    bench.settle()
    assert bench.kinds() == ["source_lost"]


def test_one_that_may_not_be_read_is_never_given_up(bench):
    """Neither its time nor its size changes when its permissions are mended."""
    bench.restart(attempts=2)
    bench.settle()
    bench.verdicts["a.wav"] = PermissionError(13, "Permission denied")
    bench.put("a.wav")
    for _ in range(100):
        bench.clock.now += 60.0
        bench.watcher.poll()
    assert 4 <= len(bench.results) < 10
    assert {type(result) for result in bench.results} == {Failure}
    assert "cannot be read (Permission denied); check its permissions; attempt 3, the next in" in bench.results[2].error
    bench.verdicts.clear()
    bench.clock.now += 3600.0
    bench.restart(attempts=2)
    bench.settle()
    assert bench.kinds() == ["spoof"]


def test_a_file_that_cannot_be_asked_about_is_told_once_and_the_rest_is_done(bench):
    bench.restart()
    bench.settle()
    (bench.folder / "circle.wav").symlink_to("circle.wav")
    (bench.folder / "nowhere.wav").symlink_to("none.wav")
    bench.put("a.wav")
    for _ in range(3):
        bench.clock.now += FULL_LOOK_S
        bench.settle()
    assert bench.scored == ["a.wav"]
    (note,) = bench.notes
    assert note.startswith(f"{bench.folder}/circle.wav: cannot be read (")
    assert bench.watcher.counts.failed == 1


def test_a_result_that_could_not_be_printed_is_not_done(bench, monkeypatch):
    bench.restart()
    bench.settle()
    bench.put("a.wav")

    def fail(*_):
        raise ReportError("standard output cannot be written (No space left on device)")

    with monkeypatch.context() as patch:
        patch.setattr(bench, "result", fail)
        bench.settle()
    assert (bench.kinds(), bench.results) == (["spoof"], [])
    bench.restart()
    bench.settle()
    assert (len(bench.published), len(bench.results)) == (1, 1)


def test_an_error_with_a_name_that_is_no_text_can_be_kept(bench):
    name = os.fsdecode(b"\xe4.wav")
    bench.restart()
    bench.settle()
    bench.verdicts[name] = UnicodeEncodeError("utf-8", name, 0, 1, "surrogates not allowed")
    bench.put(name, b"no matter")
    bench.settle()
    assert "cannot be decoded (UnicodeEncodeError" in bench.results[0].error
