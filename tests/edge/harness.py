"""What tests of several rooms share: a clock that they turn, waiting for the outside world, and `edge` with its output."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli.main import main

LIMIT_S = 60.0


class Clock:
    """Time passes only by sleeping, or when a test says so."""

    def __init__(self, now=1000.0):
        self.now, self.slept = now, []

    def __call__(self):
        return self.now

    monotonic = time = __call__

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def wait_for(condition, limit_s=LIMIT_S):
    """Wait until ``condition()`` is true of the outside world; this machine may be busy with others."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {limit_s} s")
        time.sleep(0.02)


def is_alive(pid):
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


def environment_in(home, **more):
    """What a process sees whose home is ``home``, with a configuration in it and no service manager."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NOTIFY_", "WATCHDOG_", "XDG_"))}
    return {**clean, "HOME": str(home), "BONAFONE_CONFIG": str(home / "bonafone.toml"), "NO_COLOR": "1", **more}


class Results:
    """The objects that `edge listen --json` or `edge watch --json` printed, in ``results``."""

    def of(self, kind, stream=None):
        return [item for item in self.results if item["type"] == kind and stream in (None, item.get("stream"))]

    def alerts(self, kind):
        return [item for item in self.of("alert") if item["kind"] == kind]

    def last(self, stream=None):
        (end,) = self.of("end", stream)
        return end["last"]

    def scored(self):
        """Names of the recordings that have a verdict, in order."""
        return [Path(result["path"]).name for result in self.results if "verdict" in result]


@dataclass
class Done(Results):
    """What a command that ran to its end did; without --json ``results`` are the lines that it printed."""

    code: int
    results: list
    complaints: str


def run_edge(*arguments, env):
    """Run `edge` in this process, to its end."""
    done = CliRunner().invoke(main, list(map(str, arguments)), env=env)
    assert done.exception is None or isinstance(done.exception, SystemExit), (arguments, done.exception)
    lines = done.stdout.splitlines()
    return Done(done.exit_code, list(map(json.loads, lines)) if "--json" in arguments else lines, done.stderr)


class Running(Results):
    """A running `edge`; what it prints goes to files, so that no reader can hold it up or miss a line."""

    def __init__(self, arguments, path, env, **options):
        self._out, self._err = path.with_suffix(".out"), path.with_suffix(".err")
        with open(self._out, "wb") as stdout, open(self._err, "wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", *map(str, arguments)],
                env=env,
                **{"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": stderr, **options},
            )

    @property
    def output(self):
        return self._out.read_text()

    @property
    def complaints(self):
        return self._err.read_text()

    @property
    def results(self):
        return [json.loads(line) for line in self.output.splitlines(keepends=True) if line.endswith("\n")]

    def until(self, condition):
        """Wait until ``condition()``, or fail with what it complained of when it ends before."""

        def met():
            ended = self.process.poll() is not None
            assert condition() or not ended, f"ended; printed {self.output}, complained {self.complaints}"
            return condition()

        wait_for(met)

    def ends(self):
        """Wait until it ends; return its exit code."""
        return self.process.wait(LIMIT_S)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.ends()

    def close(self):
        self.process.kill()
        self.ends()
        if self.process.stdin is not None:
            self.process.stdin.close()
