"""What Home Assistant is told, against what its documentation requires."""

from __future__ import annotations

import json

import pytest

from edge.alerts.channels.homeassistant import Topics, discovery_payload
from edge.alerts.errors import AlertConfigError

TOPICS = Topics("hall_pi")


def payload():
    return json.loads(discovery_payload(TOPICS, "Hall", 60))


def test_the_device_is_described_under_its_own_topic():
    assert TOPICS.discovery == "homeassistant/device/hall_pi/config"
    assert Topics("hall_pi", "ha").discovery == "ha/device/hall_pi/config"
    assert Topics("hall_pi", "ha").status == "ha/status"


def test_a_device_discovery_has_device_origin_and_components():
    """Required by the documentation: identifiers, the origin's name, and a platform and unique id a component."""
    seen = payload()
    assert seen["device"]["identifiers"] == ["hall_pi"]
    assert seen["origin"]["name"]
    assert {item["platform"] for item in seen["components"].values()} == {"binary_sensor", "sensor"}
    ids = [item["unique_id"] for item in seen["components"].values()]
    assert len(set(ids)) == len(ids)
    assert all(item["state_topic"] for item in seen["components"].values())
    assert seen["availability"] == [{"topic": TOPICS.availability}]


def test_the_alarm_goes_off_by_itself():
    alarm = payload()["components"]["alarm"]
    assert (alarm["off_delay"], alarm["payload_on"], alarm["state_topic"]) == (60, "ON", TOPICS.alarm)


@pytest.mark.parametrize("device_id", ["", "a/b", "a+", "#", "ä", "a b"])
def test_an_id_that_is_no_level_of_a_topic_is_refused(device_id):
    with pytest.raises(AlertConfigError, match=r"mqtt.device_id: expected letters, digits, _ and -, got"):
        Topics(device_id)
