"""`edge doctor --send`: what `edge alerts test` does, for each channel that has passed."""

from __future__ import annotations

import io
import os
import random
import socket

import pytest

from edge.alerts.channels.channel import ChannelContext
from edge.alerts.event import AlertEvent, new_event_id
from edge.alerts.outbox import Outbox
from edge.doctor.alert_checks import check_alerts

NOW = 1795521600.0


def found(tmp_path, table, terminal):
    table = {"outbox": str(tmp_path / "alerts.sqlite"), "terminal": {"enabled": True}, **table}
    around = ChannelContext({"PATH": os.environ["PATH"]}, terminal, lambda: NOW, present=False)
    return [(finding.check, finding.level) for finding in check_alerts(table, around, send=True)]


@pytest.fixture
def terminal():
    return io.StringIO()


def test_each_that_passed_gets_one_and_each_that_did_not_is_told_once(tmp_path, terminal):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    table = {
        "command": {"enabled": True, "command": ["false"]},
        "mqtt": {"enabled": True, "host": "127.0.0.1", "port": port},
    }
    assert found(tmp_path, table, terminal) == [
        ("outbox", "ok"),
        ("alerts.terminal", "ok"),
        ("alerts.command", "ok"),
        ("alerts.mqtt", "problem"),
        ("alerts.terminal", "ok"),
        ("alerts.command", "problem"),
    ]
    assert terminal.getvalue().count("Test of the alerts: edge doctor, nothing is wrong") == 1


def test_the_outbox_keeps_it_and_what_waits_there_is_left_alone(tmp_path, terminal):
    with Outbox(tmp_path / "alerts.sqlite", clock=lambda: NOW, rng=random.Random(0)) as outbox:
        outbox.publish(AlertEvent(new_event_id("x"), "spoof", NOW, "mic"), {"terminal": 3600.0})
        assert ("alerts.terminal", "ok") in found(tmp_path, {}, terminal)
        assert outbox.counts() == {("terminal", "pending"): 1, ("terminal", "done"): 1}


def test_nothing_is_sent_where_the_outbox_cannot_be_used(tmp_path, terminal):
    (tmp_path / "alerts.sqlite").write_bytes(b"a text of a thousand words" * 100)
    assert found(tmp_path, {}, terminal) == [("outbox", "problem"), ("alerts.terminal", "ok")]
    assert terminal.getvalue() == ""
