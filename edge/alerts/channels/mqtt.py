"""MQTT with Home Assistant discovery and a last will, through paho-mqtt.

Source: MQTT 3.1.1 (OASIS), 3.1.2.5 "Will Flag" and 4.3.2 "QoS 1: At least once delivery"; Home Assistant
documentation, "MQTT" ("Device discovery payload", "Birth and last will messages"), "MQTT binary sensor", "MQTT sensor".
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from edge import __version__
from edge.alerts.channels.channel import (
    HOUR_S,
    Channel,
    ChannelContext,
    ChannelSettings,
    Need,
    SecretSource,
    need_package,
    need_secret,
)
from edge.alerts.event import AlertConfigError, AlertEvent, DeliveryError
from edge.settings import check_range

ONLINE, OFFLINE, ALARM_ON = "online", "offline", "ON"
_PORT, _TLS_PORT = 1883, 8883
_LEVEL = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class MqttSettings(ChannelSettings):
    """The table ``[alerts.mqtt]``: a broker, and the device in Home Assistant.

    ``port`` None is the usual one, ``ca_file`` None takes the system's authorities, ``device_id`` is unique on the
    broker, ``discovery_prefix`` as in Home Assistant, ``off_delay_s`` is how long, in whole seconds, the alarm stays on
    there. ``timeout_s`` is for the connection and for each receipt of the broker's.
    """

    expires_s: float = HOUR_S
    host: str = ""
    port: int | None = None
    username: str | None = None
    password_env: str | None = None
    password_file: str | None = None
    tls: bool = False
    ca_file: str | None = None
    device_id: str = "bonafone"
    device_name: str = "bonafone"
    discovery_prefix: str = "homeassistant"
    off_delay_s: int = 60

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("host", 'give the broker\'s name: host = "homeassistant.local"')
        check_range(self, "off_delay_s", 1, 86400)
        if self.port is not None:
            check_range(self, "port", 1, 65535)
        if self.password().given and self.username is None:
            raise AlertConfigError("username is missing beside the password; MQTT sends none without the other")

    def password(self) -> SecretSource:
        """Return where the password is, if any."""
        return SecretSource("password", self.password_env, self.password_file)


class Topics:
    """The MQTT topics of one device.

    Attributes
    ----------
    discovery : where the device describes itself; retained.
    status : where Home Assistant says that it has started.
    availability : ``online`` while we are connected; retained, and the broker writes ``offline`` when we are not.
    alarm : ``ON`` with each alarm; never retained.
    event : the JSON of each event; never retained.

    Raises
    ------
    AlertConfigError
        The identity or prefix holds more than letters, digits, ``_`` and ``-``.
    """

    def __init__(self, device_id: str, prefix: str = "homeassistant") -> None:
        for name, value in (("device_id", device_id), ("discovery_prefix", prefix)):
            if not _LEVEL.fullmatch(value):
                raise AlertConfigError(f"mqtt.{name}: expected letters, digits, _ and -, got {value!r}")
        self.discovery, self.status = f"{prefix}/device/{device_id}/config", f"{prefix}/status"
        self.availability = f"bonafone/{device_id}/availability"
        self.alarm, self.event = f"bonafone/{device_id}/alarm", f"bonafone/{device_id}/event"


class MqttChannel(Channel):
    """Keep a connection, in a thread of paho's, and publish each event with QoS 1.

    A process that stands for the device (see `ChannelContext.present`) describes it, says that it is online, and
    leaves the last will. The broker may be away at the start; it is looked for again and again.
    """

    name = "mqtt"
    Settings = MqttSettings
    advice = "check host, port, username, password and tls against the broker's"

    def __init__(self, settings: MqttSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        try:
            settings.host.encode("idna")
        except UnicodeError:
            # Found only when connecting, it would end paho's thread for good.
            raise AlertConfigError(f"mqtt.host: expected a host's name or address, got {settings.host!r}") from None
        self._where = (settings.host, settings.port or (_TLS_PORT if settings.tls else _PORT))
        self._topics = Topics(settings.device_id, settings.discovery_prefix)
        self._discovery = discovery_payload(self._topics, settings)
        self._timeout_s, self._present = settings.timeout_s, context.present
        self.longest_s = 3 * settings.timeout_s
        self._connected, self._answered, self._refusal = threading.Event(), threading.Event(), ""
        self._client = self._make_client(settings, context.environment)
        # Waits in its own thread, so that a broker that is away does not keep the program from starting.
        self._client.connect_async(*self._where, keepalive=30)
        self._client.loop_start()

    @classmethod
    def needs(cls, settings: MqttSettings, environment: Mapping[str, str]) -> list[Need]:
        """List the package paho-mqtt, and the password if one is configured."""
        password = settings.password()
        return [need_package("paho", "paho-mqtt"), *([need_secret(password, environment)] if password.given else [])]

    def send(self, event: AlertEvent) -> None:
        """Publish the event, and the alarm when it is one; both must be receipted."""
        if not self._connected.wait(self._timeout_s):
            # Given to paho now, it would stay in memory and be sent later, beside our own next attempt.
            refusal = f" (it answered: {self._refusal})" if self._refusal else ""
            raise DeliveryError(f"not connected to the MQTT broker {self._shown}{refusal}")
        sent = [self._client.publish(self._topics.event, event.to_json(), qos=1)]
        if event.kind in ("spoof", "test"):
            sent.append(self._client.publish(self._topics.alarm, ALARM_ON, qos=1))
        try:
            for message in sent:
                message.wait_for_publish(self._timeout_s)
        except (RuntimeError, ValueError) as error:
            raise DeliveryError(f"the MQTT broker did not accept the event ({error})") from error
        if not all(message.is_published() for message in sent):
            raise DeliveryError(f"no receipt from the MQTT broker within {self._timeout_s:g} s")

    def reach(self) -> str:
        """Wait for the broker's answer to the login; nothing is published."""
        try:
            socket.create_connection(self._where, self._timeout_s).close()
        except OSError as error:
            raise DeliveryError(
                f"the broker {self._shown} cannot be reached ({error.strerror or error}); "
                "check host, port and tls, and that the broker runs"
            ) from error
        if not self._answered.wait(self._timeout_s):
            raise DeliveryError(
                f"{self._shown} accepts the connection and does not answer as an MQTT broker; check the port and tls"
            )
        if self._refusal:
            raise DeliveryError(f"the broker {self._shown} answers: {self._refusal}; check user name and password")
        return f"the broker {self._shown} accepts us"

    def close(self) -> None:
        """Publish ``offline``, since a clean end does not trigger the last will, and disconnect."""
        if self._present and self._connected.is_set():
            goodbye = self._client.publish(self._topics.availability, OFFLINE, qos=1, retain=True)
            # Should the connection go meanwhile, the broker publishes the will.
            with suppress(RuntimeError, ValueError):
                goodbye.wait_for_publish(self._timeout_s)
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def _shown(self) -> str:
        return f"{self._where[0]}:{self._where[1]}"

    def _make_client(self, settings: MqttSettings, environment: Mapping[str, str]) -> Any:
        mqtt = import_module("paho.mqtt.client")
        # The broker picks the client's name: two processes with one name would throw each other out.
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="")
        client.connect_timeout = settings.timeout_s
        if settings.username is not None:
            password = settings.password()
            secret = password.read(environment).reveal() if password.given else None
            client.username_pw_set(settings.username, secret)
        if settings.tls:
            try:
                client.tls_set(ca_certs=settings.ca_file)
            # ssl.SSLError is one too.
            except OSError as error:
                raise AlertConfigError(
                    f"mqtt.ca_file: {settings.ca_file} cannot be used ({error}); expected certificates in PEM form"
                ) from error
        client.reconnect_delay_set(min_delay=1, max_delay=60)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        if self._present:
            client.will_set(self._topics.availability, OFFLINE, qos=1, retain=True)
            client.on_message = self._on_message
        return client

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._refusal = str(reason) if reason.is_failure else ""
        self._answered.set()
        if self._refusal:
            return
        if self._present:
            client.subscribe(self._topics.status, qos=1)
            self._announce(client)
        self._connected.set()

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._connected.clear()

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        # Home Assistant has started anew, maybe beside a broker that lost what it retained.
        if message.topic == self._topics.status and message.payload == ONLINE.encode():
            self._announce(client)

    def _announce(self, client: Any) -> None:
        client.publish(self._topics.discovery, self._discovery, qos=1, retain=True)
        client.publish(self._topics.availability, ONLINE, qos=1, retain=True)


def discovery_payload(topics: Topics, settings: MqttSettings) -> str:
    """Describe the device for Home Assistant: an alarm that goes off by itself, and the last event.

    Home Assistant turns the alarm off after ``off_delay_s`` seconds. We send no OFF: one that is lost would leave the
    alarm on for ever.
    """
    device_id = settings.device_id
    payload = {
        "device": {
            "identifiers": [device_id],
            "name": settings.device_name,
            "manufacturer": "bonafone",
            "model": "Detector of synthetic speech",
            "sw_version": __version__,
        },
        "origin": {"name": "bonafone", "sw_version": __version__},
        "components": {
            "alarm": {
                "platform": "binary_sensor",
                "name": "Synthetic voice",
                # In Home Assistant "safety" is off for safe and on for unsafe.
                "device_class": "safety",
                "unique_id": f"{device_id}_alarm",
                "state_topic": topics.alarm,
                "payload_on": ALARM_ON,
                "off_delay": settings.off_delay_s,
            },
            "event": {
                "platform": "sensor",
                "name": "Last event",
                "unique_id": f"{device_id}_event",
                "state_topic": topics.event,
                "value_template": "{{ value_json.data.kind }}",
                "json_attributes_topic": topics.event,
                "json_attributes_template": "{{ value_json.data | tojson }}",
            },
        },
        "availability": [{"topic": topics.availability}],
        "qos": 1,
    }
    return json.dumps(payload, separators=(",", ":"))
