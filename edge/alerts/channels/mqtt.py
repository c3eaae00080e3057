"""MQTT with Home Assistant discovery and a last will, through paho-mqtt.

Source: MQTT 3.1.1 (OASIS), 3.1.2.5 "Will Flag" and 4.3.2 "QoS 1: At least once delivery".
"""

from __future__ import annotations

import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from edge.alerts.channels.homeassistant import ALARM_ON, OFFLINE, ONLINE, Topics, discovery_payload
from edge.alerts.errors import AlertConfigError, DeliveryError, import_part
from edge.alerts.event import AlertEvent
from edge.alerts.secret import Secret


@dataclass(frozen=True)
class Broker:
    """Where the broker is and who we are to it; ``ca_file`` None takes the system's authorities.

    Raises
    ------
    AlertConfigError
        The host can be no name.
    """

    host: str
    port: int
    username: str | None = None
    password: Secret | None = None
    tls: bool = False
    ca_file: str | None = None

    def __post_init__(self) -> None:
        try:
            self.host.encode("idna")
        except UnicodeError:
            # Found only when connecting, it would end paho's thread for good.
            raise AlertConfigError(f"mqtt.host: expected a host's name or address, got {self.host!r}") from None


def make_client(broker: Broker, timeout_s: float) -> Any:
    """A client of paho's that knows whom to log in as, not connected yet; ``timeout_s`` is for connecting.

    Raises
    ------
    MissingPartError
        paho-mqtt is not installed.
    AlertConfigError
        The file of certificate authorities cannot be used.
    """
    mqtt = import_part("paho.mqtt.client", "mqtt")
    # The broker picks the client's name: two processes with one name would throw each other out.
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="")
    client.connect_timeout = timeout_s
    if broker.username is not None:
        client.username_pw_set(broker.username, broker.password.reveal() if broker.password else None)
    if broker.tls:
        try:
            client.tls_set(ca_certs=broker.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise AlertConfigError(
                f"mqtt.ca_file: {broker.ca_file} cannot be used ({error}); expected certificates in PEM form"
            ) from error
    return client


class MqttChannel:
    """Keeps a connection of its own, in a thread of paho's, and publishes each event with QoS 1.

    Parameters
    ----------
    broker : the broker; it may be away, and is looked for again and again.
    topics : of this device.
    device_name : for people.
    off_delay_s : seconds after which the alarm goes off.
    timeout_s : for the connection and for the broker's receipt, seconds.
    present : whether this process stands for the device: describes it, says that it is online, and leaves the last
        will. False for a short command beside it, whose end must not show the device offline.

    Raises
    ------
    MissingPartError
        paho-mqtt is not installed.
    AlertConfigError
        The file of certificate authorities cannot be used.
    """

    name = "mqtt"

    def __init__(
        self,
        broker: Broker,
        topics: Topics,
        *,
        device_name: str,
        off_delay_s: int,
        timeout_s: float,
        present: bool = True,
    ) -> None:
        self._broker, self._topics, self._timeout_s, self._present = broker, topics, timeout_s, present
        self._discovery = discovery_payload(topics, device_name, off_delay_s)
        self.longest_s = 3 * timeout_s
        self._connected = threading.Event()
        self._refusal = ""
        self._client = self._make_client()
        # Waits in its own thread, so that a broker that is away does not keep the program from starting.
        self._client.connect_async(broker.host, broker.port, keepalive=30)
        self._client.loop_start()

    def send(self, event: AlertEvent) -> None:
        """Publish the event, and the alarm when it is one; both must be receipted."""
        if not self._connected.wait(self._timeout_s):
            # Given to paho now, it would stay in memory and be sent later, beside our own next attempt.
            where = f"{self._broker.host}:{self._broker.port}"
            raise DeliveryError(f"not connected to the MQTT broker {where}{self._refusal}")
        sent = [self._client.publish(self._topics.event, event.to_json(), qos=1)]
        if event.kind in ("spoof", "test"):
            sent.append(self._client.publish(self._topics.alarm, ALARM_ON, qos=1))
        try:
            for message in sent:
                message.wait_for_publish(self._timeout_s)
        except (RuntimeError, ValueError) as error:
            raise DeliveryError(f"the MQTT broker did not take the event ({error})") from error
        if not all(message.is_published() for message in sent):
            raise DeliveryError(f"no receipt from the MQTT broker within {self._timeout_s:g} s")

    def close(self) -> None:
        """Say goodbye: a clean end does not trigger the last will, so ``offline`` is published here."""
        if self._present and self._connected.is_set():
            goodbye = self._client.publish(self._topics.availability, OFFLINE, qos=1, retain=True)
            # Should the connection go meanwhile, the broker publishes the will.
            with suppress(RuntimeError, ValueError):
                goodbye.wait_for_publish(self._timeout_s)
        self._client.disconnect()
        self._client.loop_stop()

    def _make_client(self) -> Any:
        client = make_client(self._broker, self._timeout_s)
        client.reconnect_delay_set(min_delay=1, max_delay=60)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        if self._present:
            client.will_set(self._topics.availability, OFFLINE, qos=1, retain=True)
            client.on_message = self._on_message
        return client

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._refusal = f" (it answered: {reason})"
            return
        self._refusal = ""
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
