"""A process that alerts until it is killed, for test_alert_crashes; its arguments: MODE FOLDER URL NAME [STEP].

``stream`` publishes one event after another, and notes in NAME.ledger each that `publish` returned for, so that the
ledger says what must arrive without asking the outbox. ``steps`` publishes and delivers one event, and kills itself
before its STEP-th step; steps are all SQL statements, and the moments before and after sending.
"""

from __future__ import annotations

import io
import itertools
import os
import random
import sys
import time
from pathlib import Path

from edge.alerts.channels.channel import ChannelContext
from edge.alerts.channels.webhook import WebhookChannel
from edge.alerts.delivery import Worker
from edge.alerts.event import AlertEvent, new_event_id
from edge.alerts.outbox import Outbox
from edge.alerts.service import Alerts
from edge.alerts.settings import settings_from_table
from edge.service import database_file
from tests.edge.stepping import around, stepping, within

TIMEOUT_S = 0.25


def settings(folder, url):
    return settings_from_table(
        {
            "outbox": str(folder / "alerts.sqlite"),
            "cooldown_s": 0,
            "retry": {"first_s": 0.02, "longest_s": 0.2},
            "webhook": {"enabled": True, "url": url, "secret_env": "SECRET", "timeout_s": TIMEOUT_S},
        }
    )


def webhook(url, environment):
    settings = WebhookChannel.Settings(enabled=True, url=url, secret_env="SECRET", timeout_s=5.0)
    return WebhookChannel(settings, ChannelContext(environment))


def make_event(key):
    return AlertEvent(id=new_event_id(key), kind="test", time_s=time.time(), source=key)


def stream(folder, url, name):
    rng = random.Random(os.getpid())
    with open(folder / f"{name}.ledger", "a+") as ledger:
        ledger.seek(0)
        text = ledger.read()
        start = text.count("\n")
        ledger.truncate(text.rfind("\n") + 1)
        with Alerts(settings(folder, url), environment=os.environ, terminal=io.StringIO()) as alerts:
            for number in itertools.count(start):
                alerts.publish(make_event(f"{name}/{number}"))
                ledger.write(f"{name}/{number}\n")
                ledger.flush()
                (folder / f"{name}.ready").touch()
                time.sleep(rng.uniform(0.0, 0.02))


def steps(folder, url, name, last):
    step = stepping(last)
    within(database_file.sqlite3, "connect", step)
    channel = webhook(url, os.environ)
    around(channel, "send", step)
    with Outbox(folder / "alerts.sqlite", clock=time.time, rng=random.Random(0)) as outbox:
        outbox.publish(make_event(name), {"webhook": 3600.0}, cooldown_key="crash")
        (folder / "published").write_text(name)
        Worker(outbox, channel).drain()


if __name__ == "__main__":
    mode, folder, url, name, *more = sys.argv[1:]
    if mode == "stream":
        stream(Path(folder), url, name)
    else:
        steps(Path(folder), url, name, int(more[0]))
