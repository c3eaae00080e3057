"""Models whose operating point alarms always or never, a clock that tests turn, and `edge listen` as a real process."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from click.testing import CliRunner

from edge.catalog import default_model
from edge.cli.main import main
from edge.contract import OperatingPoint, embed_contract, read_contract
from edge.live.reports import StreamUpdate
from edge.model import Model
from edge.sources.events import AudioChunk

LIMIT_S = 60.0
MIN_SPEECH_S, HOLD_S = 2.0, 1.0


class TurnedClock:
    """Time passes only when a test says so."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def time(self):
        return 1_700_000_000.0 + self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def turned():
    return TurnedClock()


def _with_point(folder, name, bound):
    """The shipped model with one operating point: every score below 1000 nats alarms, none below -1000 does."""
    shipped = default_model()
    point = OperatingPoint("balanced", 4.0, bound, bound, MIN_SPEECH_S, HOLD_S, 60.0)
    contract = dataclasses.replace(read_contract(shipped), operating_points=(point,))
    path = folder / f"{name}.tflite"
    path.write_bytes(embed_contract(shipped.read_bytes(), contract))
    return path


@pytest.fixture(scope="session")
def alarming(tmp_path_factory):
    """A model that must alarm on any voice."""
    return _with_point(tmp_path_factory.mktemp("models"), "alarming", 1000.0)


@pytest.fixture(scope="session")
def calm(tmp_path_factory):
    """A model that never alarms."""
    return _with_point(tmp_path_factory.mktemp("models"), "calm", -1000.0)


@pytest.fixture(scope="session")
def alarming_model(alarming):
    return Model.load(alarming)


@pytest.fixture(scope="session")
def calm_model(calm):
    return Model.load(calm)


def chunks(samples, rate=16000, length=320, stream="one", begin=0, lost=None):
    """Samples as chunks of ``length``; ``lost`` is a mask of all of them."""
    return [
        AudioChunk(
            stream, samples[at : at + length], rate, begin + at, None if lost is None else lost[at : at + length]
        )
        for at in range(0, len(samples), length)
    ]


def update(stream="rtp-1", **values):
    known = {
        "call_id": None,
        "state": "listening",
        "verdict": "bonafide",
        "cm_score": 3.0,
        "p_bonafide": 0.95,
        "speech_s": 41.0,
        "position_s": 60.0,
        "lost_s": 0.0,
        "level_db": -30.0,
        "lag_s": 0.12,
        "realtime_factor": 0.0031,
        "changed": False,
    }
    return StreamUpdate(stream, **{**known, **values})


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


class Printed:
    """What `edge listen --json` printed so far, as objects."""

    def __init__(self):
        self.said, self.complaints = [], ""

    def of(self, kind, stream=None):
        return [item for item in self.said if item["type"] == kind and stream in (None, item.get("stream"))]

    def alerts(self, kind):
        return [item for item in self.of("alert") if item["kind"] == kind]

    def last(self, stream=None):
        (end,) = self.of("end", stream)
        return end["last"]


class Listening(Printed):
    """A running `edge listen --json`."""

    def __init__(self, arguments, environment, **options):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge", "listen", "--json", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            **{"stdin": subprocess.DEVNULL, **options},
        )
        super().__init__()
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._read, daemon=True), threading.Thread(target=self._read_stderr)]
        for thread in self._threads:
            thread.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.said.append(json.loads(line))
                self._changed.notify()

    def _read_stderr(self):
        for line in self.process.stderr:
            self.complaints += line.decode()

    def until(self, condition, limit_s=LIMIT_S):
        """Wait until ``condition()``; fail with what was said when that does not come."""
        with self._changed:
            if not self._changed.wait_for(condition, limit_s):
                pytest.fail(f"not within {limit_s} s; said {self.said[-10:]}, complained {self.complaints}")

    def ends(self, limit_s=LIMIT_S):
        """Wait until the process ends; return its exit code."""
        code = self.process.wait(limit_s)
        for thread in self._threads:
            thread.join(limit_s)
        return code

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.ends()


@pytest.fixture
def environment(tmp_path):
    """What a process sees: a home of its own, with an outbox in it and a short time until silence alerts."""
    (tmp_path / "bonafone.toml").write_text(
        f'[listen]\nsilent_alert_s = 3.0\n[alerts]\noutbox = "{tmp_path}/alerts.sqlite"\n'
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NOTIFY_", "WATCHDOG_", "XDG_"))}
    return {**clean, "HOME": str(tmp_path), "BONAFONE_CONFIG": str(tmp_path / "bonafone.toml"), "NO_COLOR": "1"}


@pytest.fixture
def run(environment):
    """Run `edge listen --json` with these arguments in this process, to its end."""

    def run_one(*arguments, code=0):
        done = CliRunner().invoke(main, ["listen", "--json", *map(str, arguments)], env=environment)
        assert done.exit_code == code, (arguments, done.output, done.exception)
        printed = Printed()
        printed.said = [json.loads(line) for line in done.stdout.splitlines()]
        printed.complaints = done.stderr
        return printed

    return run_one


@pytest.fixture
def start(environment):
    """Start `edge listen` with these arguments; whatever still runs at the end is killed."""
    running = []

    def begin(*arguments, **options):
        running.append(Listening(arguments, options.pop("env", environment), **options))
        return running[-1]

    yield begin
    for listening in running:
        if listening.process.poll() is None:
            listening.process.kill()
        listening.ends()
        for pipe in (listening.process.stdout, listening.process.stderr, listening.process.stdin):
            if pipe is not None:
                pipe.close()


def wait_for(condition, limit_s=LIMIT_S):
    """Wait until ``condition()`` is true of the outside world."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {limit_s} s")
        time.sleep(0.05)
