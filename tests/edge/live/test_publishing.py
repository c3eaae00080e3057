"""Alerts that cannot be written wait, in order and with their ids."""

from __future__ import annotations

import itertools
import random

import pytest

from edge.alerts.event import AlertEvent, OutboxError, new_event_id
from edge.alerts.outbox import Outbox
from edge.live import publishing
from edge.live.publishing import Publisher
from edge.live.reports import Alarm


class Alerts:
    """Alerts on a real outbox that can be made to fail."""

    def __init__(self, path, clock):
        self.outbox = Outbox(path, clock=clock.time, rng=random.Random(0))
        self.broken, self.tried = False, 0

    def publish(self, event, *, topic=""):
        self.tried += 1
        if self.broken:
            raise OutboxError("alerts.sqlite: the disk is full")
        return self.outbox.publish(event, {"webhook": 60.0})

    def wait(self, event_id, *, timeout_s):
        return not any(item.state == "pending" for item in self.outbox.deliveries(event_id))


@pytest.fixture
def alerts(tmp_path, clock):
    made = Alerts(tmp_path / "alerts.sqlite", clock)
    yield made
    made.outbox.close()


@pytest.fixture
def complaints():
    return []


@pytest.fixture
def publisher(alerts, complaints, clock):
    return Publisher(alerts, complaints.append, clock=clock)


def alarm(number):
    return Alarm(AlertEvent(new_event_id(str(number)), "spoof", 1.0, "mic"), "mic-1")


def stored(alerts):
    return {record.event.id for record in alerts.outbox.events()}


def test_nothing_is_lost_while_the_disk_is_full(publisher, alerts, complaints, clock):
    alerts.broken = True
    for number in range(5):
        assert publisher.publish(alarm(number)) == "waiting"
    assert len(publisher._waiting) == 5
    assert "1 alert(s) could NOT be written and are not sent: alerts.sqlite: the disk is full" in complaints[0]
    for _ in range(20):
        publisher.retry()
    assert alerts.tried == 1, "a locked outbox holds up the listening, so it is not asked all the time"
    alerts.broken = False
    clock.now += 100.0
    publisher.retry()
    assert len(publisher._waiting) == 0
    assert stored(alerts) == {alarm(number).event.id for number in range(5)}
    assert [publisher.publish(alarm(number)) for number in (4, 5)] == ["known", "published"]
    assert complaints[-1] == "the outbox can be written again; the alerts that waited are on their way"


def test_pauses_grow_to_half_a_minute(publisher, alerts, complaints, clock):
    alerts.broken = True
    publisher.publish(alarm(1))
    times = [clock.now]
    for _ in range(600):
        clock.now += 0.5
        before = alerts.tried
        publisher.retry()
        if alerts.tried > before:
            times.append(clock.now)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps[:6] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
    assert set(gaps[6:]) == {30.0}


def test_memory_is_bounded_and_a_lost_alert_is_reported(publisher, alerts, complaints, monkeypatch):
    monkeypatch.setattr(publishing, "MAX_WAITING", 3)
    alerts.broken = True
    for number in range(5):
        publisher.publish(alarm(number))
    assert len(publisher._waiting) == 3
    assert sum("the oldest one is LOST" in text for text in complaints) == 2


def test_the_end_says_what_is_undone(publisher, alerts, complaints):
    publisher.publish(alarm(1))
    assert publisher.settle(0.0)
    assert complaints == ["1 alert(s) could not be delivered yet; the next run of edge goes on with them"]
    alerts.broken = True
    publisher.publish(alarm(2))
    assert not publisher.settle(0.0)
    assert complaints[-1] == "1 alert(s) could not be written and are LOST with the end of this process"
