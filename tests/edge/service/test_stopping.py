"""Real signals, sent to this process and to one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from edge.service.process import StopSignal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_sets_it_and_ends_a_wait(number):
    before = signal.getsignal(number)
    with StopSignal() as stop:
        assert not stop.asked
        assert not stop.wait(0.0)
        sender = threading.Timer(0.05, os.kill, (os.getpid(), number))
        sender.start()
        assert stop.wait(3600.0)
        assert stop.asked
        assert stop.wait(3600.0), "at once from then on"
        sender.join()
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_ends_at_once_and_a_second_sigterm_does_not():
    code = (
        "import os, signal, sys\nfrom edge.service.process import StopSignal\n"
        "with StopSignal() as stop:\n"
        "    for name in sys.argv[1:]:\n"
        "        os.kill(os.getpid(), getattr(signal, name)); print(name, stop.asked, flush=True)\n"
    )

    def said(*names):
        done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=False)
        return done.stdout.split("\n")[:-1], "KeyboardInterrupt" in done.stderr

    assert said("SIGINT", "SIGTERM", "SIGTERM") == (["SIGINT True", "SIGTERM True", "SIGTERM True"], False)
    assert said("SIGTERM", "SIGINT") == (["SIGTERM True"], True)
