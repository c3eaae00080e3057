"""Models that call every voice spoof; recordings; a watcher beside turned clocks; `edge watch` as a process and within."""

from __future__ import annotations

import dataclasses
import itertools
import os

import pytest

from edge.catalog import default_model
from edge.contract import read_contract
from edge.decision import Decision
from edge.model import Model
from edge.scoring import Score
from edge.watch.ledger import Ledger
from edge.watch.settings import WatchSettings
from edge.watch.watcher import Watcher
from tests.edge.alert_receiver import SECRET
from tests.edge.conftest import with_contract, write_wav
from tests.edge.harness import Clock, environment_in, run_edge


@pytest.fixture
def clock():
    return Clock(1_800_000_000.0)


class Bench:
    """A watcher whose reports and events are recorded; `restart` is a new process with the same ledger and outbox."""

    def __init__(self, folder, state, clock):
        self.folder, self.state, self.clock = folder, state, clock
        self.results, self.notes, self.published, self.scored = [], [], {}, []
        self.verdicts, self.broken, self.ledger = {}, None, None
        self.on_score = lambda path: None
        self.check = lambda: None

    def restart(self, **settings):
        self.close()
        given = WatchSettings(**{"folders": (str(self.folder),), "settle_s": 2.0, **settings})
        self.ledger = Ledger(self.state / "watch.sqlite", clock=self.clock, attempts=given.attempts)
        self.watcher = Watcher(
            given,
            self.ledger,
            score=self.score,
            publish=self.publish,
            report=self,
            check=lambda: self.check(),  # noqa: PLW0108 - tests put another check in its place later
            clock=self.clock,
            monotonic=self.clock,
        )
        return self.watcher

    def close(self):
        if self.ledger is not None:
            self.ledger.close()

    def score(self, path, progress):
        self.scored.append(path.name)
        progress(0.5)
        self.on_score(path)
        verdict = self.verdicts.get(path.name, "spoof")
        if isinstance(verdict, Exception):
            raise verdict
        return [Score(path, "mono", Decision(verdict, -3.0, 0.1, 4.0, 0.0), 5.0, "m")]

    def publish(self, event):
        if self.broken is not None:
            raise self.broken
        return self.published.setdefault(event.id, event)

    def result(self, result):
        self.results.append(result)

    def note(self, text, path=""):
        self.notes.append(text)

    def put(self, name, content=None):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"content of {name}".encode() if content is None else content)
        os.utime(path, (self.clock.now, self.clock.now))
        return path

    def settle(self, rounds=2):
        for _ in range(rounds):
            self.watcher.poll()
            self.clock.now += 2.0
        self.watcher.poll()

    def kinds(self):
        return [event.kind for event in self.published.values()]


@pytest.fixture
def bench(tmp_path, clock):
    (tmp_path / "rec").mkdir()
    made = Bench(tmp_path / "rec", tmp_path, clock)
    yield made
    made.close()


@pytest.fixture
def running(bench):
    """The bench after the first look of a watcher."""
    bench.restart()
    bench.settle()
    return bench


def _judging(folder, name, spoof_below):
    known = read_contract(default_model()).thresholds
    above = max(spoof_below, known.bonafide_above)
    thresholds = dataclasses.replace(known, spoof_below=spoof_below, bonafide_above=above)
    return with_contract(folder / f"{name}.tflite", thresholds=thresholds)


@pytest.fixture(scope="session")
def suspicious(tmp_path_factory):
    """A model that calls every voice spoof."""
    return _judging(tmp_path_factory.mktemp("models"), "suspicious", 1000.0)


@pytest.fixture
def record(speech):
    """Write a recording of a voice; no two have the same content."""
    numbers = itertools.count(1)

    def make(path, seconds=2.5, rate=8000):
        samples = speech(seconds, rate)
        samples[:1] = next(numbers) / 1000
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_wav(path, samples, rate)

    return make


@pytest.fixture
def folder(tmp_path):
    """A folder to watch."""
    made = tmp_path / "rec"
    made.mkdir()
    return made


@pytest.fixture
def configure(tmp_path, receiver):
    """Write a configuration with the receiver as the only channel, and ``more`` after it; returns the environment."""

    def write(more=""):
        path = tmp_path / "bonafone.toml"
        path.write_text(
            '[watch]\nexisting = "score"\nsettle_s = 0.2\npoll_s = 0.05\nlost_after_s = 0.0\n'
            f'ledger = "{tmp_path}/watch.sqlite"\n'
            f'[alerts]\noutbox = "{tmp_path}/alerts.sqlite"\n{more}\n'
            "[alerts.retry]\nfirst_s = 0.02\nlongest_s = 0.2\n"
            f'[alerts.webhook]\nenabled = true\nurl = "{receiver.url}"\nsecret_env = "SECRET"\ntimeout_s = 0.25\n'
        )
        return environment_in(tmp_path, SECRET=SECRET)

    return write


@pytest.fixture
def environment(configure):
    return configure()


@pytest.fixture(scope="session")
def wary(tmp_path_factory):
    """The shipped model with a threshold that one of the examples lies below."""
    return _judging(tmp_path_factory.mktemp("models"), "wary", -2.0)


@pytest.fixture(scope="session")
def model(wary):
    return Model.load(wary)


@pytest.fixture
def start(start_edge, environment, wary):
    """Start `edge watch` with these arguments, and a model."""

    def start(*arguments, env=environment, **options):
        return start_edge("watch", *with_model(arguments, wary), env=env, **options)

    return start


@pytest.fixture
def once(environment, wary):
    """Run `edge watch --once --json` in this process: its exit code, results and complaints."""

    def run(*arguments, env=environment, as_json=True):
        return run_edge("watch", "--once", *["--json"] * as_json, *with_model(arguments, wary), env=env)

    return run


def with_model(arguments, model):
    return arguments if "--model" in arguments else ("--model", model, *arguments)
