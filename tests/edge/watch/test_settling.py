"""A recording is offered once it has not changed for long enough."""

from __future__ import annotations

from edge.watch.scanner import Found
from edge.watch.settling import Settling


class Files:
    def __init__(self):
        self.there = {}

    def put(self, path, size=1, mtime_ns=1):
        self.there[path] = Found(path, size, mtime_ns, 1)
        return self.there[path]


def offered(settling, now):
    return [found.path for found in settling.settled(now)]


def test_a_recording_is_offered_after_it_stood_still(tmp_path):
    files = Files()
    settling = Settling(2.0, files.there.get)
    settling.note(files.put("a"), 0.0)
    assert offered(settling, 1.9) == []
    assert offered(settling, 2.0) == ["a"]
    assert "a" in settling
    assert settling.unchanged_s("a", 5.0) == 5.0


def test_one_that_grows_or_is_touched_waits_anew():
    files = Files()
    settling = Settling(2.0, files.there.get)
    settling.note(files.put("a"), 0.0)
    for now, change in ((1.5, {"size": 2}), (3.0, {"size": 2, "mtime_ns": 9})):
        files.put("a", **change)
        settling.recheck(now)
        assert offered(settling, now + 1.9) == []
    settling.recheck(5.0)
    assert offered(settling, 5.0) == ["a"]


def test_one_that_is_renamed_is_dropped():
    files = Files()
    settling = Settling(0.0, files.there.get)
    settling.note(files.put("a"), 0.0)
    del files.there["a"]
    settling.recheck(1.0)
    assert len(settling) == 0


def test_one_that_is_postponed_waits_unless_it_changes():
    files = Files()
    settling = Settling(2.0, files.there.get)
    settling.note(files.put("a"), 0.0)
    settling.postpone("a", 100.0)
    settling.recheck(50.0)
    assert offered(settling, 50.0) == []
    assert offered(settling, 100.0) == ["a"]
    settling.note(files.put("a", size=2), 60.0)
    assert offered(settling, 62.0) == ["a"]


def test_the_oldest_recording_comes_first():
    files = Files()
    settling = Settling(0.0, files.there.get)
    for path, mtime_ns in (("new", 30), ("old", 10), ("b", 20), ("a", 20)):
        settling.note(files.put(path, mtime_ns=mtime_ns), 0.0)
    assert offered(settling, 0.0) == ["old", "a", "b", "new"]


def test_what_is_dropped_is_not_offered():
    files = Files()
    settling = Settling(0.0, files.there.get)
    settling.note(files.put("a"), 0.0)
    settling.drop("a")
    settling.drop("never there")
    settling.postpone("never there", 9.0)
    assert offered(settling, 9.0) == []
