"""What counts as a recording, what a look finds, and when a recording has stood still for long enough."""

from __future__ import annotations

import os

import pytest

from edge.watch.scanner import Found, Settling, find, is_recording, scan


def test_a_recording_is_known_by_its_ending_and_a_transfer_under_way_is_none():
    for name in ("a.wav", "Anruf Jörg.M4A", "x.y.mp3", "1.opus", "c.3gp"):
        assert is_recording(name), name
    unfinished = (
        "a.wav.part",
        "a.tmp",
        ".a.wav",
        ".syncthing.a.wav.tmp",
        ".a.wav.Xy12Zz",
        "~a.wav",
        "a.wav.crdownload",
    )
    for name in (*unfinished, "a", "a.txt"):
        assert not is_recording(name), name


def names(look):
    return sorted(os.path.basename(found.path) for found in look.files)


def test_recordings_are_found_below_folders_but_not_below_hidden_ones_or_links(tmp_path):
    for name in ("a.wav", "deep/er/b.wav", ".stversions/c.wav", "deep/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "round").symlink_to(tmp_path)
    (tmp_path / "linked.wav").symlink_to(tmp_path / "a.wav")
    (tmp_path / "broken.wav").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.wav")
    assert names(scan(str(tmp_path))) == ["a.wav", "b.wav", "linked.wav"]


def test_a_look_asks_about_unknown_names_alone(tmp_path):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"x")
    assert names(scan(str(tmp_path), lambda path: path.endswith("a.wav"))) == ["b.wav"]


def test_trouble_in_a_subfolder_is_noted_and_the_rest_is_found(tmp_path, monkeypatch):
    (tmp_path / "bad").mkdir()
    (tmp_path / "a.wav").write_bytes(b"x")
    real = os.scandir

    def scandir(path):
        if str(path).endswith("bad"):
            raise OSError(5, "Input/output error")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    look = scan(str(tmp_path))
    assert names(look) == ["a.wav"]
    assert look.unreadable == {str(tmp_path / "bad"): "Input/output error"}
    with pytest.raises(FileNotFoundError):
        scan(str(tmp_path / "none"))


def test_only_a_file_is_found(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"xyz")
    assert find(str(tmp_path / "a.wav")).size == 3
    assert find(str(tmp_path)) is None
    assert find(str(tmp_path / "none")) is None


class Files:
    def __init__(self):
        self.there = {}

    def put(self, path, size=1, mtime_ns=1):
        self.there[path] = Found(path, size, mtime_ns)
        return self.there[path]


def offered(settling, now):
    return [found.path for found in settling.settled(now)]


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


def test_one_that_is_renamed_or_dropped_waits_no_longer():
    files = Files()
    settling = Settling(0.0, files.there.get)
    for path in "ab":
        settling.note(files.put(path), 0.0)
    del files.there["a"]
    settling.recheck(1.0)
    settling.drop("b")
    settling.drop("never there")
    settling.postpone("never there", 9.0)
    assert (len(settling), offered(settling, 9.0)) == (0, [])


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
