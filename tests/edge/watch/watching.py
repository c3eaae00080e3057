"""`edge watch` as a process, and what its tests ask of it and of the receiver of its alerts."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.alerts.event import new_event_id
from tests.edge.conftest import EXAMPLES
from tests.edge.live.conftest import LIMIT_S, wait_for

VOICE = EXAMPLES / "bonafide-telephone.wav"


def drop(folder, *names):
    """Put shipped examples into a folder, as a PBX does."""
    for name in names:
        shutil.copy(EXAMPLES / name, folder)


def identity(path):
    """The id of the event that a recording deserves."""
    return new_event_id(hashlib.sha256(path.read_bytes()).hexdigest())


def events(receiver, kind):
    """What arrived of a kind: the data of each event, by id."""
    return {body["data"]["id"]: body["data"] for _, body in receiver.received if body["data"]["kind"] == kind}


class Watching:
    """A running `edge watch`; what it says goes to files, so that no reader can hold it up or miss a line."""

    def __init__(self, arguments, environment, out, err, **options):
        self._out, self._err = out, err
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", "watch", *arguments],
                env=environment,
                **{"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": stderr, **options},
            )

    @property
    def output(self):
        return self._out.read_text()

    @property
    def complaints(self):
        return self._err.read_text()

    def results(self):
        """The objects of --json, as far as their lines are whole."""
        return [json.loads(line) for line in self.output.splitlines(keepends=True) if line.endswith("\n")]

    def scored(self):
        """Names of the recordings that have a verdict, in order."""
        return [Path(result["path"]).name for result in self.results() if "verdict" in result]

    def until(self, condition):
        """Wait until ``condition()``, or fail with what it complained of when it ends before."""

        def met():
            if condition():
                return True
            if self.process.poll() is not None and not condition():
                pytest.fail(f"ended with {self.process.returncode}; said {self.output}, complained {self.complaints}")
            return False

        wait_for(met)

    def ends(self):
        """Wait until it ends; its exit code."""
        return self.process.wait(LIMIT_S)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.ends()


@dataclass
class Once:
    """What one run of `edge watch --once` did."""

    code: int
    results: list
    complaints: str

    def scored(self):
        """Names of the recordings that have a verdict, in order."""
        return [Path(result["path"]).name for result in self.results if "verdict" in result]
