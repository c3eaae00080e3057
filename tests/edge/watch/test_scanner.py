"""What counts as a recording, and that a quick look asks for no more than it must."""

from __future__ import annotations

import os
import time

import pytest

from edge.watch.scanner import Scanner, find, is_recording


@pytest.mark.parametrize("name", ["a.wav", "Anruf Jörg.M4A", "x.y.mp3", "1.opus", "c.3gp"])
def test_a_recording_is_known_by_its_ending(name):
    assert is_recording(name)


@pytest.mark.parametrize(
    "name",
    ["a.wav.part", "a.tmp", ".a.wav", ".syncthing.a.wav.tmp", ".a.wav.Xy12Zz", "~a.wav", "~syncthing~a.wav.tmp", "a", "a.txt", "a.wav.crdownload"],
)  # fmt: skip
def test_a_transfer_under_way_is_none(name):
    assert not is_recording(name)


def paths(look):
    return sorted(os.path.basename(found.path) for found in look.files)


def never(_):
    return False


@pytest.fixture
def later():
    """A clock beside which every folder's time lies safely in the past."""
    return lambda: time.time() + 100.0


def test_recordings_are_found_below_folders_but_not_below_hidden_ones_or_links(tmp_path, later):
    for name in ("a.wav", "deep/er/b.wav", ".stversions/c.wav", "deep/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "round").symlink_to(tmp_path)
    (tmp_path / "linked.wav").symlink_to(tmp_path / "a.wav")
    (tmp_path / "broken.wav").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.wav")
    assert paths(Scanner(str(tmp_path), later).look(never, full=True)) == ["a.wav", "b.wav", "linked.wav"]


def test_a_quick_look_passes_over_folders_that_have_not_changed(tmp_path, later, monkeypatch):
    (tmp_path / "still").mkdir()
    (tmp_path / "still" / "a.wav").write_bytes(b"x")
    scanner = Scanner(str(tmp_path), later)
    scanner.look(never, full=True)
    listed = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(os.path.basename(path)) or real(path))
    assert paths(scanner.look(never, full=False)) == []
    assert listed == []
    (tmp_path / "still" / "b.wav").write_bytes(b"x")
    assert paths(scanner.look(lambda path: path.endswith("a.wav"), full=False)) == ["b.wav"]
    assert listed == ["still"]


def test_a_folder_that_changed_a_moment_ago_is_listed_again(tmp_path):
    """Its time may not move with a second change in the same step."""
    (tmp_path / "a.wav").write_bytes(b"x")
    scanner = Scanner(str(tmp_path), time.time)
    scanner.look(never, full=True)
    before = tmp_path.stat()
    (tmp_path / "b.wav").write_bytes(b"x")
    os.utime(tmp_path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert paths(scanner.look(lambda path: path.endswith("a.wav"), full=False)) == ["b.wav"]


def test_only_a_full_look_finds_what_was_written_over(tmp_path, later):
    (tmp_path / "a.wav").write_bytes(b"x")
    scanner = Scanner(str(tmp_path), later)
    (first,) = scanner.look(never, full=True).files
    (tmp_path / "a.wav").write_bytes(b"longer")
    assert scanner.look(lambda _: True, full=False).files == []
    (second,) = scanner.look(lambda _: True, full=True).files
    assert second.version != first.version


def test_a_renamed_folder_is_found_under_its_new_name(tmp_path, later):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a.wav").write_bytes(b"x")
    scanner = Scanner(str(tmp_path), later)
    scanner.look(never, full=True)
    (tmp_path / "old").rename(tmp_path / "new")
    (found,) = scanner.look(lambda path: f"{os.sep}old{os.sep}" in path, full=False).files
    assert found.path == str(tmp_path / "new" / "a.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_an_unreadable_subfolder_is_told_and_the_rest_is_found(tmp_path, later):
    (tmp_path / "shut").mkdir(mode=0)
    (tmp_path / "a.wav").write_bytes(b"x")
    look = Scanner(str(tmp_path), later).look(never, full=True)
    assert paths(look) == ["a.wav"]
    assert list(look.unreadable) == [str(tmp_path / "shut")]


def test_trouble_in_a_subfolder_is_told_and_the_rest_is_found(tmp_path, later, monkeypatch):
    (tmp_path / "bad").mkdir()
    (tmp_path / "a.wav").write_bytes(b"x")
    real = os.scandir

    def scandir(path):
        if str(path).endswith("bad"):
            raise OSError(5, "Input/output error")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    look = Scanner(str(tmp_path), later).look(never, full=True)
    assert paths(look) == ["a.wav"]
    assert look.unreadable == {str(tmp_path / "bad"): "Input/output error"}


def test_a_folder_that_is_not_there_is_an_error(tmp_path, later):
    with pytest.raises(FileNotFoundError):
        Scanner(str(tmp_path / "none"), later).look(never, full=True)


def test_asking_about_a_file_tells_gone_and_folder_from_recording(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"xyz")
    assert find(str(tmp_path / "a.wav")).size == 3
    assert find(str(tmp_path)) is None
    assert find(str(tmp_path / "none")) is None
