"""What the outbox keeps beside alerts under way: tests, cooldowns, and events of later versions."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest

from edge.alerts.database import open_database
from edge.alerts.errors import OutboxError

DAY_S = 86400.0


def test_a_test_is_kept_and_no_worker_ever_gets_it(outbox, clock, event):
    outbox.record_test(event, {"webhook": "nobody answered", "gpio": ""})
    assert [record.event for record in outbox.events()] == [event]
    kept = {item.channel: (item.state, item.attempts, item.last_error) for item in outbox.deliveries(event.id)}
    assert kept == {"gpio": ("done", 1, None), "webhook": ("expired", 1, "nobody answered")}
    # Also not where the clock is set back, which makes long waits due.
    for step_s in (0.0, -DAY_S, DAY_S):
        clock.now += step_s
        assert outbox.claim("webhook", lease_s=20.0) is None
    clock.now += DAY_S
    assert outbox.prune(older_than_s=DAY_S / 2) == 1


def test_a_test_that_cannot_be_kept_leaves_nothing(outbox, event):
    outbox.publish(event, {"webhook": 60.0})
    with pytest.raises(OutboxError):
        outbox.record_test(event, {"gpio": ""})
    assert outbox.counts() == {("webhook", "pending"): 1}


def test_cooldowns_are_forgotten_when_none_can_still_hold(outbox, clock, make_event):
    for number in range(3):
        outbox.publish(make_event(str(number)), {}, cooldown_key=str(number))
    clock.now += DAY_S - 1.0
    # Even where events are kept for less than the longest cooldown.
    outbox.prune(older_than_s=60.0)
    assert len(outbox.sent_at()) == 3
    clock.now += 2.0
    outbox.prune(older_than_s=60.0)
    assert outbox.sent_at() == {}


def test_events_that_cannot_be_read_are_counted_and_hide_no_others(outbox, clock, make_event, tmp_path):
    old, young, good = (make_event(key) for key in ("old", "young", "good"))
    for event in (old, young, good):
        clock.now += 10.0
        outbox.publish(event, {})
    with sqlite3.connect(tmp_path / "alerts.sqlite") as database:
        database.execute("UPDATE events SET body = replace(body, 'spoof', 'cloned') WHERE id != ?", (good.id,))
    assert [record.event for record in outbox.events()] == [good]
    assert outbox.unreadable() == 2
    assert outbox.unreadable(since=clock.now - 10.0) == 1
    assert outbox.unreadable(since=time.time() + 10 * 365 * DAY_S) == 0


@pytest.mark.parametrize("statement", ["CREATE TABLE notes (text)", "CREATE TABLE events (id TEXT)"])
@pytest.mark.parametrize("version", [0, 1])
def test_another_programs_database_is_refused_and_left_as_it_was(tmp_path, statement, version):
    path = tmp_path / "notes.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute(statement)
        database.execute(f"PRAGMA user_version = {version}")
        database.commit()
    before = path.read_bytes()
    with pytest.raises(OutboxError, match="another program's database; give the outbox a path of its own"):
        open_database(path)
    assert path.read_bytes() == before
