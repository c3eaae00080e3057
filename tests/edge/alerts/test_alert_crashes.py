"""Processes that alert are killed by SIGKILL: every event arrives, and none as two."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict

import pytest

from edge.alerts.delivery import Worker
from edge.alerts.event import new_event_id
from edge.alerts.outbox import Outbox
from edge.alerts.settings import RetryPolicy
from tests.edge.alert_receiver import SECRET, Receiver
from tests.edge.alerts.alert_child import make_event, webhook
from tests.edge.conftest import REPOSITORY

pytestmark = pytest.mark.slow
WRITERS = ("left", "right")


def spawn(mode, folder, url, name, *more):
    command = [sys.executable, "-m", "tests.edge.alerts.alert_child", mode, str(folder), url, name, *map(str, more)]
    return subprocess.Popen(command, env={**os.environ, "SECRET": SECRET}, cwd=REPOSITORY)


def drain_all(folder, receiver):
    """Deliver what is left, as the next start of the program would; every lease and wait is over by then."""
    retry = RetryPolicy(0.02, 0.2)
    with Outbox(
        folder / "alerts.sqlite", clock=lambda: time.time() + 60.0, rng=random.Random(0), retry=retry
    ) as outbox:
        Worker(outbox, webhook(receiver.url, {"SECRET": SECRET})).drain()
        events = [record.event for record in outbox.events(limit=10**6)]
        attempts = [outbox.deliveries(event.id)[0].attempts for event in events]
        states = set(outbox.counts())
    return events, attempts, states


@pytest.fixture
def receiver():
    with Receiver(SECRET, check_time=True) as running:
        yield running


def test_a_kill_between_any_two_steps_loses_nothing_and_doubles_no_id(tmp_path, receiver):
    """Dies before its first step, before its second, and so on, until there is no step left to die before."""
    killed_after_publishing = 0
    for step in range(1, 200):
        folder, name = tmp_path / str(step), f"step {step}"
        folder.mkdir()
        ended = spawn("steps", folder, receiver.url, name, step).wait(30)
        published = (folder / "published").exists()
        killed_after_publishing += published and ended != 0
        if not published:
            # The caller starts over with the same key, as `edge watch` does for the same recording.
            with Outbox(folder / "alerts.sqlite", clock=time.time, rng=random.Random(0)) as outbox:
                outbox.publish(make_event(name), {"webhook": 3600.0}, cooldown_key="crash")
        events, _, states = drain_all(folder, receiver)
        assert [event.id for event in events] == [new_event_id(name)], step
        assert states == {("webhook", "done")}, step
        ids = {headers["webhook-id"] for headers, body in receiver.received if body["data"]["source"] == name}
        assert ids == {new_event_id(name)}, step
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    assert ended == 0
    assert step > 15
    assert killed_after_publishing > 5
    assert receiver.refused == []


def kill_at_random(child, ready, rng):
    if rng.random() < 0.3:
        # While it starts, opens the outbox, and takes up what the last one left.
        time.sleep(rng.uniform(0.0, 0.4))
    else:
        deadline = time.monotonic() + 30
        while not ready.exists():
            assert child.poll() is None, "the child ended by itself"
            assert time.monotonic() < deadline
            time.sleep(0.002)
        time.sleep(rng.uniform(0.0, 0.2))
    child.kill()


def disturb(receiver, rng, number):
    """Now and then the receiver is away for a whole life of the writers."""
    receiver.stop()
    if number % 5 != 3:
        receiver.start()
    answers = [204] * 16 + [503, 500, (429, {"Retry-After": "0"}), None]
    receiver.answer = lambda: rng.choice(answers)


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.crash)])
def test_kills_at_random_moments_lose_nothing_and_double_no_id(tmp_path, receiver, kills, request):
    if kills > 20 and "crash" not in request.config.getoption("-m"):
        pytest.skip("takes minutes: run pytest -m crash")
    rng = random.Random(kills)
    for number in range(kills // len(WRITERS)):
        disturb(receiver, rng, number)
        children = {name: spawn("stream", tmp_path, receiver.url, name) for name in WRITERS}
        for name, child in children.items():
            kill_at_random(child, tmp_path / f"{name}.ready", rng)
            assert child.wait(10) == -signal.SIGKILL
            (tmp_path / f"{name}.ready").unlink(missing_ok=True)
    receiver.stop()
    receiver.answer = lambda: 204
    receiver.start()
    events, attempts, states = drain_all(tmp_path, receiver)

    promised = set()
    for name in WRITERS:
        promised |= set((tmp_path / f"{name}.ledger").read_text().splitlines())
    arrived = defaultdict(set)
    for headers, body in receiver.received:
        assert headers["webhook-id"] == body["data"]["id"]
        arrived[body["data"]["source"]].add(headers["webhook-id"])
    sys.stdout.write(
        f"{kills} kills: {len(promised)} promised, {len(arrived)} arrived in {len(receiver.received)} requests\n"
    )
    assert promised <= set(arrived)
    assert {event.source for event in events} == set(arrived)
    assert {source: {new_event_id(source)} for source in arrived} == dict(arrived)
    assert states == {("webhook", "done")}
    assert receiver.refused == []
    # It was worth something: there was traffic, and kills and refusals hit deliveries.
    assert len(promised) > kills
    assert max(attempts) > 1
