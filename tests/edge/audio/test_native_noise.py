"""What is written below Python goes nowhere, and what Python writes is still read."""

from __future__ import annotations

import subprocess
import sys

BEFORE = "import os, sys, threading\nfrom edge.audio.native_noise import native_noise_dropped\n"


def run(code, **options):
    done = subprocess.run([sys.executable, "-c", BEFORE + code], capture_output=True, text=True, check=False, **options)
    return done.returncode, done.stdout, done.stderr


def test_what_a_library_writes_goes_nowhere_only_meanwhile():
    code, _, said = run(
        "os.write(2, b'before|')\n"
        "with native_noise_dropped():\n"
        "    os.write(2, b'noise|'); print('ours|', end='', file=sys.stderr, flush=True)\n"
        "os.write(2, b'after|'); print('ours again', end='', file=sys.stderr)\n"
    )
    assert (code, said) == (0, "before|ours|after|ours again")


def test_a_traceback_of_any_thread_is_still_seen():
    code, _, said = run(
        "with native_noise_dropped():\n"
        "    thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()\n"
        "    raise ValueError('ours')\n"
    )
    assert code == 1
    assert "ZeroDivisionError" in said
    assert "ValueError: ours" in said


def test_a_closed_stderr_is_left_closed():
    code, out, _ = run("os.close(2); sys.stderr = None\nwith native_noise_dropped(): print(sys.stderr)\n")
    assert (code, out) == (0, "None\n")


def test_a_stderr_that_somebody_replaced_is_left_alone():
    code, out, _ = run(
        "import io; sys.stderr = held = io.StringIO()\nwith native_noise_dropped(): print(sys.stderr is held)\n"
    )
    assert (code, out) == (0, "True\n")
