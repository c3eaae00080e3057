"""`edge watch` is killed by SIGKILL: every recording that deserves an event has one in the end, and none has two."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.edge.alerts.test_alert_crashes import disturb, drain_all
from tests.edge.conftest import REPOSITORY
from tests.edge.watch.watching import identity

pytestmark = pytest.mark.slow


class Lives:
    """Runs `edge watch --once` until a step, see watch_child; all it works with lies in ``folder``, and can be put back."""

    def __init__(self, folder, environment, *options):
        self.folder, self.recordings = folder, folder / "rec"
        self._options = options
        self._before = folder.with_name("before")
        command, pipes = (
            [sys.executable, "-m", "tests.edge.watch.watch_child"],
            {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE},
        )
        self._process = subprocess.Popen(command, **pipes, text=True, env=environment, cwd=REPOSITORY)

    @property
    def output(self):
        return self.folder / "out.txt"

    @property
    def complaints(self):
        return self.folder / "err.txt"

    def live(self, step=0):
        """One life; its exit status, negative when it was killed."""
        files = [str(self.output), str(self.complaints)]
        command = ["watch", "--once", "--json", "--settle-s", "0", *self._options, str(self.recordings)]
        self._process.stdin.write(json.dumps([step, *files, command]) + "\n")
        self._process.stdin.flush()
        return os.waitstatus_to_exitcode(int(self._process.stdout.readline()))

    def scored(self):
        """Names of recordings by life and order, as printed."""
        lines = self.output.read_text().splitlines()
        return [Path(result["path"]).name for result in map(json.loads, lines) if "verdict" in result]

    def keep(self):
        shutil.copytree(self.folder, self._before)

    def put_back(self):
        shutil.rmtree(self.folder)
        shutil.copytree(self._before, self.folder)

    def close(self):
        self._process.communicate()


@pytest.fixture
def lives(tmp_path, configure, suspicious):
    """Lives in a folder that has been looked into while it was empty."""
    made = tmp_path / "life"
    (made / "rec").mkdir(parents=True)
    environment = configure()
    config = Path(environment["BONAFONE_CONFIG"])
    config.write_text(config.read_text().replace(f"{tmp_path}/", f"{made}/"))
    running = Lives(made, environment, "--existing", "skip", "--model", str(suspicious))
    assert running.live() == 0
    running.keep()
    yield running
    running.close()


def needs_crash_marker(request):
    if "crash" not in request.config.getoption("-m"):
        pytest.skip("takes minutes: run pytest -m crash")


@pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.crash)])
def test_a_kill_between_two_steps_loses_nothing_and_doubles_no_id(lives, receiver, record, stride, request):
    """Dies before its first step, before a later one, and so on, until there is no step left to die before."""
    if stride == 1:
        needs_crash_marker(request)
    twice = 0
    for step in range(1, 300, stride):
        lives.put_back()
        voice = record(lives.recordings / "voice.wav")
        shutil.copy(voice, lives.recordings / "copy.wav")
        (lives.recordings / "damaged.wav").write_bytes(voice.read_bytes()[:1000])
        ended = lives.live(step)
        lives.live()
        events, _, states = drain_all(lives.folder, receiver)
        assert [event.id for event in events] == [identity(voice)], step
        assert states == {("webhook", "done")}, step
        assert identity(voice) in receiver.ids(), step
        scored = lives.scored()
        # Printed before it is done, and so twice where the kill came between; the copy never.
        assert 1 <= len(scored) <= 2, step
        assert len(set(scored)) == 1, step
        twice += len(scored) == 2
        assert "damaged.wav" in lives.output.read_text(), step
        assert "Traceback" not in lives.complaints.read_text(), step
        if ended != -signal.SIGKILL:
            break
    assert ended == 1, "the damaged one failed"
    assert step > 50
    assert twice > 0
    assert receiver.refused == []


class Dialer:
    """Makes recordings in a folder as phones and PBXs do; ``deserved`` has the ids of their events."""

    def __init__(self, folder, record, rng):
        self.folder, self._record, self._rng = folder, record, rng
        self._staging = folder.with_name(f"{folder.name}-staging")
        for made in (folder, self._staging):
            made.mkdir()
        self._count, self._rest = 0, None
        self.deserved = set()

    def dial(self):
        """A recording that is written in place, then others of any kind."""
        self.finish()
        self._call(self._path("whole"))
        kinds = (self._renamed, self._grown, self._copied, self._moved, self._damaged, self._short)
        for kind in self._rng.sample(kinds, 2):
            kind()

    def finish(self):
        """End the recording that grows."""
        if self._rest is not None:
            path, rest = self._rest
            with open(path, "ab") as file:
                file.write(rest)
            self._rest = None

    def _path(self, kind):
        self._count += 1
        return self.folder / f"{self._count}-{kind}.wav"

    def _call(self, path):
        self.deserved.add(identity(self._record(path)))
        return path

    def _renamed(self):
        path = self._path("renamed")
        self._call(path.with_suffix(".part")).rename(path)

    def _grown(self):
        content = self._call(self._staging / "call.wav").read_bytes()
        half = self._rng.randrange(len(content))
        path = self._path("grown")
        path.write_bytes(content[:half])
        self._rest = path, content[half:]

    def _copied(self):
        shutil.copy(self._rng.choice(list(self.folder.glob("*whole.wav"))), self._path("copied"))

    def _moved(self):
        self._rng.choice(list(self.folder.glob("*renamed.wav")) or [self._call(self._path("whole"))]).rename(
            self._path("moved")
        )

    def _damaged(self):
        content = self._record(self._staging / "call.wav").read_bytes()
        self._path("damaged").write_bytes(content[: len(content) // 2])

    def _short(self):
        self._record(self._path("short"), seconds=0.5)


def kill_at_random(watching, dialer, rng):
    if rng.random() < 0.4:
        # While it starts, opens ledger and outbox, and takes up what the last one left.
        time.sleep(rng.uniform(0.0, 0.8))
    else:
        watching.until(lambda: watching.output)
        if rng.random() < 0.5:
            dialer.dial()
        time.sleep(rng.uniform(0.0, 0.2))
    assert watching.stop(signal.SIGKILL) == -signal.SIGKILL


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.crash)])
def test_kills_at_random_moments_lose_nothing_and_double_no_id(
    tmp_path, start, suspicious, receiver, record, kills, request
):
    """Two watchers with a folder and ledger each share an outbox; both die again and again."""
    if kills > 20:
        needs_crash_marker(request)
    rng = random.Random(kills)
    dialers = [Dialer(tmp_path / name, record, rng) for name in ("left", "right")]

    def watch(dialer, *more):
        ledger = f"{dialer.folder}.sqlite"
        options = ("--json", "--existing", "skip", "--model", suspicious, "--settle-s", "0.1")
        return start(*options, "--ledger", ledger, dialer.folder, *more)

    for dialer in dialers:
        assert watch(dialer, "--once").ends() == 0
    killed = []
    for number in range(kills // len(dialers)):
        disturb(receiver, rng, number)
        for dialer in dialers:
            dialer.dial()
        running = [watch(dialer) for dialer in dialers]
        for watching, dialer in zip(running, dialers, strict=True):
            kill_at_random(watching, dialer, rng)
        killed += running

    receiver.stop()
    receiver.answer = lambda: 204
    receiver.start()
    for dialer in dialers:
        # Calls after the last kill: a watcher that prints them is alive, and has got far enough to be stopped.
        dialer.dial()
        dialer.finish()
    deserved = set().union(*(dialer.deserved for dialer in dialers))
    running = [watch(dialer) for dialer in dialers]
    running[0].until(lambda: deserved <= set(receiver.ids()))
    assert [watching.stop() for watching in running] == [0, 0]

    events, attempts, states = drain_all(tmp_path, receiver)
    scored = sum(len(watching.scored()) for watching in killed + running)
    sys.stdout.write(
        f"{kills} kills: {len(deserved)} deserve an event, {scored} verdicts, {len(receiver.received)} requests\n"
    )
    assert {event.id for event in events} == deserved
    assert set(receiver.ids()) == deserved
    assert states == {("webhook", "done")}
    assert receiver.refused == []
    # It was worth something: kills and refusals hit deliveries, and most lives did some work.
    assert max(attempts) > 1
    assert sum(bool(watching.scored()) for watching in killed) >= kills // 4
