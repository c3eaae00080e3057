"""What native libraries write to stderr is held back or discarded, and what Python writes is still read."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from edge.errors import EdgeError
from edge.native_stderr import hold_stderr

BEFORE = "import io, os, sys, threading\nfrom edge.native_stderr import drop_stderr\n"


def fail_after(chatter, error):
    with hold_stderr():
        os.write(2, chatter)
        raise error


def test_held_chatter_is_shown_only_where_it_explains_a_crash(capfd):
    with hold_stderr():
        os.write(2, b"chatter\n")
    with pytest.raises(EdgeError, match="all that there is to say"):
        fail_after(b"chatter\n", EdgeError("all that there is to say"))
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"
    with pytest.raises(RuntimeError, match="crash"):
        fail_after(b"no such delegate\n", RuntimeError("crash"))
    assert capfd.readouterr().err == "no such delegate\n"


def run(code):
    done = subprocess.run([sys.executable, "-c", BEFORE + code], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_dropped_chatter_is_gone_and_python_is_still_read():
    code, _, shown = run(
        "os.write(2, b'before|')\n"
        "with drop_stderr():\n"
        "    os.write(2, b'noise|'); print('ours|', end='', file=sys.stderr, flush=True)\n"
        "os.write(2, b'after|'); print('ours again', end='', file=sys.stderr)\n"
    )
    assert (code, shown) == (0, "before|ours|after|ours again")


def test_a_traceback_of_any_thread_is_still_read():
    code, _, shown = run(
        "with drop_stderr():\n"
        "    thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()\n"
        "    raise ValueError('ours')\n"
    )
    assert code == 1
    assert "ZeroDivisionError" in shown
    assert "ValueError: ours" in shown


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("os.close(2); sys.stderr = None\nwith drop_stderr(): print(sys.stderr)", "None\n"),
        ("sys.stderr = held = io.StringIO()\nwith drop_stderr(): print(sys.stderr is held)", "True\n"),
    ],
    ids=["closed", "replaced"],
)
def test_a_stderr_that_is_not_descriptor_2_is_left_alone(code, shown):
    assert run(code) == (0, shown, "")
