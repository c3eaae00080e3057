"""Channels from settings: only what is on, with its secrets, and what is missing is said at the start."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from alert_receiver import SECRET

from edge.alerts.assembly import Surroundings, build_channels
from edge.alerts.config import settings_from_table
from edge.alerts.errors import AlertConfigError, MissingPartError

WEBHOOK = {"enabled": True, "url": "http://127.0.0.1:1/", "secret_env": "S"}


@pytest.fixture
def build(fake_programs, clock):
    opened = []

    def build(environment=None, **channels):
        around = Surroundings({"PATH": fake_programs.path, **(environment or {})}, io.StringIO(), clock)
        made = build_channels(settings_from_table(channels), around)
        opened.extend(made)
        return made

    yield build
    for channel in opened:
        channel.close()


def test_nothing_is_built_of_what_is_off(build):
    assert build() == []


def test_every_channel_that_is_on_is_built_under_its_name(build, fake_programs, monkeypatch):
    pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed (extra alerts)")
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    for name in ("termux-vibrate", "termux-notification", "hook"):
        fake_programs.add(name)
    built = build(
        {"S": SECRET, "U": "json://127.0.0.1:1/"},
        terminal={"enabled": True},
        desktop={"enabled": True},
        command={"enabled": True, "command": ["hook"]},
        webhook=WEBHOOK,
        mqtt={"enabled": True, "host": "127.0.0.1", "port": 1},
        apprise={"enabled": True, "urls_env": "U"},
        gpio={"enabled": True, "pin": "GPIO17"},
        termux_vibrate={"enabled": True},
        termux_notify={"enabled": True},
    )
    assert [channel.name for channel in built] == list(settings_from_table({}).channels())
    assert all(channel.longest_s > 0 for channel in built)


@pytest.mark.parametrize(
    ("environment", "webhook", "message"),
    [
        ({}, WEBHOOK, "alerts.webhook: secret: the environment has no variable S"),
        (
            {},
            {**WEBHOOK, "secret_env": "S", "secret_file": "f"},
            "alerts.webhook: secret: expected one of .*, got both",
        ),
        ({"S": "hunter2"}, WEBHOOK, "alerts.webhook: the webhook's secret is not base64|holds a key of"),
        ({"S": SECRET}, {**WEBHOOK, "url": "nowhere"}, "alerts.webhook: webhook.url: expected https://HOST/PATH"),
    ],
)
def test_a_channel_that_cannot_work_is_refused_at_the_start(build, environment, webhook, message):
    with pytest.raises(AlertConfigError, match=message) as caught:
        build(environment, webhook=webhook)
    assert "hunter2" not in str(caught.value)


def test_a_missing_package_keeps_its_kind(build, monkeypatch):
    monkeypatch.setitem(sys.modules, "jeepney", None)
    with pytest.raises(MissingPartError, match=r"alerts.desktop: .*pip install 'bonafone\[alerts\]'"):
        build(desktop={"enabled": True})


def test_an_old_secret_signs_beside_the_new_one(build):
    (channel,) = build({"S": SECRET, "OLD": SECRET}, webhook={**WEBHOOK, "previous_secret_env": "OLD"})
    assert len(channel._keys) == 2


def test_the_alerts_load_no_optional_package_before_a_channel_needs_it():
    code = """
import pkgutil, sys, importlib, edge.alerts
for module in pkgutil.walk_packages(edge.alerts.__path__, "edge.alerts."):
    importlib.import_module(module.name)
print(sorted({"paho", "apprise", "gpiozero", "jeepney", "numpy", "click", "requests"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
