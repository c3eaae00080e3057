"""Another process that has a recording open for writing is seen, one that reads it does not count."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from edge.watch.writers import held_open

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fdinfo"), reason="no /proc with open files here")
HOLD = "import sys; file = open(sys.argv[1], sys.argv[2]); print('open', flush=True); sys.stdin.read()"


@pytest.fixture
def hold():
    """Have another process open a file until the test ends."""
    running = []

    def start(path, mode):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        running.append(process)
        assert process.stdout.readline() == "open\n"
        return process

    yield start
    for process in running:
        process.communicate()


@pytest.mark.parametrize(("mode", "held"), [("r", False), ("a", True), ("r+", True)])
def test_a_file_is_held_by_who_writes_it(tmp_path, hold, mode, held):
    path = tmp_path / "a.wav"
    path.write_bytes(b"x")
    other = tmp_path / "other" / "a.wav"
    other.parent.mkdir()
    other.write_bytes(b"x")
    process = hold(path, mode)
    assert held_open([str(path), str(other)]) == ({str(path)} if held else set())
    process.communicate()
    assert held_open([str(path)]) == set()


def test_a_link_is_held_through_its_target(tmp_path, hold):
    (tmp_path / "real.wav").write_bytes(b"x")
    (tmp_path / "link.wav").symlink_to("real.wav")
    hold(tmp_path / "real.wav", "a")
    assert held_open([str(tmp_path / "link.wav")]) == {str(tmp_path / "link.wav")}


def test_where_the_system_does_not_tell_nothing_is_held(tmp_path):
    assert held_open([str(tmp_path / "a.wav")], proc=str(tmp_path / "none")) == set()
    assert held_open([]) == set()
