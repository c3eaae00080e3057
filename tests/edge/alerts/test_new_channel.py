"""A new alert channel is one class and one registration."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest

from edge.alerts import channels
from edge.alerts.channels.channel import Channel, ChannelContext, ChannelSettings, need_program
from edge.alerts.service import Alerts
from edge.alerts.settings import settings_from_table
from edge.doctor.checks import check_alerts

FLOWN = []


@dataclass(frozen=True)
class PigeonSettings(ChannelSettings):
    loft: str = ""

    def __post_init__(self):
        super().__post_init__()
        self.require("loft", "give the pigeon's home")


class PigeonChannel(Channel):
    name, Settings, advice = "pigeon", PigeonSettings, "look for a hawk"

    def __init__(self, settings, context):
        super().__init__(settings, context)
        self.loft = settings.loft

    @classmethod
    def needs(cls, settings, environment):
        return [need_program("sh", "buy corn", environment)]

    def send(self, event):
        FLOWN.append((self.loft, event.id))

    def reach(self):
        return f"{self.loft} is inhabited"


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    FLOWN.clear()
    monkeypatch.setattr(channels, "CHANNELS", (*channels.CHANNELS, PigeonChannel))


def test_it_is_configured_listed_and_tested(home):
    home.configure("[alerts.pigeon]", "enabled = true", 'loft = "roof"')
    (row,) = [row for row in home.rows("alerts", "list") if row["channel"] == "pigeon"]
    assert (row["enabled"], row["needs"][0]["name"], row["needs"][0]["present"]) == (True, "sh", True)
    (result,) = home.rows("alerts", "test")
    assert (result["channel"], result["arrived"]) == ("pigeon", True)
    assert [("roof", result["event_id"])] == FLOWN
    home.configure("[alerts.pigeon]", "enabled = true")
    assert "alerts.pigeon.loft is missing; give the pigeon's home" in home.run("alerts", "list")[2]


def test_it_is_delivered_to_and_checked_by_the_doctor(tmp_path, event):
    table = {"outbox": str(tmp_path / "alerts.sqlite"), "pigeon": {"enabled": True, "loft": "roof"}}
    settings = settings_from_table(table)
    with Alerts(settings, environment={"PATH": "/bin"}, terminal=io.StringIO()) as alerts:
        alerts.publish(event)
        assert alerts.wait(event.id, timeout_s=30.0)
    assert [("roof", event.id)] == FLOWN
    context = ChannelContext({"PATH": "/bin"}, io.StringIO())
    found = {finding.check: finding for finding in check_alerts(settings, context, send=False)}
    assert found["alerts.pigeon"].seen == "roof is inhabited"


def test_it_can_be_passed_in_without_the_registry():
    settings = settings_from_table({"pigeon": {"enabled": True, "loft": "roof"}}, kinds=[PigeonChannel])
    assert settings.enabled() == ["pigeon"]
    assert settings.build("pigeon", ChannelContext({"PATH": "/bin"})).loft == "roof"
