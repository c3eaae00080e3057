"""The alerts as a whole: configured, published, delivered."""

from __future__ import annotations

import io
import random
import sqlite3
import time

import pytest

from edge.alerts.service import Alerts
from edge.alerts.settings import settings_from_table
from tests.edge.alert_receiver import SECRET
from tests.edge.harness import wait_for


@pytest.fixture
def open_alerts(tmp_path):
    opened = []

    def make(environment=None, clock=time.time, **table):
        settings = settings_from_table({"outbox": str(tmp_path / "a" / "alerts.sqlite"), **table})
        terminal = io.StringIO()
        alerts = Alerts(settings, environment=environment or {}, terminal=terminal, clock=clock, rng=random.Random(0))
        opened.append(alerts)
        return alerts, terminal

    yield make
    for alerts in opened:
        alerts.close()


@pytest.fixture
def webhook(receiver):
    return {"enabled": True, "url": receiver.url, "secret_env": "S"}


def test_an_event_reaches_every_channel_that_is_on(open_alerts, receiver, webhook, make_event):
    receiver.check_time = True
    alerts, terminal = open_alerts({"S": SECRET}, terminal={"enabled": True}, webhook=webhook)
    event = make_event("x", time_s=time.time())
    assert alerts.publish(event) == "published"
    assert alerts.wait(event.id, timeout_s=5.0)
    assert receiver.ids() == [event.id]
    assert "Synthetic voice suspected" in terminal.getvalue()
    assert alerts.troubles() == {}


@pytest.mark.parametrize("shown", [False, True])
def test_numbers_and_names_reach_disk_and_receiver_only_when_asked(
    open_alerts, receiver, webhook, make_event, tmp_path, shown
):
    alerts, _ = open_alerts({"S": SECRET}, webhook=webhook, show_numbers=shown, show_names=shown)
    event = make_event("x", caller="+4930901820", caller_name="Jane Doe", recording="/rec/Jane.wav")
    alerts.publish(event)
    assert alerts.wait(event.id, timeout_s=5.0)
    ((_, body),) = receiver.received
    on_disk = b"".join(file.read_bytes() for file in (tmp_path / "a").iterdir())
    for personal in ("Jane", "4930901820"):
        assert (personal in str(body), personal.encode() in on_disk) == (shown, shown)


def test_no_secret_is_on_disk_also_where_a_delivery_fails(open_alerts, receiver, webhook, event, tmp_path):
    receiver.stop()
    alerts, _ = open_alerts({"S": SECRET}, webhook=webhook)
    alerts.publish(event)
    wait_for(lambda: alerts.outbox.deliveries(event.id)[0].last_error)
    on_disk = b"".join(file.read_bytes() for file in (tmp_path / "a").iterdir())
    assert SECRET.removeprefix("whsec_").encode() not in on_disk
    assert b"t0ken" not in on_disk


def test_the_configured_cooldown_keeps_quiet_and_a_test_can_pass_it(open_alerts, make_event):
    alerts, terminal = open_alerts(terminal={"enabled": True}, cooldown_s=60)
    assert alerts.publish(make_event("1")) == "published"
    assert alerts.publish(make_event("2")) == "suppressed"
    third = make_event("3")
    assert alerts.publish(third, cooldown_s=0.0) == "published"
    assert alerts.wait(third.id, timeout_s=5.0)
    assert terminal.getvalue().count("\n") == 2


def test_recordings_whose_names_are_hidden_do_not_keep_each_other_quiet(open_alerts, make_event, tmp_path):
    alerts, _ = open_alerts(cooldown_s=60)
    jane, john = (make_event(name, source=f"file:/rec/{name}.wav") for name in ("Jane", "John"))
    assert [alerts.publish(jane), alerts.publish(john)] == ["published", "published"]
    assert {record.event.source for record in alerts.outbox.events()} == {"file:***.wav"}
    assert not any(b"Jane" in file.read_bytes() for file in (tmp_path / "a").iterdir())


def test_an_outage_that_the_last_process_alerted_is_not_repeated(open_alerts, clock, make_event):
    """Also that cooldowns are kept across restarts, and nothing is held for ever."""
    alerts, _ = open_alerts(clock=clock, cooldown_s=60)
    assert alerts.publish(make_event(kind="source_lost")) == "published"
    alerts.close()
    clock.now += 59.0
    again, _ = open_alerts(clock=clock, cooldown_s=60)
    assert again.publish(make_event(kind="source_lost")) == "suppressed"
    clock.now += 1.0
    assert again.due() is None
    assert again.publish(make_event(kind="source_lost")) == "published"


def test_with_every_channel_off_events_are_still_recorded(open_alerts, event):
    alerts, _ = open_alerts()
    assert alerts.publish(event) == "published"
    assert [record.event for record in alerts.outbox.events()] == [event]


def test_what_one_process_could_not_deliver_the_next_one_does(open_alerts, receiver, webhook, event):
    retry = {"first_s": 0.05, "longest_s": 0.1}
    receiver.stop()
    alerts, _ = open_alerts({"S": SECRET}, webhook=webhook, retry=retry)
    alerts.publish(event)
    assert not alerts.wait(event.id, timeout_s=0.2)
    alerts.close()
    receiver.start()
    again, _ = open_alerts({"S": SECRET}, webhook=webhook, retry=retry)
    assert again.wait(event.id, timeout_s=5.0)
    assert receiver.ids() == [event.id]


def test_old_events_are_forgotten_at_the_start_and_while_it_runs(open_alerts, clock, make_event):
    alerts, _ = open_alerts(clock=clock, keep_days=2)
    alerts.publish(make_event("1"))
    clock.now += 3 * 86400
    last = make_event("2")
    alerts.publish(last)
    assert [record.event for record in alerts.outbox.events()] == [last]
    alerts.close()
    clock.now += 3 * 86400
    again, _ = open_alerts(clock=clock, keep_days=2)
    assert again.outbox.events() == []


def test_a_secret_that_every_user_can_read_is_warned_of_at_the_start(open_alerts, webhook, tmp_path):
    file = tmp_path / "secret"
    file.write_text(SECRET)
    file.chmod(0o666)
    del webhook["secret_env"]
    _, terminal = open_alerts(webhook={**webhook, "secret_file": str(file)})
    assert terminal.getvalue().startswith(f"Warning: alerts.webhook: every user of this machine can use file {file}")


def test_an_event_that_is_written_counts_as_published_though_old_ones_cannot_be_forgotten(
    open_alerts, clock, make_event, tmp_path
):
    alerts, _ = open_alerts(clock=clock, keep_days=2)
    alerts.publish(make_event("1"))
    with sqlite3.connect(tmp_path / "a" / "alerts.sqlite") as database:
        database.execute("CREATE TRIGGER stuck BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    clock.now += 3 * 86400
    second = make_event("2")
    assert alerts.publish(second) == "published"
    assert [record.event.id for record in alerts.outbox.events(limit=1)] == [second.id]
