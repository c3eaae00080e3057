"""MQTT against a real broker, mosquitto, and a second client that listens in; and what Home Assistant reads."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from edge.alerts.channels.mqtt import MqttChannel, MqttSettings, Topics, discovery_payload
from edge.alerts.event import AlertConfigError, DeliveryError
from tests.edge.harness import free_port, wait_for
from tests.edge.mqtt_broker import Listener, RunningBroker, needs_broker

pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed (extra alerts)")
TOPICS = Topics("hall_pi")
CHILD = """
import sys, time
from edge.alerts.channels.channel import ChannelContext
from edge.alerts.channels.mqtt import MqttChannel, MqttSettings
settings = MqttSettings(enabled=True, host="127.0.0.1", port=int(sys.argv[1]), device_id="hall_pi")
channel = MqttChannel(settings, ChannelContext({}))
channel._connected.wait(30)
time.sleep(60)
"""


@pytest.fixture
def broker(tmp_path):
    with RunningBroker(tmp_path) as running:
        yield running


@pytest.fixture
def listener(broker):
    with Listener(broker.port) as running:
        yield running


@pytest.fixture
def connect(build):
    def connect(port, *, present=True, timeout_s=3.0, environment=None, **more):
        where = {"host": "127.0.0.1", "port": port, "device_id": "hall_pi", **more}
        return build(MqttChannel, environment, present=present, timeout_s=timeout_s, **where)

    return connect


class TestWithABroker:
    pytestmark = needs_broker

    def test_an_event_and_its_alarm_arrive_and_are_not_retained(self, broker, listener, connect, event):
        connect(broker.port).send(event)
        wait_for(lambda: listener.texts(TOPICS.alarm))
        assert listener.texts(TOPICS.event) == [event.to_json()]
        assert listener.texts(TOPICS.alarm) == ["ON"]
        with Listener(broker.port) as late:
            wait_for(lambda: late.texts(TOPICS.availability))
        assert late.texts(TOPICS.alarm) == late.texts(TOPICS.event) == []

    def test_what_is_no_alarm_does_not_raise_one(self, broker, listener, connect, make_event):
        connect(broker.port).send(make_event("x", kind="source_lost"))
        wait_for(lambda: listener.texts(TOPICS.event))
        assert listener.texts(TOPICS.alarm) == []

    def test_the_device_is_described_and_online_for_those_who_come_later(self, broker, connect, event):
        connect(broker.port).send(event)
        with Listener(broker.port) as late:
            wait_for(lambda: late.texts(TOPICS.availability) and late.texts(TOPICS.discovery))
        assert late.texts(TOPICS.availability) == ["online"]
        assert json.loads(late.texts(TOPICS.discovery)[0])["components"]["alarm"]["state_topic"] == TOPICS.alarm
        assert all(retained for _, _, retained in late.messages)

    def test_the_device_describes_itself_again_when_home_assistant_starts(self, broker, listener, connect, event):
        connect(broker.port).send(event)
        wait_for(lambda: len(listener.texts(TOPICS.discovery)) == 1)
        listener.client.publish(TOPICS.status, "offline", qos=1)
        listener.client.publish(TOPICS.status, "online", qos=1)
        wait_for(lambda: len(listener.texts(TOPICS.discovery)) == 2)

    def test_the_broker_says_offline_when_the_process_is_killed(self, broker, listener):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(broker.port)])
        try:
            wait_for(lambda: listener.texts(TOPICS.availability) == ["online"])
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        wait_for(lambda: listener.texts(TOPICS.availability) == ["online", "offline"])

    def test_a_clean_end_says_offline(self, broker, listener, connect, event):
        channel = connect(broker.port)
        channel.send(event)
        channel.close()
        wait_for(lambda: listener.texts(TOPICS.availability) == ["online", "offline"])

    def test_a_broker_that_comes_back_gets_the_next_attempt(self, broker, connect, event):
        channel = connect(broker.port, timeout_s=0.5)
        channel._connected.wait(30)
        broker.stop()
        wait_for(lambda: not channel._connected.is_set())
        with pytest.raises(DeliveryError, match=f"not connected to the MQTT broker 127.0.0.1:{broker.port}"):
            channel.send(event)
        broker.start()
        with Listener(broker.port) as listener:
            assert channel._connected.wait(30)
            channel.send(event)
            wait_for(lambda: listener.texts(TOPICS.event))
        # The attempt that failed is not sent beside its own repetition.
        assert listener.texts(TOPICS.event) == [event.to_json()]


def test_a_broker_that_is_away_does_not_keep_the_program_from_starting(connect, event):
    channel = connect(free_port(), timeout_s=0.2)
    with pytest.raises(DeliveryError, match="not connected") as caught:
        channel.send(event)
    assert caught.value.retry


def test_what_cannot_work_is_refused_at_the_start(connect):
    for settings, message in [
        ({"tls": True, "ca_file": "/none.pem"}, "mqtt.ca_file: /none.pem cannot be used"),
        ({"host": "home..local"}, "mqtt.host: expected a host's name or address, got 'home..local'"),
        *(
            ({"device_id": name}, "mqtt.device_id: expected letters, digits, _ and -, got")
            for name in ("", "a/b", "a+", "#", "ä", "a b")
        ),
    ]:
        with pytest.raises(AlertConfigError, match=message):
            connect(1, **settings)


class TestHomeAssistant:
    """What it reads, against what its documentation requires."""

    def payload(self):
        return json.loads(discovery_payload(TOPICS, MqttSettings(device_id="hall_pi", device_name="Hall")))

    def test_the_device_is_described_under_its_own_topic(self):
        assert TOPICS.discovery == "homeassistant/device/hall_pi/config"
        assert Topics("hall_pi", "ha").discovery == "ha/device/hall_pi/config"
        assert Topics("hall_pi", "ha").status == "ha/status"

    def test_a_device_discovery_has_device_origin_and_components(self):
        """Required by the documentation: identifiers, the origin's name, and a platform and unique id a component."""
        seen = self.payload()
        assert seen["device"]["identifiers"] == ["hall_pi"]
        assert seen["origin"]["name"]
        assert {item["platform"] for item in seen["components"].values()} == {"binary_sensor", "sensor"}
        ids = [item["unique_id"] for item in seen["components"].values()]
        assert len(set(ids)) == len(ids)
        assert all(item["state_topic"] for item in seen["components"].values())
        assert seen["availability"] == [{"topic": TOPICS.availability}]

    def test_the_alarm_goes_off_by_itself(self):
        alarm = self.payload()["components"]["alarm"]
        assert (alarm["off_delay"], alarm["payload_on"], alarm["state_topic"]) == (60, "ON", TOPICS.alarm)
