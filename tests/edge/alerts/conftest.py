"""A clock that tests turn, an event, an HTTP receiver that checks signatures by the standardwebhooks package, and a home
in which the commands run as a user starts them."""

from __future__ import annotations

import os
import random
import socket

import pytest
from alert_home import Home
from alert_receiver import SECRET, START, Receiver

from edge.alerts.event import AlertEvent, new_event_id
from edge.alerts.outbox import Outbox
from edge.alerts.retry import RetryPolicy


class Clock:
    """Seconds since 1970, as far as the test has turned them."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_event():
    def make(key=None, **values):
        given = {"kind": "spoof", "time_s": START, "source": "mic", "verdict": "spoof", "p_bonafide": 0.03, **values}
        return AlertEvent(id=new_event_id(key), **given)

    return make


@pytest.fixture
def event(make_event):
    return make_event("one", speech_s=6.2)


@pytest.fixture
def open_outbox(tmp_path, clock):
    """Open the outbox of this test once more, as another process or after a restart."""
    opened = []

    def open_one(path=tmp_path / "alerts.sqlite", *, close=True):
        outbox = Outbox(path, clock=clock, rng=random.Random(0), retry=RetryPolicy(2.0, 300.0))
        # A connection of SQLite stays in its thread: a test that opens one elsewhere closes it there.
        if close:
            opened.append(outbox)
        return outbox

    yield open_one
    for outbox in opened:
        outbox.close()


@pytest.fixture
def outbox(open_outbox):
    return open_outbox()


@pytest.fixture
def receiver():
    with Receiver(SECRET) as running:
        yield running


@pytest.fixture
def fake_programs(tmp_path, monkeypatch):
    """Put programs on PATH that record how they were called; `calls(name)` reads that back."""
    folder = tmp_path / "bin"
    folder.mkdir()

    class Programs:
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"

        def add(self, name, script=""):
            file = folder / name
            log = folder / f"{name}.log"
            file.write_text(f"#!/bin/sh\nprintf '%s\\037' \"$@\" >> '{log}'\nprintf '\\036' >> '{log}'\n{script}\n")
            file.chmod(0o755)
            return file

        def calls(self, name):
            log = folder / f"{name}.log"
            text = log.read_text() if log.exists() else ""
            return [record.split("\037")[:-1] for record in text.split("\036")[:-1]]

    return Programs()


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return Home(folder)


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]
