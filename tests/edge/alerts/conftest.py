"""A clock that tests turn, events, an outbox, a receiver that checks signatures, and a home for the commands."""

from __future__ import annotations

import io
import json
import os
import random

import pytest
from click.testing import CliRunner

from edge.alerts.channels.channel import ChannelContext
from edge.alerts.event import AlertEvent, new_event_id
from edge.alerts.outbox import Outbox
from edge.alerts.settings import RetryPolicy
from edge.cli.main import main
from tests.edge.alert_receiver import SECRET, START, Receiver
from tests.edge.harness import Clock


@pytest.fixture
def clock():
    return Clock(START)


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
def fake_programs(tmp_path):
    """Make programs that record how they were called; `calls(name)` reads that back."""
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
def build(fake_programs, clock):
    """Build a channel from its class, its settings and variables; waiting is noted in ``slept`` and not done."""
    opened = []

    def build(kind, environment=None, *, terminal=None, present=True, **settings):
        around = {"PATH": fake_programs.path, **(environment or {})}
        terminal = io.StringIO() if terminal is None else terminal
        context = ChannelContext(around, terminal, clock, present, sleep=build.slept.append)
        opened.append(kind(kind.Settings(enabled=True, **settings), context))
        return opened[-1]

    build.slept = []
    yield build
    for channel in opened:
        channel.close()


class Home:
    """A user's home with a configuration and an outbox, in which the commands run; `run` sees no other variables."""

    def __init__(self, folder):
        self.folder = folder
        self.config, self.outbox = folder / "bonafone.toml", folder / "state" / "alerts.sqlite"

    def configure(self, *tables):
        self.config.write_text("\n".join((f'[alerts]\noutbox = "{self.outbox}"', *tables)) + "\n", encoding="utf-8")

    def run(self, *arguments, **environment):
        """Run a command: exit status, standard output, standard error."""
        given = {"HOME": str(self.folder), "XDG_CONFIG_HOME": None, "BONAFONE_CONFIG": None}
        if self.config.exists():
            given["BONAFONE_CONFIG"] = str(self.config)
        done = CliRunner().invoke(main, list(map(str, arguments)), env={**given, **environment})
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    def rows(self, *arguments, **environment):
        """Run a command with ``--json``: what it prints."""
        return [json.loads(line) for line in self.run(*arguments, "--json", **environment)[1].splitlines()]

    def open_outbox(self, clock):
        return Outbox(self.outbox, clock=clock, rng=random.Random(0))


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr("edge.settings._SYSTEM", tmp_path / "none.toml")
    folder = tmp_path / "home"
    folder.mkdir()
    return Home(folder)
